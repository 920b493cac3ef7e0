"""`flowscope export`: sessions to a file, whole or not at all."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from flowscope_app.base.errors import FlowScopeError
from flowscope_app.cli.database import choose, reading
from flowscope_app.cli.options import add_db

STDOUT = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which sessions, in which format, to where."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--session",
        metavar="ID",
        action="append",
        default=[],
        help="a session to export; may be given several times (default: the only one there is)",
    )
    which.add_argument("--all", action="store_true", help="export every session")
    parser.add_argument(
        "--format", metavar="F", help="flowscope, json, jsonl or chrome (default: by the file's ending)"
    )
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the file to write; - is standard output")
    add_db(parser)


def run(arguments: argparse.Namespace) -> int:
    """Export, and say what was written."""
    from flowscope_app.base.format import count
    from flowscope_app.exchange import Contents, format_named, format_of_file, replacing

    path = Path(arguments.output)
    to_stdout = arguments.output == STDOUT
    if arguments.format:
        chosen = format_named(arguments.format)
    else:
        chosen = format_named("flowscope") if to_stdout else format_of_file(path)
    with reading(arguments.db) as reader:
        rows = choose(reader.sessions() if reader else [], arguments.session, arguments.all)
        if reader is None:  # choose() has raised: there are no sessions
            return 1
        contents = Contents(reader, rows)
        if to_stdout:
            if chosen.binary and sys.stdout.isatty():
                raise FlowScopeError(f"format {chosen.name} is not for a terminal", "name a file, or pipe it on")
            chosen.write(contents, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return 0
        with replacing(path) as file:
            spans = chosen.write(contents, file)
    sessions = f"{len(rows)} session{'s' * (len(rows) != 1)}"
    print(f"{count(spans)} spans of {sessions} in {path}")
    return 0
