"""`make demo`: the window, live, with a real LangChain program and a real LlamaIndex program attached.

With a display the window stays open. Without one it runs on Qt's offscreen platform, saves what the window shows,
says what arrived, and ends with 0 only if all of it did.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from flowscope_app.base.paths import resources
from flowscope_app.collector.hosts import here
from flowscope_app.shell import qt_log
from flowscope_app.shell.app import Desktop, open_desktop
from flowscope_app.shell.status_bar import whole
from flowscope_app.spans.kinds import Kind, Status

PICTURE = "flowscope-demo.png"
SESSION = "support-desk"
FRAMEWORKS = ("langchain", "llamaindex")
# Each program and its session: the two with frameworks share one, so that both stand on one timeline.
PROGRAMS = {"quickstart.py": "quickstart", "support_agent.py": SESSION, "rag_eval.py": SESSION}
_WITHIN_S = 120
_SETTLE_MS = 700  # the last layout of the flow graph and the last paint
_DEFAULT_PORT = 3569


def _free_addr() -> str:
    """The default address, or another one if somebody listens there."""
    for port in (_DEFAULT_PORT, 0):
        with socket.socket() as probe, socket.socket() as control:
            try:
                probe.bind(("127.0.0.1", port))
                number = probe.getsockname()[1]
                control.bind(("127.0.0.1", number + 1))
            except OSError:
                continue
            return f"tcp://127.0.0.1:{number}"
    return "tcp://127.0.0.1:0"


@dataclass
class Outcome:
    """What came of the programs."""

    statuses: dict[str, int] = field(default_factory=dict)

    def failures(self) -> list[str]:
        """A line for each program that did not end with 0."""
        return [f"{name} ended with {status}" for name, status in self.statuses.items() if status]


class Programs(QObject):
    """Starts the samples as their user would: by their address alone, no change to their code."""

    all_ended = Signal()

    def __init__(self, desktop: Desktop) -> None:
        super().__init__()
        self._desktop = desktop
        self._processes: list[QProcess] = []
        self._started = False
        self._shown = False
        self.outcome = Outcome()
        desktop.window.state.sessions_changed.connect(self._show_session)

    def start(self) -> None:
        """Start each as soon as the collector listens."""
        self._desktop.link.changed.connect(self._begin)
        self._begin()

    def _begin(self) -> None:
        link = self._desktop.link
        if self._started or not link.listening:
            return
        self._started = True
        for name, session in PROGRAMS.items():
            environment = QProcessEnvironment.systemEnvironment()
            environment.insert("FLOWSCOPE_ADDR", here(link.addr))
            environment.insert("FLOWSCOPE_SESSION", session)
            process = QProcess(self)
            process.setProcessEnvironment(environment)
            process.setProcessChannelMode(QProcess.ProcessChannelMode.ForwardedErrorChannel)
            process.finished.connect(lambda status, how, name=name: self._ended(name, status, how))
            process.start(sys.executable, [str(resources() / "samples" / name)])
            self._processes.append(process)

    def _show_session(self) -> None:
        """Show the session of both frameworks once it is there, whichever program was first."""
        state = self._desktop.window.state
        key = next((row.key for row in state.sessions if row.id == SESSION), None)
        if key is not None and not self._shown:
            self._shown = True
            state.choose_session(key)

    def _ended(self, name: str, status: int, how: QProcess.ExitStatus) -> None:
        self.outcome.statuses[name] = status if how == QProcess.ExitStatus.NormalExit else -1
        if len(self.outcome.statuses) == len(PROGRAMS):
            self.all_ended.emit()

    def stop(self) -> None:
        """End those that still run."""
        for process in self._processes:
            if process.state() != QProcess.ProcessState.NotRunning:
                process.kill()
                process.waitForFinished(2_000)


class Photograph(QObject):
    """Waits until all that was sent is shown, takes the picture and says what is in it."""

    def __init__(self, desktop: Desktop, programs: Programs, picture: Path) -> None:
        super().__init__()
        self._desktop, self._programs, self._picture = desktop, programs, picture
        self._deadline = time.monotonic() + _WITHIN_S
        self._timer = QTimer(self, interval=100)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def _counts(self) -> Counter[str]:
        table = self._desktop.window.state.table
        keys, numbers = np.unique(table.framework, return_counts=True)
        return Counter({table.names.get(int(key), "?"): int(n) for key, n in zip(keys, numbers, strict=True)})

    def _complete(self) -> bool:
        """Whether the window shows every span that was sent, ended."""
        state = self._desktop.window.state
        ended = len(self._programs.outcome.statuses) == len(PROGRAMS)
        arrived = {row.id for row in state.sessions if row.spans and not row.pending} == set(PROGRAMS.values())
        counts = self._counts()
        whole = state.session is not None and state.table.n == state.session.spans and not state.has_pending
        return ended and arrived and whole and all(counts[name] for name in FRAMEWORKS)

    def _look(self) -> None:
        if self._complete():
            self._timer.stop()
            self._pose()
            QTimer.singleShot(_SETTLE_MS, self, self._take)
        elif time.monotonic() > self._deadline:
            self._timer.stop()
            self._take()

    def _pose(self) -> None:
        """Show the whole session, and in the inspector a model's call that has a conversation to read."""
        window = self._desktop.window
        table = window.state.table
        window.centre.timeline.fit_all()
        llm = np.flatnonzero((table.kind == Kind.LLM) & (table.status == Status.SUCCESS))
        calls: list[int] = llm.tolist()
        rows = [row for row in calls if table.names.get(int(table.framework[row])) == "langchain"] or calls
        if rows:
            window.state.select_row(max(rows, key=lambda row: int(table.tokens_in[row])))

    def _take(self) -> None:
        saved = self._desktop.window.grab().save(str(self._picture))
        self._desktop.app.exit(self._tell(saved))

    def _tell(self, saved: bool) -> int:
        """Print what arrived; returns the exit status."""
        counts, status = self._counts(), self._desktop.link.status
        lost = sum(whole(status.get(name)) for name in ("dropped", "gaps", "refused"))
        problems = self._programs.outcome.failures()
        if not self._complete():
            problems.append(f"not all spans arrived within {_WITHIN_S} s")
        if lost:
            problems.append(f"{lost} spans were lost or refused")
        if not saved:
            problems.append(f"{self._picture} could not be written")
        for name in FRAMEWORKS:
            print(f"{counts[name]:>6} spans of {name}")
        total = sum(row.spans for row in self._desktop.window.state.sessions)
        print(f"{total - sum(counts[name] for name in FRAMEWORKS):>6} spans of others")
        print(f"{total:>6} spans in all, {lost} lost")
        for problem in problems:
            print(f"flowscope demo: {problem}", file=sys.stderr)
        if saved:
            print(f"the window is in {self._picture.name}")
        return 1 if problems else 0


def _has_display() -> bool:
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def main() -> int:
    """Run the demo; returns the exit status."""
    qt_log.route()
    shown = _has_display() and os.environ.get("QT_QPA_PLATFORM") != "offscreen"
    if not shown:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    with tempfile.TemporaryDirectory(prefix="flowscope-demo-") as folder:
        os.environ["FLOWSCOPE_HOME"] = folder
        desktop = open_desktop(str(Path(folder) / "demo.db"), _free_addr(), [])
        programs = Programs(desktop)
        programs.start()
        photograph = None if shown else Photograph(desktop, programs, Path.cwd() / PICTURE)
        if photograph is None:
            print("The window stays open; close it to end the demo.")
        status = desktop.app.exec()
        programs.stop()
        desktop.close()
    return status


if __name__ == "__main__":
    sys.exit(main())
