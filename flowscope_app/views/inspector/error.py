"""Why a span failed: the exception, its message, and where in the user's own code it came from."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from flowscope_app import theme
from flowscope_app.base import format as fmt
from flowscope_app.spans.stack import Frame, Trace
from flowscope_app.views.common.copy_button import CopyButton
from flowscope_app.views.common.labels import ElidedLabel, PlainLabel
from flowscope_app.views.common.plain import describe
from flowscope_app.views.inspector.card import Framed
from flowscope_app.views.inspector.details import Details
from flowscope_app.views.inspector.text_block import TextBlock

_MESSAGE = 20_000  # characters of a message that are shown
_FRAMES = 60  # of one sort and one exception, shown at once
_PACKAGES = 4  # named on the fold


class FrameRow(QWidget):
    """A place in the program: file and line, function, and the line's code."""

    def __init__(self, frame: Frame, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        path = PureWindowsPath(frame.file) if "\\" in frame.file else PurePosixPath(frame.file)
        name = ElidedLabel(f"in {frame.name}" if frame.name else "", role="dim")
        place = ElidedLabel(f"{path.name}:{frame.line}", role="mono" if frame.own else "mono-dim")
        place.set_tip(f"{frame.file}:{frame.line}")
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(place)
        line.addWidget(name, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 6, 10, 6)
        layout.setSpacing(2)
        layout.addLayout(line)
        if frame.code:
            code = ElidedLabel(frame.code, role="mono" if frame.own else "mono-dim")
            layout.addWidget(code)
        self.setAccessibleName(fmt.one_line(f"{frame.file} line {frame.line} in {frame.name}: {frame.code}", 400))


class _Frames(Framed):
    def __init__(self, frames: list[Frame], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(0)
        for frame in frames[:_FRAMES]:
            layout.addWidget(FrameRow(frame))
        if len(frames) > _FRAMES:
            more = PlainLabel(
                f"{fmt.count(len(frames) - _FRAMES)} frames more: copy the trace to read them", role="dim"
            )
            more.setContentsMargins(10, 4, 10, 4)
            layout.addWidget(more)


class TraceView(QWidget):
    """One exception of the chain: the user's own frames, then the libraries' behind a fold."""

    def __init__(self, trace: Trace, *, first: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = self._column = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        if not first:
            said = ElidedLabel(f"{trace.relation or 'and'}  {trace.raised}", role="dim")
            layout.addSpacing(6)
            layout.addWidget(said)
        self._own = [frame for frame in trace.frames if frame.own]
        self._library = [frame for frame in trace.frames if not frame.own]
        self._shown: _Frames | None = None
        self._open = False
        if self._own:
            layout.addWidget(_Frames(self._own))
        if self._library:
            self.fold = QPushButton()
            self.fold.setProperty("role", "flat")
            self.fold.setStyleSheet("text-align: left;")
            self.fold.setCursor(Qt.CursorShape.PointingHandCursor)
            self.fold.clicked.connect(self._toggle)
            layout.addWidget(self.fold)
            if not self._own:
                self._toggle()
            self._say()

    def _toggle(self) -> None:
        self._open = not self._open
        if self._shown is None:
            self._shown = _Frames(self._library)
            self._column.addWidget(self._shown)
        self._shown.setVisible(self._open)
        self._say()

    def _say(self) -> None:
        names = list(dict.fromkeys(frame.package for frame in self._library))
        named = ", ".join(names[:_PACKAGES]) + (" …" if len(names) > _PACKAGES else "")
        number = len(self._library)
        self.fold.setIcon(theme.icon("chevron-down" if self._open else "chevron-right"))
        self.fold.setText(fmt.one_line(f"{number} library frame{'s' if number > 1 else ''}: {named}", 90))
        describe(self.fold, ("Hide" if self._open else "Show") + f" {number} library frames")


class ErrorView(QScrollArea):
    """The Error tab."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        describe(self, "Error")
        self._copied = ""
        self._kind = PlainLabel(role="failure", wrap=True)
        self._message = TextBlock(mono=True)
        card = Framed()
        card.set_accent(lambda: theme.current().error)
        inside = QVBoxLayout(card)
        inside.setContentsMargins(12, 8, 10, 8)
        inside.addWidget(self._message)
        self._card = card
        head = QHBoxLayout()
        head.addWidget(self._kind, 1)
        head.addWidget(
            CopyButton("Copy the error with its stack trace", lambda: self._copied), 0, Qt.AlignmentFlag.AlignTop
        )
        self._section = PlainLabel("STACK TRACE", role="section")
        self._traces = QVBoxLayout()
        self._traces.setSpacing(6)
        page = QWidget()
        page.setObjectName("panel")
        layout = QVBoxLayout(page)
        layout.setContentsMargins(14, 10, 14, 16)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(card)
        layout.addSpacing(4)
        layout.addWidget(self._section)
        layout.addLayout(self._traces)
        layout.addStretch(1)
        self.setWidget(page)

    def show_details(self, details: Details) -> None:
        """Show why a span failed."""
        self._kind.setText(fmt.one_line(details.exception or "Failed", 200))
        self._message.show_text(details.message[:_MESSAGE])
        self._card.setVisible(bool(details.message))
        self._copied = details.stack or details.payload.error or details.exception
        while (item := self._traces.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for number, trace in enumerate(details.traces):
            self._traces.addWidget(TraceView(trace, first=number == 0))
        if details.stack and not details.traces:
            plain = TextBlock(mono=True)
            plain.show_text(details.stack[:_MESSAGE])
            self._traces.addWidget(plain)
        self._section.setVisible(bool(details.stack))
        self.verticalScrollBar().setValue(0)
