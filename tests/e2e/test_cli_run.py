"""`flowscope run`: the program runs as it would alone, traced where that is possible, said once where it is not."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import signal
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

import pytest
from patience import PATIENCE

import flowscope_app

FLOWSCOPE = [sys.executable, "-m", "flowscope_app"]
RUN = [*FLOWSCOPE, "run"]


def run(*words: str, cwd: Path, env: dict[str, str] | None = None, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *words],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        **more,  # type: ignore[call-overload]
    )


def write(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(autouse=True)
def _own_home(home: Path) -> None:
    """No test meets the user's own files."""


@pytest.mark.parametrize("words", [["python"], [sys.executable], [], ["--", "python"], ["--"]])
def test_arguments_streams_and_status_are_the_programs(tmp_path: Path, words: Sequence[str]) -> None:
    write(
        tmp_path,
        "app.py",
        "import sys",
        "print(sys.argv[1:], sys.stdin.read())",
        "print('to stderr', file=sys.stderr)",
        "sys.exit(7)",
    )
    path = str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]
    done = run(*words, "app.py", "--help", "-x", "a b", cwd=tmp_path, input="typed", env={"PATH": path})
    assert done.returncode == 7
    assert done.stdout == "['--help', '-x', 'a b'] typed\n"
    assert done.stderr == "to stderr\n"


def test_the_program_is_the_process_itself(tmp_path: Path) -> None:
    write(tmp_path, "app.py", "import os", "print(os.getpid())")
    process = subprocess.Popen([*RUN, "app.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.communicate(timeout=PATIENCE)[0] == f"{process.pid}\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_the_program_as_it_would_alone(tmp_path: Path, number: signal.Signals) -> None:
    write(tmp_path, "app.py", "import time", "print('up', flush=True)", "time.sleep(60)")
    process = subprocess.Popen(
        [*RUN, "app.py"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(number)
    errors = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == -number
    assert errors.strip().endswith("KeyboardInterrupt" if number == signal.SIGINT else "")


def test_a_program_may_answer_a_signal_itself(tmp_path: Path) -> None:
    write(
        tmp_path,
        "app.py",
        "import signal, sys",
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))",
        "print('up', flush=True)",
        "signal.pause()",
    )
    process = subprocess.Popen([*RUN, "app.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.terminate()
    assert process.wait(PATIENCE) == 5
    process.stdout.close()


def test_the_program_gets_default_signal_handling(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" run sh -c "yes; echo status \\$? >&2" | head -1', "sh", *FLOWSCOPE],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.stdout == "y\n"
    assert done.stderr == f"status {128 + signal.SIGPIPE}\n"


def test_run_sets_address_and_one_session_for_the_program_and_its_children(tmp_path: Path) -> None:
    write(
        tmp_path,
        "app.py",
        "import os, subprocess, sys",
        'show = \'import os; print(os.environ["FLOWSCOPE_ADDR"], os.environ["FLOWSCOPE_SESSION"], flush=True)\'',
        "exec(show)",
        "subprocess.run([sys.executable, '-c', show])",
    )
    own, child = run("app.py", cwd=tmp_path).stdout.splitlines()
    assert own == child
    assert re.fullmatch(r"tcp://127\.0\.0\.1:3569 app-\d{8}-\d{6}-[0-9a-f]{4}", own)


def test_the_sdk_is_attached_and_the_path_is_as_it_would_be_alone(tmp_path: Path) -> None:
    write(
        tmp_path,
        "app.py",
        "import sys",
        "print(sys.path)",
        "print('sitecustomize' in sys.modules, 'flowscope._bootstrap' in sys.modules)",
    )
    alone = subprocess.run([sys.executable, "app.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    done = run("app.py", cwd=tmp_path)
    assert done.stderr == ""
    path, loaded = done.stdout.splitlines()
    path_alone, loaded_alone = alone.stdout.splitlines()  # some systems' Python has a sitecustomize of its own
    assert path == path_alone
    assert loaded.split() == [loaded_alone.split()[0], "True"]


def test_the_programs_own_sitecustomize_still_runs(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    write(site, "sitecustomize.py", "import builtins", "builtins.customized = __file__")
    write(tmp_path, "app.py", "import sys", "print(customized == sys.modules['sitecustomize'].__file__, customized)")
    done = run("app.py", cwd=tmp_path, env={"PYTHONPATH": f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"})
    assert done.stdout == f"True {site / 'sitecustomize.py'}\n"
    assert done.stderr == ""


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment in which nothing is installed."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python"


def test_a_python_without_the_sdks_dependencies_runs_untraced_and_says_so_once(
    tmp_path: Path, bare_python: Path
) -> None:
    write(
        tmp_path,
        "app.py",
        "import subprocess, sys",
        "print('flowscope' in sys.modules, flush=True)",
        "sys.exit(subprocess.call([sys.executable, '-c', 'raise SystemExit(3)']))",
    )
    done = run(str(bare_python), "app.py", cwd=tmp_path)
    assert done.returncode == 3
    assert done.stdout == "False\n"
    assert done.stderr == (
        f"flowscope: this program runs untraced: {bare_python} has no pyzmq and no orjson;"
        f" {bare_python} -m pip install flowscope\n"
    )


def test_a_python_with_only_the_dependencies_is_traced_and_sees_nothing_else_of_ours(
    tmp_path: Path, bare_python: Path
) -> None:
    """The SDK is lent; what stands beside it here (numpy, the app) must not be importable there."""
    import orjson
    import zmq

    library = tmp_path / "library"
    library.mkdir()
    for module in (orjson, zmq):
        shutil.copytree(Path(module.__file__).parent, library / module.__name__)
    beside = Path(zmq.__file__).parent.parent / "pyzmq.libs"
    if beside.is_dir():
        shutil.copytree(beside, library / "pyzmq.libs")
    write(
        tmp_path,
        "app.py",
        "import importlib.util as u, sys",
        "print('flowscope._bootstrap' in sys.modules)",
        "print([name for name in ('numpy', 'flowscope_app', 'pytest', 'peewee') if u.find_spec(name)])",
        "import flowscope",
        "with flowscope.trace('lent'):",
        "    pass",
    )
    recording = tmp_path / "run.flowscope"
    surroundings = {"PYTHONPATH": str(library), "FLOWSCOPE_ADDR": f"file://{recording}"}
    done = run(str(bare_python), "app.py", cwd=tmp_path, env=surroundings)
    assert done.stderr == ""
    assert done.stdout == "True\n[]\n"
    assert b'"operation":"lent"' in gzip.decompress(recording.read_bytes())


def test_an_active_virtual_environment_runs_a_bare_script(tmp_path: Path, bare_python: Path) -> None:
    write(tmp_path, "app.py", "import sys", "print(sys.prefix)")
    done = run("app.py", cwd=tmp_path, env={"VIRTUAL_ENV": str(bare_python.parent.parent)})
    assert done.stdout == f"{bare_python.parent.parent}\n"


def test_a_script_that_runs_itself_is_left_to(tmp_path: Path) -> None:
    script = write(tmp_path, "tool.py", "#!/bin/sh", "echo from sh")
    script.chmod(0o755)
    assert run("./tool.py", cwd=tmp_path).stdout == "from sh\n"


def test_switched_off_nothing_is_attached(tmp_path: Path) -> None:
    write(tmp_path, "app.py", "import sys", "print('flowscope.instrumentation' in sys.modules)")
    done = run("app.py", cwd=tmp_path, env={"FLOWSCOPE_ADDR": "off"})
    assert (done.stdout, done.stderr) == ("False\n", "")


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
@pytest.mark.parametrize("words", [["node", "app.mjs"], ["app.mjs"]])
def test_a_node_program_without_the_package_runs_and_it_is_said_that_it_is_not_traced(
    tmp_path: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Path(flowscope_app.__file__).parent
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    # An app that is installed, not run from a checkout: nothing of JavaScript stands beside it.
    shutil.copytree(app, elsewhere / "flowscope_app")
    monkeypatch.setenv("PYTHONPATH", str(elsewhere))
    write(tmp_path, "app.mjs", "console.log(process.argv.slice(2).join())", "process.exit(5)")
    done = run(*words, "a", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (5, "a\n")
    assert re.fullmatch(r"flowscope: @flowscope/auto-langchain is neither .*it runs untraced\n", done.stderr)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_a_node_program_is_given_the_package_of_its_own_folders_or_of_flowscope_node(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    for place in (folder, tmp_path / "other"):
        entry = place / "node_modules" / "@flowscope" / "auto-langchain" / "dist" / "index.mjs"
        entry.parent.mkdir(parents=True)
        entry.write_text(f"console.log('attached from', {place.name!r})\n")
    write(folder, "app.mjs", "console.log(process.env.NODE_OPTIONS.startsWith('--no-warnings --import=file:'))")
    options = {"NODE_OPTIONS": "--no-warnings"}
    own = run("node", "app.mjs", cwd=folder, env=options)
    assert (own.stdout, own.stderr, own.returncode) == ("attached from a b\ntrue\n", "", 0)
    other = run("app.mjs", cwd=folder, env={**options, "FLOWSCOPE_NODE": str(tmp_path / "other")})
    assert other.stdout == "attached from other\ntrue\n"


@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        (["no-such-program-here"], 1, "there is no program 'no-such-program-here'"),
        (["./data.txt"], 1, "'./data.txt' can't be run: it is not executable"),
        (["./folder"], 1, "'./folder' can't be run"),
        ([], 2, "no program named"),
        (["--"], 2, "no program named"),
    ],
)
def test_what_can_not_be_run_is_one_line(tmp_path: Path, words: list[str], status: int, line: str) -> None:
    (tmp_path / "data.txt").write_text("x")
    (tmp_path / "folder").mkdir()
    done = run(*words, cwd=tmp_path)
    assert done.returncode == status
    assert done.stdout == ""
    assert re.fullmatch(rf"flowscope( run)?: {re.escape(line)}.*\n", done.stderr)
