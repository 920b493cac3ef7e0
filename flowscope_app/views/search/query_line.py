"""The line that a query is written in: coloured by what each part is, with completion."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QModelIndex, QObject, Qt, Signal
from PySide6.QtGui import QColor, QInputMethodEvent, QKeyEvent, QTextCharFormat
from PySide6.QtWidgets import QCompleter, QLineEdit, QWidget

from flowscope_app import theme
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.kinds import Kind
from flowscope_app.spans.query import Token, tokens
from flowscope_app.spans.query_complete import Completion, complete
from flowscope_app.views.common.plain import describe
from flowscope_app.views.search.popup import OptionsModel, OptionsPopup

PLACEHOLDER = 'Search: status:error duration>2s model:gpt* "refund"'


class QueryLine(QLineEdit):
    """Emits `stepped` on Enter (True: forward) and `cleared` on Escape in an empty line."""

    stepped = Signal(bool)
    cleared = Signal()

    def __init__(self, state: ViewState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("query")
        self.setFont(theme.mono_font())
        self.setPlaceholderText(PLACEHOLDER)
        self.setMaxLength(4_000)
        describe(self, "Search spans", PLACEHOLDER)
        self._state = state
        self._composing = False
        self._completion = Completion(0, 0, ())
        self._options = OptionsModel(self)
        self._completer = QCompleter(self._options, self)
        self._completer.setWidget(self)
        self._completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self._popup = OptionsPopup()
        self._completer.setPopup(self._popup)
        self._popup.dress()
        self._popup.clicked.connect(self._insert)
        self._popup.installEventFilter(self)
        self.textChanged.connect(self._colour)
        self.textEdited.connect(self._offer)
        theme.signals().changed.connect(self._colour)

    def options(self) -> list[str]:
        """What completion offers now."""
        return [option.insert for option in self._completion.options]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.stepped.emit(not event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        elif key == Qt.Key.Key_Escape and self.text():
            self.clear()
            self.textEdited.emit("")
        elif key == Qt.Key.Key_Escape:
            self.cleared.emit()
        elif key == Qt.Key.Key_Space and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._offer()
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Tab takes the first option, Enter one only if the user moved to it."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            index = self._popup.currentIndex()
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if event.key() == Qt.Key.Key_Tab or (enter and index.isValid()):
                self._popup.hide()
                self._insert(index if index.isValid() else self._options.index(0))
                return True
            if enter:
                self._popup.hide()
                self.keyPressEvent(event)
                return True
        return super().eventFilter(watched, event)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        self._composing = bool(event.preeditString())
        super().inputMethodEvent(event)

    def _colour(self) -> None:
        """Colour the text through the line's own layout: an input method's event may carry formats."""
        if self._composing:
            return
        text = self.text()
        cursor = self.cursorPosition()
        formats = []
        for token in tokens(text):
            start = _utf16(text, token.start)
            length = _utf16(text, token.start + token.length) - start
            kind = QInputMethodEvent.AttributeType.TextFormat
            formats.append(QInputMethodEvent.Attribute(kind, start - cursor, length, _format(token)))
        QCoreApplication.sendEvent(self, QInputMethodEvent("", formats))

    def _offer(self) -> None:
        text = self.text()
        cursor = _python_index(text, self.cursorPosition())
        self._completion = complete(text, cursor, self._state.table)
        options = self._completion.options
        typed = text[self._completion.start : self._completion.end]
        if not options or (len(options) == 1 and options[0].insert == typed):
            self._options.show_options(())
            self._popup.hide()
            return
        self._options.show_options(options)
        rect = self.cursorRect()
        rect.setWidth(self._popup.minimumWidth())
        self._completer.complete(rect)
        self._popup.setCurrentIndex(QModelIndex())

    def _insert(self, index: QModelIndex) -> None:
        option = self._options.option(index.row())
        if option is None:
            return
        text, found = self.text(), self._completion
        after = text[found.end :]
        done = not option.insert.endswith((":", ">"))
        gap = " " if done and not after.startswith(" ") else ""
        head = text[: found.start] + option.insert + gap
        self.setText(head + after)
        self.setCursorPosition(_utf16(head, len(head)))
        self._completion = Completion(0, 0, ())
        self.textEdited.emit(self.text())


def _format(token: Token) -> QTextCharFormat:
    theme_now = theme.current()
    colours: dict[str, QColor] = {
        "field": theme_now.accent,
        "operator": theme_now.dim,
        "value": theme_now.text,
        "text": theme_now.kind(Kind.RETRIEVER),
        "negation": theme_now.error,
        "error": theme_now.error,
    }
    made = QTextCharFormat()
    made.setForeground(theme.ink(colours[token.type], theme_now.window, theme_now.text))
    if token.type == "error":
        made.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
        made.setUnderlineColor(theme_now.error)
    return made


def _utf16(text: str, at: int) -> int:
    """Where Qt sees the character that Python counts as number `at`."""
    return len(text[:at].encode("utf-16-le", "surrogatepass")) // 2


def _python_index(text: str, at: int) -> int:
    """Where Python sees the character that Qt counts as number `at`."""
    units = 0
    for number, character in enumerate(text):
        if units >= at:
            return number
        units += 2 if ord(character) > 0xFFFF else 1
    return len(text)
