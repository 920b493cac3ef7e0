"""`flowscope bench`: runs the benchmarks of the source checkout, one line a figure."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import flowscope_app
from flowscope_app.base.errors import FlowScopeError
from flowscope_app.cli import outcome

PREFIX = "bench_"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which benchmarks, all of them if none is named; and how long or large those are to be that can be told."""
    parser.add_argument("names", metavar="NAME", nargs="*", help="the benchmarks to run (default: all)")
    parser.add_argument("--list", action="store_true", help="only print their names")
    parser.add_argument("--seconds", type=float, metavar="S", help="how long soak, upkeep and large measure")
    parser.add_argument("--spans", type=int, metavar="N", help="how many spans large, exchange and phoenix take")


def run(arguments: argparse.Namespace) -> int:
    """Run each benchmark in a process of its own, so that none warms up or slows down another."""
    scripts = find()
    unknown = [name for name in arguments.names if name not in scripts]
    if unknown:
        raise FlowScopeError(f"there is no benchmark {unknown[0]!r}", "there are: " + ", ".join(scripts))
    chosen = arguments.names or list(scripts)
    if arguments.list:
        print("\n".join(chosen))
        return 0
    options = [
        word
        for option, value in (("--seconds", arguments.seconds), ("--spans", arguments.spans))
        if value is not None
        for word in (option, str(value))
    ]
    failed = []
    for name in chosen:
        sys.stdout.flush()
        if subprocess.call([sys.executable, str(scripts[name]), *options]) != 0:
            failed.append(name)
    if failed:
        outcome.say(f"failed: {', '.join(failed)}; run each alone to see why, e.g. flowscope bench {failed[0]}")
    return 1 if failed else 0


def find() -> dict[str, Path]:
    """The benchmarks by name, in order; FlowScopeError where there is no source checkout."""
    folder = Path(flowscope_app.__file__).resolve().parent.parent / "tests" / "bench"
    scripts = {path.stem.removeprefix(PREFIX): path for path in sorted(folder.glob(PREFIX + "*.py"))}
    if not scripts:
        raise FlowScopeError("the benchmarks need FlowScope's source checkout", "run `make bench` in a clone of it")
    return scripts
