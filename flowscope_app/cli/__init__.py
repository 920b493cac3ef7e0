"""The `flowscope` command: finds which command is meant, runs it, and turns what goes wrong into one line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from flowscope_app.cli import outcome
from flowscope_app.cli.commands import parse

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (without the program's name) and return its exit status: 0, 1 or 2."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    return outcome.status_of(lambda: _dispatch(arguments))


def _dispatch(arguments: list[str]) -> int:
    command, parsed = parse(arguments)
    return command.run(parsed)
