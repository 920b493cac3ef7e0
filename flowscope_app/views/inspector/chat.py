"""The chat: a column of cards that grows at its end while the reader stays where they are."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QScrollArea, QVBoxLayout, QWidget

from flowscope_app.base import format as fmt
from flowscope_app.views.common.plain import describe
from flowscope_app.views.inspector.bubbles import Bubble
from flowscope_app.views.inspector.card import Card

FIRST = 6  # of a long conversation its beginning ...
LAST = 40  # ... and its end are shown, the middle on demand
STEP = 100


class ChatView(QScrollArea):
    """Shows bubbles; the middle of a long conversation unfolds step by step."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        describe(self, "Messages")
        self._column = QWidget()
        self._column.setObjectName("panel")
        self._layout = QVBoxLayout(self._column)
        self._layout.setContentsMargins(14, 12, 14, 16)
        self._layout.setSpacing(16)
        self._gap = QPushButton()
        self._gap.setProperty("role", "link")
        self._gap.setCursor(Qt.CursorShape.PointingHandCursor)
        self._gap.clicked.connect(self._show_more)
        self._gap.hide()
        self._layout.addWidget(self._gap)
        self._layout.addStretch(1)
        self.setWidget(self._column)
        self._bubbles: list[Bubble] = []
        self._cards: dict[int, Card] = {}  # by number of the bubble
        self._last = LAST
        self._stick = False
        bar = self.verticalScrollBar()
        bar.rangeChanged.connect(self._range_changed)
        bar.valueChanged.connect(self._value_changed)

    def show_bubbles(self, bubbles: list[Bubble], *, fresh: bool) -> None:
        """Show a conversation; not `fresh` means the same one, further on."""
        bar = self.verticalScrollBar()
        if fresh:
            for number in list(self._cards):
                self._drop(number)
            self._last = LAST
        self._bubbles = bubbles
        self._arrange()
        if fresh:
            self._stick = bool(bubbles) and bubbles[-1].streaming
            bar.setValue(bar.maximum() if self._stick else 0)

    def cards(self) -> list[Card]:
        """The cards shown, in order."""
        return [self._cards[number] for number in sorted(self._cards)]

    def _arrange(self) -> None:
        count = len(self._bubbles)
        hidden = max(0, count - FIRST - self._last)
        wanted = [n for n in range(count) if n < FIRST or n >= FIRST + hidden]
        for number in [n for n in self._cards if n not in set(wanted)]:
            self._drop(number)
        for place, number in enumerate(wanted):
            bubble, card = self._bubbles[number], self._cards.get(number)
            if card is not None and not card.fits(bubble):
                self._drop(number)
                card = None
            if card is None:
                card = self._cards[number] = Card(bubble)
                self._layout.insertWidget(place + (number >= FIRST), card)
            elif card.bubble != bubble:
                card.take(bubble)
        self._layout.removeWidget(self._gap)
        self._layout.insertWidget(min(FIRST, len(wanted)), self._gap)
        self._gap.setText(f"{fmt.count(hidden)} messages more")
        self._gap.setVisible(hidden > 0)

    def _drop(self, number: int) -> None:
        card = self._cards.pop(number)
        self._layout.removeWidget(card)
        card.hide()
        card.deleteLater()

    def _show_more(self) -> None:
        self._last += STEP
        self._arrange()

    def _value_changed(self, value: int) -> None:
        self._stick = value >= self.verticalScrollBar().maximum()

    def _range_changed(self, _low: int, high: int) -> None:
        """What grew below is followed when the end was in view."""
        if self._stick and self._bubbles and self._bubbles[-1].streaming:
            self.verticalScrollBar().setValue(high)
