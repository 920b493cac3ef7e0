"""The line below everything: the collector's health left, what is in sight right."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QWidget

from flowscope.protocol import hide_key
from flowscope_app.base import figures
from flowscope_app.base import format as fmt
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.shell.link import CollectorLink
from flowscope_app.views.common.labels import PlainLabel

_HEIGHT = 26
_TELL_MS = 200  # a person reads no faster; a session of a million spans is summed each time


class StatusBar(QWidget):
    """Says where programs attach, how fast spans come, what was lost, and how much is in sight."""

    def __init__(self, state: ViewState, link: CollectorLink, db: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("statusBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(_HEIGHT)
        self._state, self._link, self._db = state, link, db
        self._dot = PlainLabel("●", role="dim")
        self._addr, self._programs, self._rate, self._lost, self._lag = (PlainLabel(role="dim") for _ in range(5))
        self._addr.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._sight, self._file = PlainLabel(role="dim"), PlainLabel(role="dim")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 0, 14, 0)
        layout.setSpacing(20)
        for label in (self._dot, self._addr, self._programs, self._rate, self._lost, self._lag):
            layout.addWidget(label)
        layout.addStretch(1)
        layout.addWidget(self._sight)
        layout.addWidget(self._file)
        self._timer = QTimer(self, singleShot=True, interval=_TELL_MS)
        self._timer.timeout.connect(self._tell_sight)
        for signal in (state.session_changed, state.table_changed, state.range_changed, state.filter_changed):
            signal.connect(self._soon)
        state.sessions_changed.connect(self._tell_programs)
        state.session_changed.connect(self._tell_programs)
        link.changed.connect(self._tell_link)
        self._tell_link()
        self._tell_programs()
        self._tell_sight()

    def _soon(self, *_: object) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _tell_link(self) -> None:
        link, status = self._link, self._link.status
        self._dot.set_role("success" if link.listening else "error")
        self._dot.setAccessibleName("The collector listens" if link.listening else "The collector does not listen")
        self._addr.setText(hide_key(link.addr) if link.listening else "not listening")
        rate = status.get("rate")
        self._rate.setText(f"{fmt.rate(rate if isinstance(rate, int | float) else 0)} spans/s" if status else "")
        found = status.get("lost")
        losses = found if isinstance(found, dict) else {}
        missing, dropped, refused = (whole(losses.get(name)) for name in ("missing", "dropped", "refused"))
        lost = dropped + missing
        said = f"{fmt.count(lost)} lost" + (f" · {fmt.count(refused)} refused" if refused else "")
        self._lost.setText(said if status else "")
        self._lost.set_tip(
            f"All sessions of this database: {fmt.count(missing)} spans missing, {fmt.count(dropped)} dropped by their"
            f" programs, {fmt.count(refused)} refused. The log says why; the banner counts those of the session shown."
        )
        self._lost.set_role("error" if lost or refused else "dim")
        known = {figure.name: (figure, value) for figure, value in figures.known(status)}
        lag, value = known["lag_ms"]
        self._lag.setText(f"lag {lag.text(value)}" if value is not None and status.get("rate") else "")
        self._lag.set_tip(lag.help)
        path = Path(self._db)
        size = 0
        for file in (path, path.with_name(path.name + "-wal")):
            with contextlib.suppress(OSError):
                size += file.stat().st_size
        self._file.setText(f"{path.name} {fmt.size(size)}")

    def _tell_programs(self) -> None:
        session = self._state.session
        number = len(session.programs) if session else 0
        self._programs.setText(f"{number} program{'' if number == 1 else 's'}")
        self._programs.setVisible(number > 0)

    def _tell_sight(self) -> None:
        table, (start, end) = self._state.table, self._state.range
        if not table.n or end <= start:
            self._sight.setText("")
            return
        seen = (table.start < end) & (table.end_or(self._state.now()) >= start)
        if self._state.mask is not None and len(self._state.mask) == table.n:
            seen &= self._state.mask
        number = int(np.count_nonzero(seen))
        self._sight.setText(
            f"{fmt.duration(end - start)} in sight · {fmt.count(number)} span{'' if number == 1 else 's'}"
        )


def whole(value: Any) -> int:
    """A number out of a reply, 0 if it is none."""
    return int(value) if isinstance(value, int | float) else 0
