"""`flowscope sessions`: what is recorded, and what of it is kept."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flowscope_app.base import format as text
from flowscope_app.cli import keeping
from flowscope_app.cli.database import reading
from flowscope_app.cli.options import add_db

if TYPE_CHECKING:
    from flowscope_app.store import SessionRow

RIGHT = ("spans", "errors", "took")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--json, --db and what decides over keeping."""
    parser.add_argument("--json", action="store_true", help="an array of objects, times in RFC 3339")
    keeping.add_arguments(parser)
    add_db(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the sessions, the one with the newest activity first; or pin one, or delete what is too much."""
    if keeping.run(arguments):
        return 0
    with reading(arguments.db) as reader:
        rows = reader.sessions() if reader else []
    if arguments.json:
        print_json(rows)
    elif rows:
        print("\n".join(table(rows, time.time_ns())))
    else:
        print("no sessions recorded yet: attach a program with `flowscope run python app.py`")
    return 0


def print_json(rows: Sequence[SessionRow]) -> None:
    """The array that `--json` promises, one session a line."""
    import orjson

    lines = [orjson.dumps(as_json(row)) for row in rows]
    sys.stdout.flush()
    sys.stdout.buffer.write(b"[" + b",".join(b"\n" + line for line in lines) + (b"\n]\n" if lines else b"]\n"))


def as_json(row: SessionRow) -> dict[str, Any]:
    """One session under the names that other programs rely on; times null while there are none."""
    from flowscope.protocol import format_time

    return {
        "id": row.id,
        "name": row.title,
        "spans": row.spans,
        "errors": row.errors,
        "start_time": None if row.start_ns is None else format_time(row.start_ns),
        "end_time": None if row.end_ns is None else format_time(row.end_ns),
        "programs": list(row.programs),
        "frameworks": list(row.frameworks),
        "languages": list(row.languages),
    }


def table(rows: Sequence[SessionRow], now_ns: int) -> list[str]:
    """Aligned lines with a heading. Names and ids come from programs: control characters are made visible."""
    cells = [("session", "spans", "errors", "took", "started", "programs", "frameworks")]
    for row in rows:
        took = "" if row.start_ns is None or row.end_ns is None else text.duration(row.end_ns - row.start_ns)
        cells.append(
            (
                text.one_line(row.id, 60) + (" (pinned)" if row.pinned else ""),
                text.count(row.spans),
                text.count(row.errors),
                took,
                "" if row.start_ns is None else text.when(row.start_ns, now_ns),
                text.one_line(", ".join(row.programs), 40),
                text.one_line(", ".join(row.frameworks), 40),
            )
        )
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [_line(line, widths, cells[0]) for line in cells]


def _line(cells: Sequence[str], widths: Sequence[int], heads: Sequence[str]) -> str:
    padded = (
        cell.rjust(width) if head in RIGHT else cell.ljust(width)
        for cell, width, head in zip(cells, widths, heads, strict=True)
    )
    return "  ".join(padded).rstrip()
