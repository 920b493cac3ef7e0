"""`flowscope collect`: the collector alone."""

from __future__ import annotations

import argparse

from flowscope_app.cli.options import add_addr, add_db, listen_addr
from flowscope_app.collector.limits import RATE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--addr, --db, --curve, --metrics, --rate; --parent-watch is for the window that starts it."""
    add_addr(parser)
    add_db(parser)
    parser.add_argument(
        "--metrics",
        default="",
        metavar="ADDR",
        help="serve the collector's health as Prometheus text at http://ADDR/metrics; ADDR is PORT (on 127.0.0.1) or"
        " HOST:PORT",
    )
    parser.add_argument("--curve", action="store_true", help="demand the key on loopback too, not only off it")
    parser.add_argument(
        "--rate",
        type=number,
        default=RATE,
        metavar="N",
        help=f"records a second one program may send on and on; what is over it waits (default {RATE:,}; 0: no limit)",
    )
    parser.add_argument("--parent-watch", action="store_true", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Collect until SIGINT or SIGTERM."""
    from flowscope_app.collector.process import main
    from flowscope_app.exchange import import_file

    return main(
        listen_addr(arguments),
        arguments.db,
        importer=import_file,
        ready=_announce,
        parent_watch=arguments.parent_watch,
        metrics=arguments.metrics,
        curve=arguments.curve,
        rate=arguments.rate,
    )


def number(text: str) -> int:
    """A whole number, not negative; ValueError is argparse's to tell."""
    value = int(text)
    if value < 0:
        raise ValueError
    return value


def _announce(addr: str) -> None:
    """The line that other programs wait for, and a person copies from: with the key, where there is one."""
    from flowscope_app.collector.hosts import elsewhere

    other = elsewhere(addr)
    print(f"listening on {addr}" + (f" - from other machines {other}" if other != addr else ""), flush=True)
