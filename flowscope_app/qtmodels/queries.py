"""Questions to the store, asked from the GUI thread and answered there, worked out elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from PySide6.QtCore import QMetaObject, QObject, Qt, Slot

from flowscope_app.qtmodels.worker import ReaderThread, Task
from flowscope_app.spans.rows import Payload
from flowscope_app.store.reader import StoreReader

T = TypeVar("T")


@dataclass(frozen=True)
class _Asked:
    task: Task
    on_done: Callable[[Any], None]
    on_failed: Callable[[str], None] | None


class Queries(QObject):
    """Runs calls on a reader in threads of their own; a newer call on a slot supersedes the older, which stops."""

    def __init__(self, db: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._quick = ReaderThread(db, "flowscope-queries", self)
        self._long = ReaderThread(db, "flowscope-long-queries", self)
        self._quick.start()
        self._long.start()
        self._latest: dict[str, _Asked] = {}
        self._running: set[Task] = set()  # superseded ones too, until their thread lets go of them

    def run(
        self,
        call: Callable[[StoreReader], T],
        on_done: Callable[[T], None],
        *,
        slot: str,
        on_failed: Callable[[str], None] | None = None,
        long: bool = False,
    ) -> None:
        """Answer `call` to `on_done` in this thread, unless another call on `slot` came meanwhile.

        A `long` call, one that reads through a session, waits for other long ones and keeps no quick one waiting.
        """
        self.drop(slot)
        thread = self._long if long else self._quick
        task = Task(thread, call)
        self._latest[slot] = _Asked(task, on_done, on_failed)
        self._running.add(task)
        task.settled.connect(self._settled, Qt.ConnectionType.QueuedConnection)
        task.moveToThread(thread)
        QMetaObject.invokeMethod(task, "run", Qt.ConnectionType.QueuedConnection)

    def drop(self, slot: str) -> None:
        """Have no answer to the newest call on `slot`; it stops where it reads."""
        older = self._latest.pop(slot, None)
        if older is not None:
            older.task.cancel()

    @Slot(object, object, str)
    def _settled(self, task: Task, answer: object, reason: str) -> None:
        self._running.discard(task)
        slot = next((name for name, asked in self._latest.items() if asked.task is task), None)
        if slot is None:
            return
        asked = self._latest.pop(slot)
        if not reason:
            asked.on_done(answer)
        elif asked.on_failed is not None:
            asked.on_failed(reason)

    def payload(self, span_key: int, on_done: Callable[[Payload | None], None], *, slot: str = "payload") -> None:
        """Read what a span holds besides its structure; None when it is gone."""
        self.run(lambda reader: reader.payload(span_key), on_done, slot=slot)

    def close(self) -> None:
        """End the threads; calls still waiting are dropped."""
        for task in self._running:
            task.cancel()
        self._latest.clear()
        self._quick.finish()
        self._long.finish()
        self._running.clear()
