"""The collector's health in a dialog: its figures, how they went in the last minutes, and each program."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QObject, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from flowscope_app import theme
from flowscope_app.base import figures
from flowscope_app.base import format as fmt
from flowscope_app.shell.link import CollectorLink
from flowscope_app.views.common.labels import ElidedLabel, PlainLabel
from flowscope_app.views.common.plain import describe

KEPT = 300  # one a second: five minutes
_PROGRAMS = 8
_STATES = {"live": "live", "slow": "slow", "frozen": "frozen", "quiet": "quiet", "gone": "gone"}
_COLUMNS = ("Program", "Process", "Spans", "Dropped", "Lag", "Heard")


class HealthHistory(QObject):
    """Rate and lag of the last five minutes, as the window learned them; None where there was no answer."""

    def __init__(self, link: CollectorLink, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self._last: Mapping[str, Any] = {}
        self.rate: deque[float | None] = deque(maxlen=KEPT)
        self.lag: deque[float | None] = deque(maxlen=KEPT)
        link.changed.connect(self._take)

    def _take(self) -> None:
        status = self._link.status
        if status is self._last:
            return
        self._last = status
        found = {figure.name: value for figure, value in figures.known(status)}
        self.rate.append(_number(found.get("rate")))
        # A lag is of the last commit: with nothing coming in there is none.
        self.lag.append(_number(found.get("lag_ms")) if found.get("rate") else None)


class Sparkline(QWidget):
    """A line of the last minutes, newest at the right; its greatest value is written beside it."""

    def __init__(self, name: str, colour: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: Sequence[float | None] = ()
        self._name, self._colour = name, colour
        self.setMinimumSize(200, 44)
        theme.signals().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(260, 44)

    def show_values(self, values: Sequence[float | None], greatest: str) -> None:
        """Draw these; `greatest` is the largest of them in words."""
        self._values = list(values)
        describe(self, self._name, f"{self._name} of the last five minutes, at most {greatest}")
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        room = QRectF(self.rect()).adjusted(1, 4, -1, -2)
        painter.setPen(QPen(tokens.line, 1))
        painter.drawLine(room.bottomLeft(), room.bottomRight())
        top = max((value for value in self._values if value is not None), default=0) or 1
        colour: QColor = getattr(tokens, self._colour)
        step = room.width() / (KEPT - 1)
        for run in _runs(self._values):
            points = [
                QPointF(room.right() - (len(self._values) - 1 - at) * step, room.bottom() - value / top * room.height())
                for at, value in run
            ]
            ground = QColor(colour)
            ground.setAlphaF(0.16)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ground)
            feet = [QPointF(points[-1].x(), room.bottom()), QPointF(points[0].x(), room.bottom())]
            painter.drawPolygon(QPolygonF([*points, *feet]))
            painter.setPen(QPen(colour, 1.5))
            painter.drawPolyline(QPolygonF(points))
        painter.end()


class HealthDialog(QDialog):
    """Follows the link while it is open."""

    def __init__(self, link: CollectorLink, history: HealthHistory, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Collector health")
        self._link, self._history = link, history
        self._state = ElidedLabel(role="dim")
        self._values: dict[str, PlainLabel] = {}
        self._lines = {"rate": Sparkline("Spans a second", "accent"), "lag_ms": Sparkline("Lag", "success")}
        self._most = {name: PlainLabel(role="dim") for name in self._lines}
        self._programs = QGridLayout()
        self._cells: list[PlainLabel] = []
        self._lay_out()
        link.changed.connect(self._tell)
        self._tell()
        self.setMinimumWidth(680)

    def value(self, name: str) -> str:
        """What is shown of a figure."""
        return self._values[name].text()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 16)
        layout.setSpacing(4)
        layout.addWidget(PlainLabel("Collector health", role="heading"))
        layout.addWidget(self._state)
        layout.addSpacing(12)
        lines = QHBoxLayout()
        lines.setSpacing(24)
        for name, line in self._lines.items():
            column, head = QVBoxLayout(), QHBoxLayout()
            title = next(figure.label for figure in figures.FIGURES if figure.name == name)
            head.addWidget(PlainLabel(f"{title}, last 5 min", role="dim"))
            head.addStretch(1)
            head.addWidget(self._most[name])
            column.addLayout(head)
            column.addWidget(line)
            lines.addLayout(column, 1)
        layout.addLayout(lines)
        layout.addSpacing(12)
        layout.addLayout(self._figures())
        layout.addSpacing(12)
        layout.addWidget(PlainLabel("PROGRAMS HEARD", role="section"))
        self._programs.setHorizontalSpacing(20)
        self._programs.setVerticalSpacing(6)
        self._programs.setColumnStretch(0, 1)
        layout.addLayout(self._programs)
        layout.addStretch(1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout.addSpacing(12)
        layout.addWidget(buttons)

    def _figures(self) -> QHBoxLayout:
        """Two halves, each below one of the lines."""
        halves = QHBoxLayout()
        halves.setSpacing(24)
        half = (len(figures.FIGURES) + 1) // 2
        for part in (figures.FIGURES[:half], figures.FIGURES[half:]):
            grid = QGridLayout()
            grid.setHorizontalSpacing(16)
            grid.setVerticalSpacing(6)
            for row, figure in enumerate(part):
                label, value = PlainLabel(figure.label, role="dim"), PlainLabel()
                label.set_tip(figure.help)
                value.set_tip(figure.help)
                grid.addWidget(label, row, 0)
                grid.addWidget(value, row, 1, Qt.AlignmentFlag.AlignRight)
                self._values[figure.name] = value
            grid.setColumnStretch(1, 1)
            grid.setRowStretch(half, 1)
            halves.addLayout(grid, 1)
        return halves

    def _tell(self) -> None:
        status = self._link.status
        fault = status.get("fault") or ""
        self._state.setText(
            self._link.problem or str(fault) or f"It listens on {self._link.addr} and takes all it gets"
        )
        self._state.set_role("error" if self._link.problem or fault else "dim")
        for figure, value in figures.known(status):
            label = self._values[figure.name]
            if figure.name == "writable":
                label.setText("–" if value is None else "yes" if value else "no")
                label.set_role("error" if value == 0 else "text")
                continue
            label.setText(figure.text(value))
            label.set_role("error" if figure.bad and value else "text")
        for name, values in (("rate", self._history.rate), ("lag_ms", self._history.lag)):
            figure = next(figure for figure in figures.FIGURES if figure.name == name)
            greatest = max((value for value in values if value is not None), default=None)
            said = figure.text(greatest)
            self._most[name].setText(f"at most {said}" if greatest is not None else "")
            self._lines[name].show_values(values, said)
        programs = status.get("programs")
        self._tell_programs(programs if isinstance(programs, list) else [])

    def _tell_programs(self, programs: list[Mapping[str, Any]]) -> None:
        rows = [_COLUMNS, *(_program_row(program) for program in programs[:_PROGRAMS])]
        if not programs:
            rows = [("None since the collector started", *[""] * (len(_COLUMNS) - 1))]
        elif len(programs) > _PROGRAMS:
            rows.append((f"and {len(programs) - _PROGRAMS} more", *[""] * (len(_COLUMNS) - 1)))
        while len(self._cells) < len(rows) * len(_COLUMNS):
            at = len(self._cells)
            cell = PlainLabel(role="dim" if at < len(_COLUMNS) else "text")
            side = Qt.AlignmentFlag.AlignLeft if at % len(_COLUMNS) == 0 else Qt.AlignmentFlag.AlignRight
            self._programs.addWidget(cell, at // len(_COLUMNS), at % len(_COLUMNS), side)
            self._cells.append(cell)
        texts = [text for row in rows for text in row]
        for at, cell in enumerate(self._cells):
            cell.setText(texts[at] if at < len(texts) else "")


def _program_row(program: Mapping[str, Any]) -> tuple[str, ...]:
    lag, silent = _number(program.get("lag_ms")), _number(program.get("silent_s"))
    state = _STATES.get(str(program.get("state")), "")
    name = fmt.one_line(str(program.get("program") or program.get("id") or ""), 40)
    place = fmt.one_line(str(program.get("host") or ""), 24)
    heard = "–" if silent is None else f"{fmt.duration(int(silent * 1e9))} ago" if silent else "now"
    return (
        name + (f" · {state}" if state else ""),
        f"{place} {whole}" if (whole := program.get("pid")) else place,
        fmt.count(int(_number(program.get("records")) or 0)),
        fmt.count(int(_number(program.get("dropped")) or 0)),
        "–" if lag is None else fmt.duration(int(lag * 1e6)),
        heard,
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """The stretches in which there is a value."""
    runs: list[list[tuple[int, float]]] = []
    for at, value in enumerate(values):
        if value is None:
            continue
        if runs and runs[-1][-1][0] == at - 1:
            runs[-1].append((at, value))
        else:
            runs.append([(at, value)])
    return runs
