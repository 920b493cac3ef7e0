"""Attaching without a change to the program, and what that costs; import hooks that break nothing."""

from __future__ import annotations

import importlib
import sys

import pytest

from flowscope import _hooks

SPANLESS = "import sys\nprint(sorted(name for name in sys.modules if name.startswith(('flowscope', 'zmq', 'orjson'))))"


def test_without_the_variable_nothing_of_ours_is_imported(run_python):
    assert run_python(SPANLESS, check=True).out == "[]\n"
    assert run_python(SPANLESS, env={"FLOWSCOPE_ADDR": ""}, check=True).out == "[]\n"


def test_with_it_hooks_are_set_and_no_socket_is_opened(run_python):
    out = run_python(SPANLESS, env={"FLOWSCOPE_ADDR": "tcp://127.0.0.1:9"}, check=True).out
    assert "flowscope._hooks" in out and "zmq" not in out and "orjson" not in out


def test_until_there_is_a_span_a_programs_imports_cost_what_they_did(run_python):
    program = SPANLESS.replace(
        "import sys", "import sys, subprocess, threading, multiprocessing.pool, concurrent.futures"
    )
    out = run_python(program, env={"FLOWSCOPE_ADDR": "tcp://127.0.0.1:9"}, check=True).out
    assert not any(name in out for name in ("_processes", "_propagate", "_span", "orjson", "zmq"))


def test_off_attaches_nothing(run_python):
    assert "_hooks" not in run_python(SPANLESS, env={"FLOWSCOPE_ADDR": "off"}, check=True).out


def test_a_program_that_imports_nothing_of_ours_is_traced(run_python, make_listener, free_addr):
    pytest.importorskip("langchain_core")
    listener = make_listener(free_addr)
    program = """
        from langchain_core.runnables import RunnableLambda
        print(RunnableLambda(lambda x: x + 1, name="add").invoke(1))
    """
    for options in ((), ("-I",)):
        done = run_python(program, *options, env={"FLOWSCOPE_ADDR": free_addr}, check=True)
        assert (done.out, done.err) == ("2\n", "")
    spans = listener.finished(2)
    assert {(span["operation"], span["framework"]) for span in spans} == {("add", "langchain")}


def test_importing_flowscope_imports_nothing_else_and_is_fast(run_python):
    program = """
        import sys, time
        before = set(sys.modules)
        begun = time.perf_counter()
        import flowscope
        took = time.perf_counter() - begun
        print(sorted(set(sys.modules) - before), took < 0.01, "zmq" in sys.modules)
        print(dir(flowscope) == sorted(set(dir(flowscope))), flowscope.__version__)
    """
    lines = run_python(program, check=True).out.splitlines()
    assert lines == ["['flowscope'] True False", "True 0.1.0"]


def test_every_public_name_is_there():
    import flowscope

    for name in flowscope.__all__:
        assert getattr(flowscope, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        flowscope.no_such_name  # noqa: B018


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Makes a module `made_for_hooks` out of source text."""
    monkeypatch.syspath_prepend(str(tmp_path))
    finders = list(sys.meta_path)

    def make(source):
        (tmp_path / "made_for_hooks.py").write_text(source)
        importlib.invalidate_caches()

    yield make
    sys.modules.pop("made_for_hooks", None)
    assert [finder for finder in sys.meta_path if finder is not _hooks._finder] == [
        finder for finder in finders if finder is not _hooks._finder
    ]


def test_a_hook_runs_right_after_the_import_and_leaves_the_loader_as_it_is(package):
    package("value = 1\ntext = open(__file__).read()\n")
    seen = []
    hook = _hooks.register("made_for_hooks", lambda module: seen.append(module.value))
    import made_for_hooks

    assert seen == [1]
    loader = made_for_hooks.__spec__.loader
    assert type(loader).__name__ == "SourceFileLoader" and "exec_module" not in vars(loader)
    assert loader.get_source("made_for_hooks") == made_for_hooks.text
    importlib.reload(made_for_hooks)
    assert seen == [1, 1]
    hook.uninstall()
    importlib.reload(made_for_hooks)
    assert seen == [1, 1]


def test_a_module_imported_earlier_is_called_back_at_once():
    seen = []
    hook = _hooks.register("json.decoder", lambda module: seen.append(module.__name__))
    assert seen == ["json.decoder"] if "json.decoder" in sys.modules else not seen
    hook.uninstall()
    hook.uninstall()


def test_a_hook_that_fails_does_not_break_the_import(package, monkeypatch):
    monkeypatch.setenv("FLOWSCOPE_RAISE", "0")
    package("value = 1\n")
    seen = []
    hooks = [
        _hooks.register("made_for_hooks", lambda module: 1 / 0),
        _hooks.register("made_for_hooks", lambda module: seen.append(1)),
    ]
    import made_for_hooks

    assert made_for_hooks.value == 1 and seen == [1]
    for hook in hooks:
        hook.uninstall()


def test_a_module_that_fails_fails_as_it_would(package):
    package("raise RuntimeError('its own')\n")
    seen = []
    hook = _hooks.register("made_for_hooks", seen.append)
    with pytest.raises(RuntimeError, match="its own") as caught:
        import made_for_hooks  # noqa: F401
    assert not seen and "made_for_hooks" not in sys.modules
    assert caught.value.__context__ is None
    hook.uninstall()


def test_a_module_that_does_not_exist_is_not_found():
    hook = _hooks.register("no_such_module_anywhere", print)
    with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
        import no_such_module_anywhere  # noqa: F401
    hook.uninstall()


def test_without_hooks_no_finder_stays_behind(run_python):
    program = """
        import sys
        from flowscope import _hooks
        before = list(sys.meta_path)
        hook = _hooks.register("somewhere", print)
        assert sys.meta_path[1:] == before
        hook.uninstall()
        assert sys.meta_path == before
    """
    run_python(program, check=True)
