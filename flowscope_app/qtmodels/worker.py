"""One way to leave the GUI thread: a thread with an event loop and a reader of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PySide6.QtCore import QObject, QThread, Signal, Slot

from flowscope_app.base.errors import FlowScopeError
from flowscope_app.store.reader import StoreReader

log = logging.getLogger("flowscope.window")


class ReaderThread(QThread):
    """A thread whose workers share one read-only connection; the database may come into being later."""

    def __init__(self, db: str, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._db = db
        self._reader: StoreReader | None = None

    def reader(self) -> StoreReader | None:
        """The thread's reader, or None while there is no database to read; call it in this thread only."""
        if self._reader is None:
            try:
                self._reader = StoreReader(self._db)
            except FlowScopeError as error:
                log.debug("database not readable yet: %s", error)
        return self._reader

    def run(self) -> None:
        self.exec()
        if self._reader is not None:
            self._reader.close()

    def finish(self) -> None:
        """End the thread's event loop and wait for it."""
        self.quit()
        self.wait()


class Task(QObject):
    """A call on its way to a worker thread, and its answer on the way back."""

    settled = Signal(object, object, str)  # this task, its answer, why there is none ("" if there is one)

    def __init__(self, thread: ReaderThread, call: Callable[[StoreReader], object]) -> None:
        super().__init__()
        self._thread = thread
        self._call = call
        self._cancelled = False

    def cancel(self) -> None:
        """Have the call not made, or end where it reads; nobody waits for its answer."""
        self._cancelled = True

    @Slot()
    def run(self) -> None:
        """Do the call in the worker thread, unless it was superseded while it waited."""
        reader = None if self._cancelled else self._thread.reader()
        if reader is None:
            self.settled.emit(self, None, "there is no database yet")
            return
        answer, reason = None, ""
        try:
            with reader.unless(lambda: self._cancelled):
                answer = self._call(reader)
        except Exception as error:
            reason = str(error) or type(error).__name__
            if not self._cancelled:
                log.exception("a query of the window failed")
        self.settled.emit(self, answer, reason)
