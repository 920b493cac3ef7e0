"""The window's link to the collector: finds the one that holds the database, or starts it, and gives commands."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QThread, QTimer, Signal, Slot

from flowscope.protocol import split_key
from flowscope_app.collector import client
from flowscope_app.shell.connection import running_collector
from flowscope_app.shell.own_process import flowscope_command

log = logging.getLogger("flowscope.window")

STATUS_MS = 1_000
_RESTART_MS = (500, 2_000, 5_000, 15_000)  # how long to wait before the next try, longer each time
_STOP_MS = 10_000

Reply = dict[str, Any]


class _Courier(QObject):
    """Asks in a thread of its own, so that a collector that does not answer never holds the window up."""

    answered = Signal(int, object)  # number of the request, the reply, or None if none came

    @Slot(int, object, object, float)
    def ask(self, number: int, control: tuple[str, str | None], request: Reply, timeout: float) -> None:
        try:
            self.answered.emit(number, client.request(control[0], request, timeout, control[1]))
        except Exception as error:
            log.debug("the collector did not answer %s: %s", request.get("cmd"), error)
            self.answered.emit(number, None)


class CollectorLink(QObject):
    """Knows where the collector is and how it fares."""

    changed = Signal()  # `addr`, `problem` or `status` is another
    _ask = Signal(int, object, object, float)

    def __init__(self, db: str, addr: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.db = db
        self.addr = addr
        self.problem = ""  # one line for the banner; "" while all is well
        self.status: Reply = {}
        self.listening = False
        self._wanted = addr
        self._control: tuple[str, str | None] | None = None  # the channel, and the token that its commands need
        self._process: QProcess | None = None
        self._tries = 0
        self._closing = False
        self._waiting: dict[int, Callable[[Reply | None], None]] = {}
        self._number = 0
        self._thread = QThread(self)
        self._courier = _Courier()
        self._courier.moveToThread(self._thread)
        self._ask.connect(self._courier.ask)
        self._courier.answered.connect(self._answered)
        self._thread.start()
        self._timer = QTimer(self, interval=STATUS_MS)
        self._timer.timeout.connect(self._look)

    def open(self) -> None:
        """Attach to the collector that holds the database, or start one."""
        found = running_collector(self.db)
        if found is not None:
            self._up(found.addr, found.control, found.token)
        else:
            self._start()
        self._timer.start()

    def command(self, request: Reply, on_reply: Callable[[Reply | None], None], timeout: float = 10.0) -> None:
        """Give the collector a command; the reply (None: no answer) comes back in this thread."""
        if self._control is None:
            on_reply(None)
            return
        self._number += 1
        self._waiting[self._number] = on_reply
        self._ask.emit(self._number, self._control, request, timeout)

    @Slot(int, object)
    def _answered(self, number: int, reply: Reply | None) -> None:
        on_reply = self._waiting.pop(number, None)
        if on_reply is not None and not self._closing:
            on_reply(reply)

    def _start(self) -> None:
        process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        # The collector is not a program under study: nothing of the SDK is to wake up in it.
        environment.insert("FLOWSCOPE_ADDR", "off")
        environment.insert("PYTHONUNBUFFERED", "1")
        process.setProcessEnvironment(environment)
        process.readyReadStandardOutput.connect(self._heard)
        process.finished.connect(self._ended)
        process.errorOccurred.connect(self._failed)
        self._process = process
        # The key stays out of the arguments, which every user of the machine can read.
        endpoint, key = split_key(self._wanted)
        arguments = ["collect", "--addr", endpoint, "--db", self.db, "--parent-watch", *(["--curve"] if key else [])]
        process.start(*flowscope_command(arguments))

    def _heard(self) -> None:
        if self._process is None:
            return
        for line in bytes(self._process.readAllStandardOutput().data()).decode("utf-8", "replace").splitlines():
            if line.startswith("listening on ") and not self.listening:
                addr = line.split()[2]
                found = running_collector(self.db)
                self._up(addr, client.control_of(addr), found.token if found is not None else None)

    def _up(self, addr: str, control: str, token: str | None) -> None:
        self.addr, self._control = addr, (control, token)
        self.listening, self.problem, self._tries = True, "", 0
        self.changed.emit()

    def _ended(self) -> None:
        process, self._process = self._process, None
        if process is None or self._closing:
            return
        said = bytes(process.readAllStandardError().data()).decode("utf-8", "replace").strip().splitlines()
        why = said[-1].removeprefix("flowscope: ") if said else "it ended without a word"
        process.deleteLater()
        # Another window or a `flowscope collect` may hold the database: then that one is ours too.
        found = running_collector(self.db)
        if found is not None:
            self._up(found.addr, found.control, found.token)
            return
        self._down(f"The collector is not running: {why}")

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and not self._closing:
            self._process = None
            self._down("The collector could not be started; run `flowscope doctor`")

    def _down(self, problem: str) -> None:
        self.listening, self._control, self.status = False, None, {}
        self.problem = problem
        self.changed.emit()
        wait = _RESTART_MS[min(self._tries, len(_RESTART_MS) - 1)]
        self._tries += 1
        QTimer.singleShot(wait, self, self._again)

    @Slot()
    def _again(self) -> None:
        if not self.listening and self._process is None and not self._closing:
            found = running_collector(self.db)
            if found is not None:
                self._up(found.addr, found.control, found.token)
            else:
                self._start()

    @Slot()
    def _look(self) -> None:
        if self.listening and len(self._waiting) < 4:
            self.command({"cmd": "status"}, self._looked, timeout=2.0)

    def _looked(self, reply: Reply | None) -> None:
        if reply is None:
            # Ours says so itself when it ends; one that somebody else started is only found out this way.
            if self._process is None and running_collector(self.db) is None:
                self._down("The collector that held this database has ended")
            return
        self.status = reply
        self.changed.emit()

    def close(self) -> None:
        """Stop looking; end the collector if this window started it, after it has written what it holds."""
        self._closing = True
        self._timer.stop()
        self._waiting.clear()
        self._thread.quit()
        self._thread.wait()
        process = self._process
        if process is not None and process.state() != QProcess.ProcessState.NotRunning:
            process.closeWriteChannel()
            if not process.waitForFinished(_STOP_MS):
                log.warning("the collector did not end; it is left to finish alone")
                process.setParent(None)


def describe_failure(reply: Reply | None) -> str:
    """One line on a command that failed; "" if it did not."""
    if reply is None:
        return "the collector did not answer"
    return "" if reply.get("ok") else str(reply.get("error") or "the collector refused")
