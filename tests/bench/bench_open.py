"""Opening a session of 100,000 spans in the whole window: from the click to every span painted."""

from __future__ import annotations

import os
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop
from PySide6.QtWidgets import QApplication

from flowscope.protocol import Record
from flowscope_app.shell import qt_log
from flowscope_app.shell.app import Desktop, open_desktop
from flowscope_app.store import Incoming, StoreWriter

SPANS = 100_000
TIMES = 5
START = 1_790_000_000_000_000_000


def record(number: int, session: str) -> Record:
    """One of ten calls below an agent's."""
    run = number // 10 * 10
    return Record(
        id=f"{(0x5EED << 40) + number:016x}",
        session_id=session,
        parent_id=None if number == run else f"{(0x5EED << 40) + run:016x}",
        operation=f"operation {number % 10}",
        framework="langchain",
        language="python",
        start_ns=START + run * 1_000_000 + (number - run) * 900_000,
        end_ns=START + run * 1_000_000 + (10_000_000 if number == run else (number - run) * 900_000 + 800_000),
        input=b'{"question":"Where is my order?"}',
        output=b'"It is on its way."',
        metadata={"flowscope.kind": ("agent", "llm", "tool", "retriever")[number % 4]},
        status="error" if number % 100 == 3 else "success",
        error="no" if number % 100 == 3 else None,
    )


def fill(path: Path) -> None:
    """A session of `SPANS` spans and one of a single span to come from."""
    with StoreWriter.open(str(path)) as writer:
        writer.write([Incoming(None, [record(0, "small")])])
        for first in range(0, SPANS, 4_000):
            writer.write([Incoming(None, [record(n, "large") for n in range(first, min(SPANS, first + 4_000))])])


def settle(desktop: Desktop, spans: int) -> None:
    """Let the event loop run until the table has so many spans and they are painted."""
    state, view = desktop.window.state, desktop.window.centre.timeline
    while state.table.n != spans or state.loading:
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
    view.repaint()
    view.canvas.viewport().repaint()


def key_of(desktop: Desktop, name: str) -> int:
    """The store's key of a session."""
    while True:
        for row in desktop.window.state.sessions:
            if row.id == name:
                return row.key
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)


def main() -> int:
    """Print the time in ms."""
    qt_log.route()
    with tempfile.TemporaryDirectory(prefix="flowscope-bench-") as folder:
        os.environ["FLOWSCOPE_HOME"] = folder
        path = Path(folder) / "bench.db"
        fill(path)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        desktop = open_desktop(str(path), f"tcp://127.0.0.1:{port}", [])
        large, small = key_of(desktop, "large"), key_of(desktop, "small")
        took = []
        for _ in range(TIMES):
            desktop.window.state.choose_session(small)
            settle(desktop, 1)
            begun = time.perf_counter()
            desktop.window.state.choose_session(large)
            settle(desktop, SPANS)
            took.append((time.perf_counter() - begun) * 1e3)
        print(
            f"open a session of {SPANS:,} spans in the window, to painted: "
            f"median {statistics.median(took):.0f} ms, worst {max(took):.0f} ms"
        )
        desktop.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
