"""The search bar: a query, how many spans it matches, and steps from match to match."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from PySide6.QtGui import QHideEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from flowscope_app import theme
from flowscope_app.base import format as fmt
from flowscope_app.qtmodels.filter_controller import FilterController
from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.views.common.labels import PlainLabel
from flowscope_app.views.common.plain import describe, tooltip
from flowscope_app.views.search.query_line import QueryLine

_APPLY_MS = 80  # after the last key
_COMPLAIN_MS = 700  # a query is wrong most of the time while it is being written


class SearchBar(QFrame):
    """Writes the state's filter; one filter holds for every view."""

    def __init__(self, state: ViewState, queries: Queries, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("searchBar")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(28)
        self.setCursor(Qt.CursorShape.IBeamCursor)
        self._state = state
        self.controller = FilterController(state, queries, self)
        self.line = QueryLine(state)
        self.counter = PlainLabel(role="dim")
        self.problem = PlainLabel(role="error")
        self.problem.setObjectName("searchProblem")
        self.problem.hide()
        self.previous = self._button("chevron-left", "Previous match", self.previous_match)
        self.next = self._button("chevron-right", "Next match", self.next_match)
        self.clear = self._button("close", "Clear the search", self._clear)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 0, 4, 0)
        layout.setSpacing(2)
        layout.addWidget(self.line, 1)
        layout.addSpacing(8)
        layout.addWidget(self.counter)
        layout.addSpacing(4)
        for button in (self.previous, self.next, self.clear):
            layout.addWidget(button)
        self._apply = self._timer(_APPLY_MS)
        self._apply.timeout.connect(self._apply_now)
        self._complain = self._timer(_COMPLAIN_MS)
        self._complain.timeout.connect(self._tell)
        self._connect()
        self._tell()

    def _connect(self) -> None:
        self.line.textEdited.connect(lambda: self._apply.start())
        self.line.stepped.connect(self._stepped)
        self.line.cleared.connect(self._leave)
        self.line.installEventFilter(self)
        self.controller.changed.connect(self._tell)
        self._state.selection_changed.connect(self._tell)
        self._state.filter_text_changed.connect(self._take)
        theme.signals().changed.connect(self._dress)
        self._dress()
        self._take()

    def _timer(self, interval: int) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(interval)
        return timer

    def _button(self, icon: str, name: str, call: object) -> QToolButton:
        button = QToolButton()
        button.setObjectName(icon)
        button.setProperty("role", "bare")
        button.setToolTip(tooltip(name))
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.setFixedSize(22, 22)
        describe(button, name)
        button.clicked.connect(call)
        return button

    def focus_query(self) -> None:
        """Put the keyboard into the line, its text selected."""
        self.line.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.line.selectAll()

    def next_match(self) -> None:
        """Select the next span that matches."""
        self._stepped(True)

    def previous_match(self) -> None:
        """Select the one before."""
        self._stepped(False)

    def _stepped(self, forward: bool) -> None:
        self._apply_now()
        if self.controller.active and self.controller.error is None:
            self.controller.step(forward)
        self._tell()

    def _clear(self) -> None:
        self.line.clear()
        self._apply_now()
        self.line.setFocus()

    def _leave(self) -> None:
        """Escape in an empty line gives the keyboard back to the window."""
        self.line.clearFocus()

    def _apply_now(self) -> None:
        self._apply.stop()
        self._complain.start()
        self._state.set_filter(self.line.text().strip())
        if not self.line.text().strip():
            self._complain.stop()
        self._tell()

    def _take(self) -> None:
        """Another view made the filter."""
        if self._state.filter_text != self.line.text().strip():
            self.line.setText(self._state.filter_text)
            self._tell()

    def _tell(self) -> None:
        control = self.controller
        error = control.error
        writing = self._complain.isActive() and self.line.hasFocus()
        wrong = error is not None and not writing
        self._mark("invalid", wrong)
        self.problem.setText(str(error) if error is not None else "")
        self._show_problem(wrong)
        self.counter.setText(self._count() if control.active and not wrong else "")
        self.counter.setAccessibleName(f"Matches: {self.counter.text()}")
        for button in (self.previous, self.next):
            button.setVisible(control.active)
            button.setEnabled(control.matches > 0)
        self.clear.setVisible(bool(self.line.text()))

    def _count(self) -> str:
        matches, at = self.controller.matches, self.controller.position
        more = " …" if self.controller.searching else ""
        if not matches:
            return f"no match{more}" if self._state.table.n else ""
        if at:
            return f"{fmt.count(at)} of {fmt.count(matches)}{more}"
        return f"{fmt.count(matches)} match{'es' if matches != 1 else ''}{more}"

    def _show_problem(self, shown: bool) -> None:
        """Say what is wrong right below the line, over whatever is there."""
        window = self.window()
        if not shown or window is self or not self.isVisible():
            self.problem.hide()
            return
        if self.problem.parentWidget() is not window:
            self.problem.setParent(window)
        self.problem.adjustSize()
        self.problem.setMaximumWidth(max(200, window.width() - 20))
        self.problem.move(self.mapTo(window, QPoint(0, self.height() + 4)))
        self.problem.show()
        self.problem.raise_()

    def _mark(self, name: str, on: bool) -> None:
        if bool(self.property(name)) != on:
            self.setProperty(name, on)
            self.style().unpolish(self)
            self.style().polish(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self._mark("focused", event.type() == QEvent.Type.FocusIn)
            self._tell()
        return super().eventFilter(watched, event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.line.setFocus(Qt.FocusReason.MouseFocusReason)
        event.accept()

    def hideEvent(self, event: QHideEvent) -> None:
        self.problem.hide()
        super().hideEvent(event)

    def _dress(self) -> None:
        for button in (self.previous, self.next, self.clear):
            button.setIcon(theme.icon(button.objectName()))
