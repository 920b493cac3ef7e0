"""The table of settings: what each does, where it comes from, and that a bad value only warns."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

import flowscope
from flowscope import _config, _config_file, _runtime, _settings_docs
from flowscope._config import SETTINGS, Config


def test_every_setting_has_a_field_a_default_that_parses_and_a_meaning():
    assert [setting.name for setting in SETTINGS] == [field.name for field in dataclasses.fields(Config)]
    assert len({setting.env for setting in SETTINGS}) == len(SETTINGS)
    for setting in SETTINGS:
        assert setting.env.startswith("FLOWSCOPE_") and setting.meaning.endswith(".")
        setting.parse(setting.default)


def test_defaults_are_the_contracts():
    config = _config.load({}, {})
    assert config == Config(
        addr="tcp://127.0.0.1:3569",
        session_id="",
        auto=("all",),
        include=(),
        exclude=(),
        capture="full",
        sample=1.0,
        max_value=1 << 20,
        redact=True,
        buffer=32 << 20,
        flush_timeout=2.0,
        debug=False,
    )


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("addr", "tcp://10.0.0.1:99, ipc:///tmp/x", "tcp://10.0.0.1:99, ipc:///tmp/x"),
        ("session_id", " my session ", "my session"),
        ("auto", "LangChain, llamaindex", ("langchain", "llamaindex")),
        ("auto", "none", ()),
        ("include", "a*, b", ("a*", "b")),
        ("capture", "Metadata", "metadata"),
        ("sample", "0.25", 0.25),
        ("max_value", "512", 512),
        ("max_value", "1.5 MB", 1_572_864),
        ("buffer", "2GiB", 2 << 30),
        ("redact", "off", False),
        ("debug", "1", True),
        ("flush_timeout", "0.5", 0.5),
    ],
)
def test_the_environment_sets_them(name, text, value):
    (setting,) = [setting for setting in SETTINGS if setting.name == name]
    assert getattr(_config.load({}, {setting.env: text}), name) == value


def test_init_goes_before_the_environment():
    environment = {"FLOWSCOPE_SESSION": "from env", "FLOWSCOPE_SAMPLE": "0.5"}
    config = _config.load({"session_id": "from init"}, environment)
    assert (config.session_id, config.sample) == ("from init", 0.5)


BAD = [
    ("FLOWSCOPE_ADDR", "tpc://127.0.0.1:1"),
    ("FLOWSCOPE_ADDR", "tcp://127.0.0.1"),
    ("FLOWSCOPE_SAMPLE", "7"),
    ("FLOWSCOPE_SAMPLE", "nan"),
    ("FLOWSCOPE_MAX_VALUE", "lots"),
    ("FLOWSCOPE_BUFFER", "-1"),
    ("FLOWSCOPE_CAPTURE", "everything"),
    ("FLOWSCOPE_REDACT", "maybe"),
    ("FLOWSCOPE_FLUSH_TIMEOUT", "soon"),
    ("FLOWSCOPE_DEBUG", "\x1b[31m"),
]


@pytest.mark.parametrize(("env", "text"), BAD)
def test_a_bad_value_warns_once_in_one_clear_line_and_the_program_runs(run_python, env, text):
    source = """
        import flowscope
        for _ in range(3):
            with flowscope.trace("work") as span:
                pass
        flowscope.init(session_id="again")
        with flowscope.trace("work"):
            pass
        print("done")
    """
    environment = {"FLOWSCOPE_ADDR": "tcp://127.0.0.1:9", env: text}
    program = run_python(source, env=environment)
    assert (program.status, program.out) == (0, "done\n")
    (line,) = program.err.splitlines()
    assert line.startswith(f"flowscope: {env}: ") and line.isprintable()
    assert ("tracing is off" if env == "FLOWSCOPE_ADDR" else "using ") in line


def test_an_unknown_framework_warns_once_and_the_program_runs(run_python):
    environment = {"FLOWSCOPE_ADDR": "tcp://127.0.0.1:9", "FLOWSCOPE_AUTO": "langchian"}
    program = run_python("import flowscope.auto, flowscope\nflowscope.init(auto_trace='langchian')", env=environment)
    assert program.status == 0 and len(program.err.splitlines()) == 1 and "langchian" in program.err


def test_off_disables_everything(run_python):
    source = """
        import flowscope, sys, threading
        with flowscope.trace("work") as span:
            span.output = 1
            assert not span.is_recording
        @flowscope.trace
        def f(): return 1
        assert f() == 1 and flowscope.flush()
        print("zmq" in sys.modules, len(sys._current_frames()))
    """
    assert run_python(source, env={"FLOWSCOPE_ADDR": "off"}, check=True).out == "False 1\n"


def test_the_default_session_is_named_for_the_program_and_its_start(run_python, make_listener, free_addr):
    listener = make_listener(free_addr)
    source = "import flowscope\nwith flowscope.trace('work'): pass\n"
    for _ in range(2):
        run_python(source, env={"FLOWSCOPE_ADDR": free_addr}, check=True)
    sessions = {span["session_id"] for span in listener.finished(2)}
    assert len(sessions) == 2
    for session in sessions:
        name, day, clock, tail = session.rsplit("-", 3)
        assert (name, len(day), len(clock), len(tail)) == ("app", 8, 6, 4)
    assert {header.producer.program for header in listener.headers} == {"app"}
    assert {header.producer.session_id for header in listener.headers} == sessions


def test_metadata_level_sends_no_inputs_and_outputs(setup, listener):
    setup(addr=listener.addr, capture="metadata")

    @flowscope.trace
    def numbers():
        yield "secret item"

    with flowscope.trace("work", input="secret", metadata={"n": 1}) as span:
        span.output = span.input = "secret"
        span.stream("secret")
        list(numbers())
    listener.finished(2)
    assert "secret" not in str(listener.spans) and listener.one("work")["metadata"]["n"] == 1


def test_errors_level_sends_only_spans_that_fail(setup, listener):
    setup(addr=listener.addr, capture="errors")
    for number in range(3):
        with pytest.raises(ValueError), flowscope.trace(f"fails {number}", input="kept"):
            with flowscope.trace("works") as works:
                works.output = 1
            works.output = 2
            raise ValueError
    flowscope.flush()
    listener.finished(3)
    listener.drain()
    assert sorted(span["operation"] for span in listener.records) == ["fails 0", "fails 1", "fails 2"]
    assert listener.one("fails 0")["input"] == "kept"


def test_excluded_operations_are_looked_through(setup, listener):
    setup(addr=listener.addr, exclude=["Prompt*"])
    with flowscope.trace("root") as root, flowscope.trace("PromptTemplate"), flowscope.trace("inner") as inner:
        pass
    with flowscope.trace("PromptAlone"), flowscope.trace("below") as below:
        pass
    assert inner.parent_id == root.id and below.parent_id is None
    assert {span["operation"] for span in listener.finished(3)} == {"root", "inner", "below"}


def test_included_operations_are_all_that_is_recorded(setup, listener):
    setup(addr=listener.addr, include="llm*,tool")
    with flowscope.trace("root"), flowscope.trace("llm call") as outer, flowscope.trace("x"), flowscope.trace("tool"):
        pass
    listener.finished(2)
    assert listener.one("tool")["parent_id"] == outer.id


def test_sampling_keeps_or_drops_whole_trees(setup, listener):
    setup(addr=listener.addr, sample=0.5)
    for number in range(400):
        with flowscope.trace(f"root {number}"), flowscope.trace(f"child {number}"):
            pass
    for _ in range(100):  # one of them is kept, and comes after all before
        with flowscope.trace("end"):
            pass
    listener.one_of("end")
    spans = listener.spans.values()
    kept, children = (
        sorted(span["operation"].split()[1] for span in spans if span["operation"].startswith(name))
        for name in ("root", "child")
    )
    assert kept == children and 100 < len(kept) < 300


def test_init_again_moves_what_follows(setup, listener, make_listener, tmp_path):
    other = make_listener(f"ipc://{tmp_path}/other")
    setup(addr=listener.addr, session_id="one")
    with flowscope.trace("first"):
        pass
    assert flowscope.flush()
    setup(addr=other.addr)
    with flowscope.trace("second"):
        pass
    assert listener.one("first")["session_id"] == other.one("second")["session_id"] == "one"


def test_shutdown_ends_recording_until_init(setup, listener):
    setup(addr=listener.addr)
    with flowscope.trace("before"):
        pass
    flowscope.shutdown()
    with flowscope.trace("after") as span:
        assert not span.is_recording
    setup(addr=listener.addr)
    with flowscope.trace("again"):
        pass
    listener.finished(2)
    assert {span["operation"] for span in listener.spans.values()} == {"before", "again"}


def test_nothing_that_init_is_given_raises(setup, capsys):
    setup(addr=5, session_id=object(), sample="x", max_value=[], include=3)  # type: ignore[arg-type]
    assert capsys.readouterr().err.count("flowscope: ") >= 3
    assert _runtime._runtime is not None


def test_the_page_on_settings_is_made_from_the_table():
    page = Path(__file__).parents[2] / "docs" / "sdk-settings.md"
    assert page.read_text() == _settings_docs.render(), "run python -m flowscope._settings_docs > docs/sdk-settings.md"


FILES = [
    (
        "flowscope.toml",
        'session_id = "from file"\nsample = 0.5\nexclude = ["a*", "b"]\nmax_value = "2KiB"\nredact = false\n',
    ),
    (
        "pyproject.toml",
        "[project]\nname = 'x'\n[tool.flowscope]\nsession_id = 'from file'\nsample = 0.5\nexclude = 'a*,b'\n"
        "max_value = 2048\nredact = 'off'\n",
    ),
]


@pytest.mark.parametrize(("name", "text"), FILES)
def test_a_file_above_the_working_directory_sets_them_and_the_environment_and_init_go_before_it(
    tmp_path, monkeypatch, name, text
):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / name).write_text(text)
    (inner / "pyproject.toml").write_text("[project]\nname = 'says nothing of flowscope'\n")
    monkeypatch.chdir(inner)
    _config_file.forget()
    config = _config.load({}, {})
    assert (config.session_id, config.sample, config.exclude) == ("from file", 0.5, ("a*", "b"))
    assert (config.max_value, config.redact) == (2048, False)
    config = _config.load({"sample": 1.0}, {"FLOWSCOPE_SESSION": "from env", "FLOWSCOPE_SAMPLE": "0.1"})
    assert (config.session_id, config.sample, config.exclude) == ("from env", 1.0, ("a*", "b"))
    _config_file.forget()


BAD_FILES = {
    "flowscope.toml": ["sample = 7", "sample = ", "smaple = 1", "addr = 'nowhere'", "include = 3", "\xff", "auto = 3"],
    "pyproject.toml": ["[tool]\nflowscope = 3", "[tool.flowscope\n", "[tool.flowscope]\nbuffer = []\n"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in BAD_FILES for text in BAD_FILES[name]])
def test_a_bad_file_warns_once_in_one_clear_line_and_the_program_runs(run_python, tmp_path, name, text):
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    source = """
        import flowscope.auto
        for _ in range(3):
            with flowscope.trace("work"):
                pass
        flowscope.init(session_id="again")
        print("done")
    """
    program = run_python(source, env={"FLOWSCOPE_ADDR": "tcp://127.0.0.1:9"} if "addr" not in text else {})
    assert (program.status, program.out) == (0, "done\n")
    (line,) = program.err.splitlines()
    assert line.startswith(f"flowscope: {tmp_path / name}: ") and line.isprintable()


def test_another_users_file_is_left_out(tmp_path, monkeypatch, capsys):
    (tmp_path / "flowscope.toml").write_text("sample = 0.5")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.getuid", lambda: (tmp_path / "flowscope.toml").stat().st_uid + 1)
    if (tmp_path / "flowscope.toml").stat().st_uid == 0:
        os.chown(tmp_path / "flowscope.toml", 12345, 12345)
        monkeypatch.setattr("os.getuid", lambda: 0)
    _config_file.forget()
    assert _config.load({}, {}).sample == 1.0 and "belongs to another user" in capsys.readouterr().err
    _config_file.forget()


def test_a_program_that_is_not_attached_reads_no_file_and_an_attached_one_imports_toml_only_for_one(
    run_python, tmp_path
):
    spanless = "import flowscope, sys\nprint('tomllib' in sys.modules, 'flowscope._config_file' in sys.modules)"
    (tmp_path / "flowscope.toml").write_text("broken")
    program = run_python(spanless, check=True)
    assert (program.out, program.err) == ("False False\n", "")
    (tmp_path / "flowscope.toml").unlink()
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert run_python(spanless, env={"FLOWSCOPE_ADDR": "tcp://127.0.0.1:9"}, check=True).out == "False True\n"


def test_a_files_frameworks_are_those_that_are_instrumented(run_python, tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.flowscope]\nauto_trace = ['llamaindex']\n")
    source = """
        from flowscope import instrumentation
        print([status.name for status in instrumentation.status() if status.active])
    """
    attached = {"FLOWSCOPE_ADDR": "tcp://127.0.0.1:9"}
    assert run_python(source, env=attached, check=True).out == "['llamaindex']\n"
    assert run_python(source, env={**attached, "FLOWSCOPE_AUTO": "none"}, check=True).out == "[]\n"


def test_a_function_of_the_programs_own_redacts_what_is_left(setup, listener):
    def own(value):
        if isinstance(value, dict):
            return {key: own(item) for key, item in value.items()}
        return value.replace("Ann", "[name]") if isinstance(value, str) else value

    setup(addr=listener.addr, redact=own)
    with pytest.raises(ValueError), flowscope.trace("ask Ann", input={"q": "Ann", "password": "x1"}) as span:
        span.output = "to Ann"
        span.set("user", "Ann")
        raise ValueError("no Ann")
    (record,) = listener.finished(1)
    assert "Ann" not in str({**record, "metadata": {"user": record["metadata"]["user"]}})
    assert (record["operation"], record["input"]) == ("ask [name]", {"q": "[name]", "password": "[redacted]"})


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, RecursionError])
def test_where_that_function_fails_the_value_is_masked_whole(setup, listener, error):
    def own(value):
        with flowscope.trace("of the function"):
            raise error("secret")

    setup(addr=listener.addr, redact=own)
    with flowscope.trace("secret work", input={"q": "secret"}, metadata={"m": "secret"}) as span:
        span.output = ["secret"]
    (record,) = listener.finished(1)
    assert (record["operation"], record["input"], record["output"]) == ("[redacted]",) * 3
    assert "secret" not in str(record) and record["metadata"]["flowscope.kind"] == "custom"


def test_a_trace_that_the_sample_leaves_out_is_left_out_in_the_processes_that_it_calls(setup, listener):
    setup(addr=listener.addr, sample=0.0)
    with flowscope.trace("left out"), flowscope.trace("below"):
        headers = flowscope.inject({})
        assert headers["traceparent"].endswith("-00")
    setup(sample=1.0)
    with flowscope.extract(headers), flowscope.trace("called"):
        assert flowscope.inject({})["traceparent"] == headers["traceparent"]
    with flowscope.trace("kept"):
        headers = flowscope.inject({})
        assert headers["traceparent"].endswith("-01")
    setup(sample=0.0)
    with flowscope.extract(headers), flowscope.trace("called and kept"):
        pass
    assert {span["operation"] for span in listener.finished(2)} == {"kept", "called and kept"}
