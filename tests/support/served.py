"""One real collector for many cases: what it made of each, and whether it still serves a good client."""

from __future__ import annotations

import itertools
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import orjson
import zmq
from patience import PATIENCE, PATIENCE_MS
from ports import free_ports

from flowscope.protocol import control_addr
from flowscope_app.store import StoreReader
from flowscope_app.store.rows import Report

COLLECT = [sys.executable, "-m", "flowscope_app", "collect"]
GOOD = {
    "session_id": "good",
    "operation": "op",
    "start_time": "2026-11-22T15:11:42Z",
    "end_time": "2026-11-22T15:11:43Z",
}


class Served:
    """A running collector with a good client connected to it."""

    def __init__(self, process: subprocess.Popen[str], addr: str, db: str, token: str) -> None:
        self.process = process
        self._token = token
        self.addr = addr
        self.port = int(addr.rpartition(":")[2])
        self.reader = StoreReader(db)
        self._context = zmq.Context()
        self._good = self._socket(zmq.PUSH, addr)
        self._control = self._socket(zmq.DEALER, control_addr(addr))
        self._numbers = itertools.count(1)

    def _socket(self, kind: int, addr: str) -> Any:
        opened = self._context.socket(kind)
        opened.setsockopt(zmq.LINGER, PATIENCE_MS)
        opened.connect(addr)
        return opened

    def sender(self) -> Any:
        """A PUSH socket of its own connection."""
        return self._socket(zmq.PUSH, self.addr)

    def close(self) -> None:
        self._good.close()
        self._control.close()
        self._context.term()
        self.reader.close()

    def ask(self, **command: Any) -> dict[str, Any]:
        """The collector's answer to a command."""
        self._control.send(orjson.dumps({**command, "token": self._token}))
        assert self._control.poll(PATIENCE_MS), f"no answer to {command}"
        reply: dict[str, Any] = orjson.loads(self._control.recv())
        return reply

    def until(self, what: Callable[[], Any]) -> Any:
        """What `what` says once it says something."""
        deadline = time.monotonic() + PATIENCE
        while not (found := what()):
            assert self.process.poll() is None, "the collector has ended"
            assert time.monotonic() < deadline, "it does not come"
            time.sleep(0.01)
        return found

    def push(self, messages: Sequence[Sequence[bytes]]) -> None:
        """Send messages over one connection of their own, and wait until the collector has dealt with all."""
        before = self.ask(cmd="status")["messages"]
        with closing(self.sender()) as sender:
            for frames in messages:
                sender.send_multipart(frames)
            self.until(lambda: self._dealt_with(before + len(messages)))

    def _dealt_with(self, messages: int) -> bool:
        status = self.ask(cmd="status")
        return bool(status["messages"] >= messages and not status["queue"])

    def serves(self) -> None:
        """A good client's span is stored right away, so all is well."""
        span_id = f"good {next(self._numbers)}"
        self._good.send(orjson.dumps({"id": span_id, **GOOD}))
        count = int(span_id.split()[1])
        self.until(lambda: (row := self.reader.session("good")) is not None and row.spans == count)

    def records(self, session: str) -> dict[str, Any]:
        """A session's records by id."""
        row = self.reader.session(session)
        return {} if row is None else {record.id: record for record in self.reader.records(row.key)}

    @contextmanager
    def reports(self) -> Iterator[list[Report]]:
        """A list that holds, after the block, what was reported within it."""
        known = {report.key for report in self.reader.reports()}
        found: list[Report] = []
        yield found
        found += [report for report in self.reader.reports() if report.key not in known]

    @contextmanager
    def growth(self, most: int | None) -> Iterator[None]:
        """Fails if the process needs more than `most` MiB more within the block, at any moment."""
        status = Path(f"/proc/{self.process.pid}/status")
        if most is None or not status.exists():
            yield
            return
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")  # the peak counts from now on
        before = _peak_mib(status)
        yield
        assert _peak_mib(status) - before <= most, f"grew by {_peak_mib(status) - before} MiB"

    def connect(self) -> socket.socket:
        """A plain TCP connection to the data port."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)


def _peak_mib(status: Path) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    assert found is not None
    return int(found[1]) >> 10


def _token(home: Path) -> str:
    token: str = orjson.loads((home / "collector.json").read_bytes())["token"]
    return token


@contextmanager
def serving(home: Path, *options: str) -> Iterator[Served]:
    """A collector with a home of its own, ended with the block; its exit must be clean."""
    db = str(home / "flowscope.db")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FLOWSCOPE_")}
    with (
        free_ports(2) as port,
        (home / "stderr").open("w") as errors,
        subprocess.Popen(
            [*COLLECT, "--addr", f"tcp://127.0.0.1:{port}", "--db", db, *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**environment, "FLOWSCOPE_HOME": str(home)},
        ) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on "), (home / "stderr").read_text()
        try:
            with closing(Served(process, line.split()[2], db, _token(home))) as served:
                yield served
        except BaseException:
            process.kill()
            raise
        process.terminate()
        assert process.wait(PATIENCE) == 0
    assert "Traceback" not in (home / "stderr").read_text()
