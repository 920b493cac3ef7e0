"""The commands there are, and which one a command line means. A command's own file is imported when it is meant."""

from __future__ import annotations

import argparse
import difflib
import os
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn, Protocol, cast

WINDOW = "window"
COMMANDS: dict[str, str] = {
    "run": "run a program traced, with no change to its code",
    "collect": "the collector alone, with no window",
    "sessions": "list the recorded sessions",
    "export": "write sessions to a file",
    "import": "read sessions from files",
    "doctor": "what is installed, who listens where, what would be instrumented",
    "sdk": "verify an SDK with the compliance suite",
    "bench": "run the project's benchmarks",
}


class Command(Protocol):
    """What each file of this package offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; return the exit status, or raise FlowScopeError."""


class Parser(argparse.ArgumentParser):
    """argparse, saying where the help is instead of repeating the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def parse(arguments: Sequence[str]) -> tuple[Command, argparse.Namespace]:
    """The command that `arguments` mean and its parsed arguments. Leaves by SystemExit for --help and mistakes."""
    first = arguments[0] if arguments else ""
    name = first if first in COMMANDS else WINDOW
    if name == WINDOW and first and _is_mistyped(first):
        _unknown(first)
    command = _load(name)
    parser = _window_parser() if name == WINDOW else Parser(prog=f"flowscope {name}", description=_sentence(name))
    command.add_arguments(parser)
    return command, parser.parse_args(arguments if name == WINDOW else arguments[1:])


def _load(name: str) -> Command:
    module = "import_" if name == "import" else name
    return cast(Command, import_module(f"flowscope_app.cli.{module}"))


def _sentence(name: str) -> str:
    text = COMMANDS[name]
    return text[0].upper() + text[1:] + "."


def _window_parser() -> Parser:
    width = max(map(len, COMMANDS))
    rows = "\n".join(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())
    parser = Parser(
        prog="flowscope",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="See every call of an LLM program while it runs. With no command, opens the window.",
        epilog=f"commands (each has its own --help):\n{rows}\n\nattach a program:  flowscope run python app.py",
    )
    parser.add_argument("--version", action="version", version=_version())
    return parser


def _version() -> str:
    from flowscope_app import __version__

    return f"flowscope {__version__}"


def _is_mistyped(first: str) -> bool:
    """A bare word that names no file is a command spelt wrong, not a session file to open."""
    return first.replace("-", "").replace("_", "").isalpha() and first[0] != "-" and not os.path.lexists(first)


def _unknown(first: str) -> NoReturn:
    close = difflib.get_close_matches(first, COMMANDS, n=1)
    hint = f"did you mean `flowscope {close[0]}`?" if close else "see flowscope --help"
    Parser(prog="flowscope").exit(2, f"flowscope: no command or file is called {first!r}; {hint}\n")
