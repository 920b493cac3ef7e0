"""`flowscope import`: files into the database, through the collector where one holds it."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowscope_app.base.errors import FlowScopeError
from flowscope_app.base.format import count, one_line
from flowscope_app.cli import outcome
from flowscope_app.cli.options import add_db

if TYPE_CHECKING:
    from flowscope_app.collector.connection import Connection
    from flowscope_app.exchange import Progress

    Importer = Callable[[Path], Iterator[Progress]]

ANSWER_S = 10.0
ASK_AGAIN_S = 0.05


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files and the database."""
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        type=Path,
        help="session files, JSON or JSON Lines of Universal Trace Format; plain, gzip or zstd",
    )
    add_db(parser)


def run(arguments: argparse.Namespace) -> int:
    """Import each file whole or not at all; one that can't be does not keep the others out."""
    from flowscope_app.store import StoreError

    failed = 0
    with _importing(arguments.db) as importer:
        for path in arguments.files:
            try:
                _import(path.absolute(), importer)
            except StoreError:
                raise  # the database is at fault: the next file would fare no better
            except FlowScopeError as error:
                outcome.say(str(error))
                failed += 1
    return 1 if failed else 0


def _import(path: Path, importer: Importer) -> None:
    last = None
    try:
        for last in importer(path):
            _show(path, last)
    finally:
        _clear()
    if last is None:  # an importer always tells of the end, or raises
        raise FlowScopeError(f"{path} was not imported: nothing was said about it", "see flowscope doctor")
    into = ", ".join(one_line(session, 60) for session in last.sessions[:5]) or "no session"
    more = f" and {count(len(last.sessions) - 5)} more" if len(last.sessions) > 5 else ""
    print(f"{path}: {count(last.records)} spans of {into}{more}{'; ' + last.note if last.note else ''}")


@contextlib.contextmanager
def _importing(db: str) -> Iterator[Importer]:
    """Who imports into `db`: the collector that holds it, else this process, which then holds it meanwhile."""
    from flowscope_app.collector import connection
    from flowscope_app.exchange import import_file
    from flowscope_app.store import StoreWriter

    running = connection.find(db)
    if running is not None:
        yield lambda path: _through_collector(running, path)
        return
    with StoreWriter.open(db) as writer:
        try:
            yield lambda path: import_file(path, writer)
        finally:
            while writer.sweep():  # what an import that failed had written
                pass


def _through_collector(running: Connection, path: Path) -> Iterator[Progress]:
    """Have the collector do it, and ask how it goes."""
    from flowscope_app.exchange import Progress

    task = _ask(running, {"cmd": "import", "path": str(path), "wait": False})
    while True:
        reply = _ask(running, {"cmd": "progress", "task": task["task"]})
        if reply["state"] == "failed":
            raise FlowScopeError(str(reply["error"]))
        done = reply["state"] == "done"
        if done or "total" in reply:
            yield Progress(
                reply["done"],
                reply["total"],
                reply["records"],
                done,
                tuple(reply["sessions"]),
                reply["note"],
            )
        if done:
            return
        time.sleep(ASK_AGAIN_S)


def _ask(running: Connection, command: dict[str, Any]) -> dict[str, Any]:
    from flowscope_app.collector import client

    reply = client.request(running.control, command, ANSWER_S)
    if not reply.get("ok") and "state" not in reply:
        raise FlowScopeError(str(reply.get("error", "the collector refused")))
    return reply


def _show(path: Path, progress: Progress) -> None:
    """How far it is, on one line that is written over; only where a person watches."""
    if sys.stderr.isatty() and not progress.finished:
        share = 100 * progress.done // max(progress.total, 1)
        line = f"{one_line(path.name, 40)}  {share} %  {count(progress.records)} spans"
        sys.stderr.write(f"\r\x1b[2K{line}")
        sys.stderr.flush()


def _clear() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()
