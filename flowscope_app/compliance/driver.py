"""The driver: a program of the SDK's language that does with it what it is told, a line of JSON at a time."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Any

import orjson

from flowscope_app.base.errors import FlowScopeError

_KEPT = 4_000
_GONE = object()


class DriverError(Exception):
    """It did not answer, or not as it must; one line."""


class Driver:
    """A running driver program."""

    def __init__(self, command: Sequence[str], settings: Mapping[str, str]) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSCOPE_")}
        env |= {f"FLOWSCOPE_{name.upper()}": value for name, value in settings.items()}
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
            )
        except OSError as error:
            raise FlowScopeError(
                f"{command[0]} can't be started: {error.strerror}", "what stands behind -- is run"
            ) from None
        self._answers: queue.Queue[Any] = queue.Queue()
        self._errors = b""
        self._readers = [self._start(self._read, self.process.stdout), self._start(self._complain, self.process.stderr)]

    def ask(self, command: Mapping[str, Any], within: float) -> dict[str, Any]:
        """Give a command and return its answer; DriverError if none comes within so many seconds."""
        self.tell(command)
        try:
            answer = self._answers.get(timeout=within)
        except queue.Empty:
            raise DriverError(f"no answer to {command['do']!r} within {within:g} s") from None
        if answer is _GONE:
            raise DriverError(f"the driver ended with {self.ended(5)} at {command['do']!r}{self.complaint()}")
        if not isinstance(answer, dict):
            raise DriverError("an answer must be one JSON object a line")
        if not answer.get("ok"):
            raise DriverError(f"{command['do']}: {answer.get('error') or 'not ok'}")
        return answer

    def tell(self, command: Mapping[str, Any]) -> None:
        """Give a command without waiting for an answer."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(orjson.dumps(command) + b"\n")
            self.process.stdin.flush()
        except OSError:
            raise DriverError(f"the driver ended with {self.ended(5)}{self.complaint()}") from None

    def ended(self, within: float) -> int:
        """Its exit status; negative, the signal that ended it."""
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise DriverError(f"it has not ended within {within:g} s") from None

    def terminate(self) -> None:
        """SIGTERM."""
        self.process.terminate()

    def complaint(self) -> str:
        """The last line that it wrote to standard error."""
        self._readers[1].join(1)
        lines = self._errors.decode("utf-8", "replace").strip().splitlines()
        return f": {lines[-1][:200]}" if lines else ""

    def close(self) -> None:
        """Be rid of it."""
        with contextlib.suppress(OSError):
            self.process.kill()
        self.process.wait()
        for thread in self._readers:
            thread.join(5)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()

    def _start(self, read: Any, stream: IO[bytes] | None) -> threading.Thread:
        thread = threading.Thread(target=read, args=(stream,), daemon=True)
        thread.start()
        return thread

    def _read(self, stream: IO[bytes]) -> None:
        for line in stream:
            if line.strip():
                try:
                    self._answers.put(orjson.loads(line))
                except orjson.JSONDecodeError:
                    self._answers.put(line.decode("utf-8", "replace"))
        self._answers.put(_GONE)

    def _complain(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._errors = (self._errors + line)[-_KEPT:]
