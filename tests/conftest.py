"""Fixtures that start the real thing: a home of one's own, a free address, a collector process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from patience import PATIENCE
from ports import free_ports

if TYPE_CHECKING:
    from flowscope_app.store.reader import StoreReader

for _name in [name for name in os.environ if name.startswith("FLOWSCOPE_")]:
    if _name not in ("FLOWSCOPE_PATIENCE", "FLOWSCOPE_SEED"):
        del os.environ[_name]  # what this user has set for programs of their own
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["FLOWSCOPE_RAISE"] = "1"  # our own errors, swallowed in production, fail a test
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs behind; programs would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

with contextlib.suppress(ModuleNotFoundError):  # in the environments of `make matrix`, whose tests need no hypothesis
    import_module("steady_examples")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty FLOWSCOPE_HOME, so that no test meets the user's own sessions."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("FLOWSCOPE_HOME", str(folder))
    for name in ("FLOWSCOPE_DB", "FLOWSCOPE_ADDR", "FLOWSCOPE_SESSION", "FLOWSCOPE_AUTO"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def free_addr() -> Iterator[str]:
    """A loopback address whose port and the next (for control) nobody listens on."""
    with free_ports(2) as port:
        yield f"tcp://127.0.0.1:{port}"


@dataclass
class Collector:
    """A running `flowscope collect`."""

    process: subprocess.Popen[str]
    addr: str
    db: str
    home: Path

    def reader(self) -> StoreReader:
        """A reader of the collector's database."""
        from flowscope_app.store.reader import StoreReader

        return StoreReader(self.db)

    def wait_for(self, what: Callable[[StoreReader], bool]) -> None:
        """Read until `what` holds; each look follows a commit or a short pause."""
        deadline = time.monotonic() + PATIENCE
        with contextlib.closing(self.reader()) as reader:
            while not what(reader):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not within {PATIENCE} s; sessions: {reader.sessions()}, {reader.reports()}")
                if self.process.poll() is not None:
                    raise RuntimeError(f"the collector ended with {self.process.returncode}")
                time.sleep(0.02)

    def wait_spans(self, number: int) -> None:
        """Wait until that many spans are committed and none is pending."""
        self.wait_for(
            lambda reader: (
                sum(row.spans for row in reader.sessions()) >= number
                and not any(row.pending for row in reader.sessions())
            )
        )

    def stop(self) -> int:
        """End it as Ctrl-C does; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@pytest.fixture
def start_collector(home: Path, free_addr: str) -> Iterator[Callable[..., Collector]]:
    """Starts collectors (one at a time on one address) and ends them after the test."""
    started: list[Collector] = []

    def start(*args: str, addr: str = free_addr, db: str | None = None) -> Collector:
        where = db or str(home / "flowscope.db")
        command = [sys.executable, "-m", "flowscope_app", "collect", "--addr", addr, "--db", where, *args]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on "), line
        started.append(Collector(process, line.split()[2], where, home))
        return started[-1]

    yield start
    for collector in started:
        with contextlib.suppress(subprocess.TimeoutExpired):
            collector.stop()
        if collector.process.stdout is not None:
            collector.process.stdout.close()


@pytest.fixture
def collector(start_collector: Callable[..., Collector]) -> Collector:
    """A real collector process on a free address and an empty database."""
    return start_collector()
