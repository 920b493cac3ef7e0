"""A listener in the collector's place, the SDK set up in this process, and programs run as processes of their own."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import zmq
from patience import OUTLASTS, PATIENCE

import flowscope
from flowscope import _config_file, _guard, _runtime
from flowscope.protocol import Header, decode_body, split_message


class Listener:
    """A PULL socket and what came out of it: every record in order, and the last state of every span."""

    def __init__(self, addr: str) -> None:
        self.addr = addr
        self.headers: list[Header] = []
        self.sizes: list[int] = []
        self.records: list[dict[str, Any]] = []
        self.spans: dict[str, dict[str, Any]] = {}
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PULL)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(addr)

    def receive(self, seconds: float) -> bool:
        """Take one message, if one comes within `seconds`."""
        if not self._socket.poll(int(seconds * 1000)):
            return False
        header, body = split_message(self._socket.recv_multipart())
        assert header is not None
        self.sizes.append(len(body))
        if header.compression == "gzip":
            body = gzip.decompress(body)
        batch = decode_body(body)
        assert header.count == len(batch)
        self.headers.append(header)
        self.records += batch
        self.spans.update((record["id"], record) for record in batch)
        return True

    def wait_for(self, what: Callable[[], bool]) -> None:
        """Receive until `what` holds."""
        deadline = time.monotonic() + PATIENCE
        while not what():
            if not self.receive(max(0.0, deadline - time.monotonic())):
                raise TimeoutError(
                    f"after {PATIENCE} s: {len(self.spans)} spans, {str(list(self.spans.values())[-5:])[:2000]}"
                )

    def finished(self, number: int) -> list[dict[str, Any]]:
        """Wait until `number` spans have ended; all of them, by start."""
        self.wait_for(lambda: len(self._ended()) >= number)
        return self._ended()

    def _ended(self) -> list[dict[str, Any]]:
        return [span for span in self.spans.values() if span["end_time"] is not None]

    def one(self, operation: str) -> dict[str, Any]:
        """The one span of this operation, once it has ended."""
        self.wait_for(lambda: any(span["operation"] == operation for span in self._ended()))
        (found,) = [span for span in self.spans.values() if span["operation"] == operation]
        return found

    def one_of(self, operation: str) -> dict[str, Any]:
        """Some span of this operation that has ended."""
        self.wait_for(lambda: any(span["operation"] == operation for span in self._ended()))
        return next(span for span in self._ended() if span["operation"] == operation)

    def drain(self) -> None:
        """Take what is there already."""
        while self.receive(0.05):
            pass

    def close(self) -> None:
        self._socket.close(0)
        self._context.term()


@pytest.fixture
def make_listener() -> Iterator[Callable[[str], Listener]]:
    made: list[Listener] = []

    def make(addr: str) -> Listener:
        made.append(Listener(addr))
        return made[-1]

    yield make
    for listener in made:
        listener.close()


@pytest.fixture
def listener(make_listener: Callable[[str], Listener], free_addr: str) -> Listener:
    """Stands where the collector would."""
    return make_listener(free_addr)


@pytest.fixture
def setup(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """flowscope.init() in this process, undone after the test."""
    for name in list(os.environ):
        if name.startswith("FLOWSCOPE_") and name not in ("FLOWSCOPE_RAISE", "FLOWSCOPE_HOME"):
            monkeypatch.delenv(name)
    forget()
    yield flowscope.init
    flowscope.shutdown(0.0)
    forget()


def forget() -> None:
    """Leave no setting of one test to the next."""
    _runtime._runtime = None
    _runtime._changes.clear()
    _guard._said.clear()
    _config_file.forget()


@pytest.fixture
def sdk(setup: Callable[..., None], listener: Listener) -> Listener:
    """The SDK sending to a listener, session "test"."""
    setup(addr=listener.addr, session_id="test")
    return listener


class Program:
    """A finished process."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.status = done.returncode
        self.out = done.stdout
        self.err = done.stderr


@pytest.fixture
def run_python(tmp_path: Path) -> Callable[..., Program]:
    """Runs source text as a program `app.py`, with FLOWSCOPE_ variables as given and production behaviour.

    What is there to deliver to has all the time it needs; where a program's end must not wait, it would take so long
    that the run fails.
    """

    def run(source: str, *options: str, env: Mapping[str, str] | None = None, check: bool = False) -> Program:
        path = tmp_path / "app.py"
        path.write_text(textwrap.dedent(source))
        inner = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSCOPE_")}
        inner |= {"FLOWSCOPE_FLUSH_TIMEOUT": str(OUTLASTS), **(env or {})}
        done = subprocess.run(
            [sys.executable, *options, str(path)],
            env=inner,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            cwd=tmp_path,
        )
        program = Program(done)
        if check:
            assert program.status == 0, program.err
        return program

    return run
