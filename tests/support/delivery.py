"""A program that makes numbered spans, beside what a test does to the collector, and the account of them after it."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from patience import OUTLASTS, PATIENCE

PROGRAM = """
import sys, time
import flowscope
spans, seconds, text = int(sys.argv[1]), float(sys.argv[2]), "x" * int(sys.argv[3])
print("started", flush=True)
begun = time.monotonic()
for number in range(spans):
    with flowscope.trace("work", input=number) as span:
        span.output = text
    if number % 100 == 99:
        time.sleep(max(0.0, begun + seconds * number / spans - time.monotonic()))
print("made", flush=True)
print("flushed", flowscope.flush(600), flush=True)
"""


@dataclass(frozen=True)
class Account:
    """What became of a program's spans, by the database: rows, ids among them, and what it counts as not there."""

    stored: int
    ids: int
    dropped: int
    missing: int

    @property
    def twice(self) -> int:
        """Spans stored more than once."""
        return self.stored - self.ids


def account(db: str) -> Account:
    """Add it up."""
    with closing(sqlite3.connect(db)) as check:
        assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        stored, ids = check.execute("SELECT count(*), count(DISTINCT span_id) FROM spans").fetchone()
        (dropped,) = check.execute("SELECT coalesce(sum(dropped), 0) FROM producers").fetchone()
        (missing,) = check.execute("SELECT coalesce(sum(last - first + 1), 0) FROM gaps").fetchone()
    return Account(stored, ids, dropped, missing)


def dice() -> random.Random:
    """Chance that a failing test's output tells how to repeat: set FLOWSCOPE_SEED to it."""
    seed = int(os.environ.get("FLOWSCOPE_SEED") or random.SystemRandom().getrandbits(32))
    print(f"FLOWSCOPE_SEED={seed}")
    return random.Random(seed)


def settings(**chosen: object) -> dict[str, str]:
    """The environment with these FLOWSCOPE_ settings, given in small letters, and no other."""
    inner = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSCOPE_")}
    inner["FLOWSCOPE_FLUSH_TIMEOUT"] = str(OUTLASTS)
    inner.update({f"FLOWSCOPE_{name.upper()}": str(value) for name, value in chosen.items()})
    return inner


def run(source: str, *args: object, stdin: int | None = None, **chosen: object) -> subprocess.Popen[str]:
    """Start a program with FLOWSCOPE_ settings; what it prints can be read."""
    command = [sys.executable, "-c", textwrap.dedent(source), *map(str, args)]
    return subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, text=True, env=settings(**chosen))


def produce(addr: str, spans: int, seconds: float, size: int = 10, **settings: object) -> subprocess.Popen[str]:
    """A program that makes `spans` spans of `size` bytes of output over `seconds`, then waits until all is stored."""
    program = run(PROGRAM, spans, seconds, size, addr=addr, **{"buffer": "256MiB", **settings})
    assert line(program) == "started"
    return program


def line(program: subprocess.Popen[str]) -> str:
    """The next line it prints, "" once it has ended."""
    assert program.stdout is not None
    return program.stdout.readline().rstrip("\n")


def finish(program: subprocess.Popen[str]) -> list[str]:
    """The rest of what it prints, once it has ended well."""
    out, _ = program.communicate(timeout=4 * PATIENCE)
    assert program.returncode == 0
    return out.splitlines()


def pause(seconds: float, unless: Callable[[], bool] = lambda: False) -> None:
    """Let something go on for so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not unless():
        time.sleep(0.02)
