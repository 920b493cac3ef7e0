"""Arguments that several commands share, and what they are when not given."""

from __future__ import annotations

import argparse
import os

from flowscope_app.base.errors import FlowScopeError
from flowscope_app.base.paths import default_db

EXAMPLE = "for example tcp://127.0.0.1:3569"


def add_db(parser: argparse.ArgumentParser) -> None:
    """--db: a path or a database URL."""
    parser.add_argument(
        "--db",
        metavar="URL",
        default=default_db(),
        help="the database, a path or a URL (FLOWSCOPE_DB; here %(default)s)",
    )


def add_addr(parser: argparse.ArgumentParser) -> None:
    """--addr: where the collector listens."""
    parser.add_argument(
        "--addr",
        metavar="ADDR",
        help="where to listen, tcp:// or ipc:// (FLOWSCOPE_ADDR if that is one such address, else the default)",
    )


def listen_addr(arguments: argparse.Namespace) -> str:
    """The address to listen on: --addr, else FLOWSCOPE_ADDR where it names one socket, else the default."""
    from flowscope.protocol import DEFAULT_ADDR, ProtocolError, parse_addr

    chosen = arguments.addr or os.environ.get("FLOWSCOPE_ADDR") or DEFAULT_ADDR
    try:
        address = parse_addr(chosen)
    except ProtocolError as error:
        raise FlowScopeError(error.reason, EXAMPLE) from None
    if address.transport in ("tcp", "ipc") and len(address.endpoints) == 1:
        return chosen
    if arguments.addr:
        raise FlowScopeError(f"{chosen!r} is not one address to listen on", EXAMPLE)
    return DEFAULT_ADDR
