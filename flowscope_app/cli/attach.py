"""What a program's environment must hold for it, and the programs it starts, to be traced."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path, PurePath

from flowscope_app.base.errors import FlowScopeError
from flowscope_app.collector import connection
from flowscope_app.collector.hosts import here

# Programs that run another one: the session is named after that.
_WRAPPERS = frozenset(
    ["node", "nodejs", "npx", "tsx", "ts-node", "uv", "poetry", "pipenv", "hatch", "pdm", "env", "run"]
)
_PYTHON = re.compile(r"(python|pypy)[0-9.]*w?")
# Options of python that take the next word as their value; -c and -m end the options.
_WITH_VALUE = frozenset({"-W", "-X", "--check-hash-based-pycs"})


def environment(command: Sequence[str], outer: Mapping[str, str]) -> dict[str, str]:
    """`outer` with FLOWSCOPE_ADDR, FLOWSCOPE_SESSION and PYTHONPATH as the traced `command` needs them."""
    inner = dict(outer)
    if not inner.get("FLOWSCOPE_ADDR"):
        inner["FLOWSCOPE_ADDR"] = push_addr()
    if not inner.get("FLOWSCOPE_SESSION"):
        inner["FLOWSCOPE_SESSION"] = session_id(command)
    hook = hook_folder()
    path = inner.get("PYTHONPATH")
    # Never a separator at an end: Python reads an empty entry as the current folder.
    inner["PYTHONPATH"] = hook + os.pathsep + path if path else hook
    return inner


def push_addr() -> str:
    """Where a program should push: to the collector that runs, with its key, else to the default address."""
    from flowscope.protocol import DEFAULT_ADDR

    running = connection.find()
    return here(running.addr) if running else DEFAULT_ADDR


def hook_folder() -> str:
    """The folder whose sitecustomize attaches the SDK in any Python, whether or not the SDK is installed there."""
    package = find_spec("flowscope")
    if package is None or not package.submodule_search_locations:
        raise FlowScopeError("the flowscope package is not installed beside the app", "pip install flowscope")
    return str(Path(package.submodule_search_locations[0]).absolute() / "_attach")


def python() -> str:
    """The Python of the virtual environment that is active, else the one that runs this."""
    active = os.environ.get("VIRTUAL_ENV")
    if active:
        found = shutil.which("python", path=str(Path(active) / ("Scripts" if os.name == "nt" else "bin")))
        if found:
            return found
    return sys.executable


def session_id(command: Sequence[str]) -> str:
    """`<program>-<YYYYmmdd-HHMMSS>-<4 hex digits>`, local time: read by a person, and unlike any other run's."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    name = re.sub(r"[^\w.-]+", "_", title(command))[:60].strip("._-") or "program"
    return f"{name}-{stamp}-{secrets.token_hex(2)}"


def program(word: str) -> str:
    """A command's bare name: `/usr/bin/node` and `node.exe` are `node`."""
    name = PurePath(word).name
    return name[:-4] if name.lower().endswith(".exe") else name


def title(command: Sequence[str]) -> str:
    """What a person calls the program: the script or module rather than the interpreter that runs it."""
    name = program(command[0])
    rest = list(command[1:])
    if _PYTHON.fullmatch(name):
        return _python_title(rest) or name
    if name in _WRAPPERS:
        script = next((word for word in rest if not word.startswith("-") and word not in _WRAPPERS), "")
        if _PYTHON.fullmatch(program(script)):
            return title(rest[rest.index(script) :])
        return PurePath(script).stem or name
    return PurePath(name).stem


def _python_title(rest: Sequence[str]) -> str:
    words = iter(rest)
    for word in words:
        if word == "-m":
            return next(words, "")
        if word in ("-c", "-"):
            return ""
        if word in _WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return PurePath(word).stem
    return ""
