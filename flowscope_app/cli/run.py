"""`flowscope run`: the program itself, in place of this process, with what it needs to be traced."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from flowscope_app.base.errors import FlowScopeError
from flowscope_app.cli import attach, node, outcome
from flowscope_app.cli.commands import Parser


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The program and its arguments: all that follows its name is its own."""
    parser.usage = "flowscope run [--] CMD [ARGS ...]"
    parser.epilog = (
        "A file ending in .py runs with the current Python, one in .js, .mjs or .cjs with node. The exit status is the"
        " program's. FLOWSCOPE_ADDR and"
        " FLOWSCOPE_SESSION are set for it unless they are set already."
    )
    parser.add_argument("command", metavar="CMD", nargs=argparse.REMAINDER, help="the program and its arguments")


def run(arguments: argparse.Namespace) -> int:
    """Become the program. Returns only where the platform can't replace a process (Windows)."""
    words = list(arguments.command)
    if words[:1] == ["--"]:
        del words[0]
    if not words:
        Parser(prog="flowscope run").error("no program named")
    command = with_interpreter(words)
    environment = attach.environment(command, os.environ)
    if attach.program(command[0]) in node.PROGRAMS:
        why_not = node.attach(command, environment, Path.cwd())
        if why_not:
            outcome.say(why_not)
    return _become(command, environment)


def with_interpreter(words: Sequence[str]) -> list[str]:
    """`words` with the interpreter put first where the first is a script that is not run by itself."""
    script = Path(words[0])
    if script.suffix not in (".py", ".pyw", *node.FILES) or not script.is_file() or _runs_itself(words[0]):
        return list(words)
    if script.suffix in node.FILES:
        return ["node", *words]
    return [attach.python(), *words]


def _runs_itself(word: str) -> bool:
    """Whether a shell would take `word` as a program: a path (not a bare name) to a script with a #! line."""
    if os.name == "nt" or os.sep not in word or not os.access(word, os.X_OK):
        return False
    with Path(word).open("rb") as file:
        return file.read(2) == b"#!"


def _become(command: list[str], environment: dict[str, str]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "nt":
        return _child(command, environment)
    _restore_signals()
    try:
        os.execvpe(command[0], command, environment)
    except (OSError, ValueError) as error:
        _not_started(command[0], error)


def _restore_signals() -> None:
    """Python ignores these for itself, and what is ignored stays so in the program that takes our place."""
    import signal

    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)


def _child(command: list[str], environment: dict[str, str]) -> int:
    """Windows: run the program as a child. A Ctrl-C reaches both; only the program answers it."""
    import signal
    import subprocess

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.call(command, env=environment)
    except OSError as error:
        _not_started(command[0], error)
    finally:
        signal.signal(signal.SIGINT, before)


def _not_started(word: str, error: OSError | ValueError) -> NoReturn:
    if isinstance(error, FileNotFoundError):
        raise FlowScopeError(f"there is no program {word!r}", "check its spelling and PATH") from error
    if isinstance(error, PermissionError):
        raise FlowScopeError(f"{word!r} can't be run: it is not executable") from error
    reason = error.strerror if isinstance(error, OSError) else str(error)
    raise FlowScopeError(f"{word!r} can't be run: {reason}") from error
