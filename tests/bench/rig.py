"""What the benchmarks of the whole way share: a collector and programs, each in its process, and a look at them."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from flowscope_app.collector.client import control_of, request
from flowscope_app.collector.latencies import quantile
from flowscope_app.store import StoreReader

HERE = Path(__file__).parent
SESSION = "bench"


class Collector:
    """`flowscope collect` with a database in a folder of its own."""

    def __init__(self, folder: Path, db: str = "") -> None:
        self.db = db or str(folder / "bench.db")
        environment = _plain() | {"FLOWSCOPE_HOME": str(folder)}
        command = [sys.executable, "-m", "flowscope_app", "collect", "--addr", _free_addr(), "--db", self.db]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            raise SystemExit("the collector did not start")
        self.addr = line.split()[2]

    def status(self) -> dict[str, Any]:
        """What it says of itself."""
        return request(control_of(self.addr), {"cmd": "status"}, 30.0)

    def command(self, **command: Any) -> None:
        """Give it a command that needs its token."""
        home = Path(self.db).parent / "collector.json"
        reply = request(control_of(self.addr), command, 30.0, json.loads(home.read_text())["token"])
        assert reply["ok"], reply

    def reader(self) -> contextlib.closing[StoreReader]:
        """Its database, to be read."""
        return contextlib.closing(StoreReader(self.db))

    def memory(self) -> float:
        """MiB that are resident."""
        return psutil.Process(self.process.pid).memory_info().rss / (1 << 20)

    def seconds_of_processor(self) -> float:
        """Processor time so far."""
        spent = psutil.Process(self.process.pid).cpu_times()
        return float(spent.user + spent.system)

    def stop(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


class Program:
    """`producer.py`, ready to begin. `rate` is in spans a second, 0 for as many as are taken."""

    def __init__(self, collector: Collector, rate: float = 0.0, session: str = SESSION) -> None:
        self.word = "w" + secrets.token_hex(8)
        environment = _plain() | {"FLOWSCOPE_ADDR": collector.addr, "FLOWSCOPE_SESSION": session}
        command = [sys.executable, str(HERE / "producer.py"), self.word, str(rate)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.line()

    def line(self) -> str:
        """The next line it prints."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the program ended early")
        return line

    def signal(self) -> None:
        """Have it begin; the second time, have it end."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def memory(self) -> float:
        """MiB that are resident."""
        return psutil.Process(self.process.pid).memory_info().rss / (1 << 20)

    def told(self) -> dict[str, Any]:
        """The next line it prints, which is JSON."""
        found: dict[str, Any] = json.loads(self.line())
        return found


@contextlib.contextmanager
def collecting(db: str = "") -> Iterator[Collector]:
    """A collector while this lasts, in a folder that goes with it; with a `db` it uses that one and its folder."""
    with contextlib.ExitStack() as stack:
        folder = Path(db).parent if db else Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="flowscope-")))
        collector = Collector(folder, db)
        try:
            yield collector
        finally:
            collector.stop()


@contextlib.contextmanager
def sending(collector: Collector, rate: float = 0.0, session: str = SESSION) -> Iterator[Program]:
    """A program that has begun; it is killed in the end if it still lives."""
    program = Program(collector, rate, session)
    try:
        program.signal()
        yield program
    finally:
        program.process.kill()
        program.process.wait()
        assert program.process.stdin is not None and program.process.stdout is not None
        program.process.stdin.close()
        program.process.stdout.close()


def milliseconds(counts: list[int], share: float) -> float:
    """A quantile of a collector's commits."""
    return (quantile(counts, share) or 0.0) * 1e3


def say(bench: str, what: str, figure: str) -> None:
    """Print one figure."""
    print(f"{bench}, {what}: {figure}", flush=True)


def _free_addr() -> str:
    """A loopback address whose port and the next one are free."""
    while True:
        with socket.socket() as data, socket.socket() as control:
            data.bind(("127.0.0.1", 0))
            port = data.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                control.bind(("127.0.0.1", port + 1))
                return f"tcp://127.0.0.1:{port}"


def _plain() -> dict[str, str]:
    """The environment without settings of FlowScope's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FLOWSCOPE_")}
