"""The inspector's tab bar, on which the Error tab can be marked."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QTabBar, QWidget

from flowscope_app import theme


class MarkedTabs(QTabBar):
    """A tab bar that draws a small cross beside one tab's title: a sign of its own, not a colour alone."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._marked = -1

    def mark(self, tab: int) -> None:
        """Mark a tab; -1 for none."""
        self._marked = tab
        self.update()

    def marked(self) -> int:
        """The marked tab, or -1."""
        return self._marked

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._marked < 0:
            return
        rect = self.tabRect(self._marked)
        x, y, arm = rect.right() - 4.5, rect.top() + 11.5, 2.5
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.current().error, 1.6))
        painter.drawLine(QPointF(x - arm, y - arm), QPointF(x + arm, y + arm))
        painter.drawLine(QPointF(x + arm, y - arm), QPointF(x - arm, y + arm))
        painter.end()
