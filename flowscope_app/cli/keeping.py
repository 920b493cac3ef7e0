"""What is kept: pins, and deleting what is beyond the limits, through the collector where one holds the database."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from flowscope_app.base import format as text
from flowscope_app.base.errors import FlowScopeError
from flowscope_app.cli.database import reading

if TYPE_CHECKING:
    from flowscope_app.store import Expiring, Policy, StoreWriter

    Order = Callable[[dict[str, Any]], None]

ANSWER_S = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `flowscope sessions` can do besides listing."""
    does = parser.add_mutually_exclusive_group()
    does.add_argument("--prune", action="store_true", help="delete what is beyond the limits of the settings")
    does.add_argument("--pin", metavar="ID", help="exempt a session from the limits")
    does.add_argument("--unpin", metavar="ID", help="exempt it no longer")
    parser.add_argument("--dry-run", action="store_true", help="only say what --prune would delete")
    limits = "with --prune, in place of the settings' limits: "
    parser.add_argument("--days", metavar="N", type=_limit, help=f"{limits}days since a session's last span")
    parser.add_argument("--gigabytes", metavar="N", type=_limit, help=f"{limits}size of the database")
    parser.add_argument("--keep", metavar="N", type=int, help=f"{limits}number of sessions")


def _limit(word: str) -> float:
    number = float(word)
    if not 0 <= number < 1e9:
        raise ValueError(word)
    return number


def run(arguments: argparse.Namespace) -> bool:
    """Do what was asked for; False if nothing was, but a list."""
    if arguments.pin is not None or arguments.unpin is not None:
        pinned = arguments.pin is not None
        with ordering(arguments.db) as order:
            order({"cmd": "pin_session", "session": arguments.pin if pinned else arguments.unpin, "pinned": pinned})
    elif arguments.prune or arguments.dry_run:
        prune(arguments.db, policy(arguments), dry_run=arguments.dry_run)
    else:
        return False
    return True


def policy(arguments: argparse.Namespace) -> Policy:
    """The limits named on the command line, else those of the settings."""
    from flowscope_app.collector.upkeep import read_policy
    from flowscope_app.store import Policy

    if arguments.days is None and arguments.gigabytes is None and arguments.keep is None:
        return read_policy()
    return Policy(arguments.days or 0.0, (arguments.gigabytes or 0.0) * 1e9, max(arguments.keep or 0, 0))


def prune(db: str, limits: Policy, *, dry_run: bool) -> None:
    """Delete, or name, the sessions beyond the limits. What a dry run names is what goes."""
    if not limits:
        raise FlowScopeError("no limit is set", "set retention.days or another in the settings, or give --days N")
    now = time.time_ns()
    with reading(db) as reader:
        gone = reader.expiring(limits, now) if reader else []
    if gone and not dry_run:
        with ordering(db) as order:
            for found in gone:
                order({"cmd": "delete_session", "session": found.id})
    for found in gone:
        print(_line(found, now))
    total = f"{text.count(len(gone))} sessions, about {text.size(sum(found.size for found in gone))}"
    print(f"would delete {total}" if dry_run else f"deleted {total}")


def _line(found: Expiring, now_ns: int) -> str:
    last = text.when(found.last_ns, now_ns)
    return (
        f"{text.one_line(found.id, 60)}  {text.count(found.spans)} spans  about {text.size(found.size)}  {last}"
        f"  {found.why}"
    )


@contextlib.contextmanager
def ordering(db: str) -> Iterator[Order]:
    """Who carries out commands on `db`: the collector that holds it, else this process, which then holds it."""
    from flowscope_app.collector import client, connection
    from flowscope_app.store import StoreWriter

    running = connection.find(db)
    if running is not None:
        yield lambda command: _accepted(client.request(running.control, command, ANSWER_S))
        return
    with StoreWriter.open(db, create=False) as writer:
        yield lambda command: _do(writer, command)
        while writer.sweep():  # what was deleted, and the space it took
            pass


def _accepted(reply: dict[str, Any]) -> None:
    if not reply.get("ok"):
        raise FlowScopeError(str(reply.get("error", "the collector refused")))


def _do(writer: StoreWriter, command: dict[str, Any]) -> None:
    session = command["session"]
    if command["cmd"] == "pin_session":
        done = writer.pin_session(session, command["pinned"])
    else:
        done = writer.delete_session(session)
    if not done:
        raise FlowScopeError(f"there is no session {session[:80]!r}", "`flowscope sessions` lists them")
