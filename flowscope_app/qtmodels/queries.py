"""Questions to the store, asked from the GUI thread and answered there, worked out elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QMetaObject, QObject, Qt

from flowscope_app.qtmodels.worker import ReaderThread, Task
from flowscope_app.spans.rows import Payload
from flowscope_app.store.reader import StoreReader

T = TypeVar("T")


class Queries(QObject):
    """Runs calls on a reader in a thread of its own; a newer call on a slot supersedes the older."""

    def __init__(self, db: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = ReaderThread(db, "flowscope-queries", self)
        self._thread.start()
        self._latest: dict[str, Task] = {}

    def run(
        self,
        call: Callable[[StoreReader], T],
        on_done: Callable[[T], None],
        *,
        slot: str,
        on_failed: Callable[[str], None] | None = None,
    ) -> None:
        """Answer `call` to `on_done` in this thread, unless another call on `slot` came meanwhile."""
        older = self._latest.get(slot)
        if older is not None:
            older.cancelled = True
        task = Task(self._thread, call)

        def settle(deliver: Callable[[T], None] | Callable[[str], None] | None, answer: object) -> None:
            if self._latest.get(slot) is task:
                del self._latest[slot]
                if deliver is not None:
                    deliver(answer)  # type: ignore[arg-type]

        # The lambdas run where this object lives, because the connection is queued to it.
        task.done.connect(self, lambda answer: settle(on_done, answer), Qt.ConnectionType.QueuedConnection)
        task.failed.connect(self, lambda reason: settle(on_failed, reason), Qt.ConnectionType.QueuedConnection)
        self._latest[slot] = task
        task.moveToThread(self._thread)
        QMetaObject.invokeMethod(task, "run", Qt.ConnectionType.QueuedConnection)

    def payload(self, span_key: int, on_done: Callable[[Payload | None], None], *, slot: str = "payload") -> None:
        """Read what a span holds besides its structure; None when it is gone."""
        self.run(lambda reader: reader.payload(span_key), on_done, slot=slot)

    def close(self) -> None:
        """End the thread; calls still waiting are dropped."""
        for task in self._latest.values():
            task.cancelled = True
        self._thread.finish()
        self._latest.clear()
