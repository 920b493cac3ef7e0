"""Long work done in small steps between polls, so that spans keep coming in: imports, deleting spans, upkeep."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from flowscope_app.base.errors import FlowScopeError
from flowscope_app.collector.upkeep import BUSY_STEP_S, SWEEP_SHARE, Allowance, Upkeep
from flowscope_app.store import StoreFault, StoreWriter

KEPT_RESULTS = 100
SWEEP_S = 0.05
"""Of one step that deletes, while no spans come."""

logger = logging.getLogger("flowscope.collector")

Reply = dict[str, Any]
OnDone = Callable[[Reply], None]


class Progress(Protocol):
    """How far an import is: bytes of the file, records; the last one names the sessions."""

    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def records(self) -> int: ...
    @property
    def sessions(self) -> tuple[str, ...]: ...
    @property
    def note(self) -> str: ...


Importer = Callable[[Path, StoreWriter], Iterator[Progress]]


@dataclass(slots=True)
class ImportTask:
    """One file. `reply` is its state as the control channel tells it."""

    number: int
    path: Path
    reply: Reply
    on_done: OnDone | None
    steps: Iterator[Progress] | None = None


class Tasks:
    """Imports one after another, the store's sweep when there is none, and upkeep when that is done too."""

    def __init__(self, writer: StoreWriter, importer: Importer) -> None:
        self._writer = writer
        self._importer = importer
        self._queue: deque[ImportTask] = deque()
        self._replies: dict[int, Reply] = {}
        self._count = 0
        self._upkeep = Upkeep(writer)
        self._allowance = Allowance()
        self._sweep_allowance = Allowance(SWEEP_SHARE)
        self._sweeping = True  # what an earlier process left hidden goes first

    @property
    def busy(self) -> bool:
        """Whether `step` has something to do."""
        return bool(self._queue) or self._sweeping or self._upkeep.busy

    def sweep(self) -> None:
        """A session was deleted: clear its spans away."""
        self._sweeping = True

    def add_import(self, path: Path, on_done: OnDone | None) -> Reply:
        """Queue a file. `on_done` is called with the final reply; the one returned here is kept up to date."""
        self._count += 1
        reply: Reply = {"ok": True, "task": self._count, "state": "waiting", "path": str(path), "records": 0}
        self._replies[self._count] = reply
        while len(self._replies) > KEPT_RESULTS:
            self._replies.pop(next(iter(self._replies)))
        self._queue.append(ImportTask(self._count, path, reply, on_done))
        return reply

    def progress(self, number: int) -> Reply | None:
        """How an import stands, or how it ended; None if it is not known (any more)."""
        return self._replies.get(number)

    def running(self) -> list[Reply]:
        """The imports that are not done."""
        return [task.reply for task in self._queue]

    def step(self, slack: float | None = None) -> None:
        """Do a little: well under a tenth of a second.

        While spans come, `slack` says how many seconds of its last turn the loop waited for some: it is less, then.
        None if none came.
        """
        allowed = self._allowance.earn(slack or 0.0)
        to_sweep = self._sweep_allowance.earn(slack or 0.0)
        if self._queue:
            self._advance(self._queue[0])
        elif slack is None:
            if self._sweeping:
                self._sweep(SWEEP_S)
            elif self._upkeep.busy:
                self._sweeping = self._upkeep.step()
        elif self._upkeep.busy and allowed >= BUSY_STEP_S:
            begun = time.monotonic()
            self._sweeping |= self._upkeep.step(BUSY_STEP_S)
            self._allowance.spend(time.monotonic() - begun)
        elif self._sweeping and to_sweep >= BUSY_STEP_S:
            begun = time.monotonic()
            self._sweep(to_sweep)
            self._sweep_allowance.spend(time.monotonic() - begun)

    def _sweep(self, seconds: float) -> None:
        try:
            self._sweeping = self._writer.sweep(seconds)
        except StoreFault as error:
            logger.debug("not swept now: %s", error)
            self._sweeping = False

    def _advance(self, task: ImportTask) -> None:
        try:
            if task.steps is None:
                task.steps = self._importer(task.path, self._writer)
            now = next(task.steps)
            task.reply.update(
                state="running",
                done=now.done,
                total=now.total,
                records=now.records,
                sessions=list(now.sessions),
                note=now.note,
            )
        except StopIteration:
            self._end(task, {"ok": True, "state": "done"})
        except FlowScopeError as error:
            self._end(task, {"ok": False, "state": "failed", "error": str(error)})
        except Exception as error:
            logger.exception("an import failed")
            self._end(task, {"ok": False, "state": "failed", "error": f"{task.path} can't be imported: {error}"})

    def _end(self, task: ImportTask, outcome: Reply) -> None:
        self._queue.remove(task)
        task.reply.update(outcome)
        self._sweeping = True
        if task.on_done is not None:
            task.on_done(task.reply)

    def cancel(self, number: int) -> bool:
        """Give one import up; False if it is not (any more) under way. Nothing of it stays."""
        for task in self._queue:
            if task.number == number:
                self._give_up(task, "it was cancelled")
                return True
        return False

    def cancel_all(self) -> None:
        """Give up what is not done; nothing of it stays."""
        while self._queue:
            self._give_up(self._queue[0], "the collector was stopped")

    def _give_up(self, task: ImportTask, why: str) -> None:
        close = getattr(task.steps, "close", None)
        if close is not None:
            close()
        self._end(task, {"ok": False, "state": "failed", "error": why})
