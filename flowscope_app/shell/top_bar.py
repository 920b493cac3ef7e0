"""The bar above everything: brand, search, live and follow, how to attach, the palette."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from flowscope_app.qtmodels.state import ViewState
from flowscope_app.shell.actions import key_text
from flowscope_app.views.common.labels import PlainLabel

_HEIGHT = 44


class TopBar(QWidget):
    """`search` is put between the brand and the pills."""

    def __init__(
        self,
        state: ViewState,
        search: QWidget,
        attach: Callable[[], object],
        palette: Callable[[], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("topBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("surface", "panel")
        self.setFixedHeight(_HEIGHT)
        self._state = state
        self._live = PlainLabel(role="dim")
        self._live.setAccessibleName("Whether the session is live")
        self._follow = self._pill("follow", "Keep the newest spans in sight")
        self._follow.setCheckable(True)
        self._follow.toggled.connect(state.set_follow)
        attach_button = self._pill("Attach a program…", "How to attach a program")
        attach_button.clicked.connect(lambda: attach())
        palette_button = self._pill(key_text("Ctrl+K"), "Command palette")
        palette_button.clicked.connect(lambda: palette())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 0, 12, 0)
        layout.setSpacing(8)
        layout.addWidget(PlainLabel("FlowScope", role="brand"))
        layout.addSpacing(8)
        layout.addWidget(search, 5)
        layout.addSpacing(4)
        layout.addWidget(self._live)
        layout.addWidget(self._follow)
        layout.addStretch(3)
        layout.addWidget(attach_button)
        layout.addWidget(palette_button)
        for signal in (state.session_changed, state.sessions_changed, state.table_changed, state.follow_changed):
            signal.connect(self._tell)
        self._tell()

    @staticmethod
    def _pill(text: str, said: str) -> QPushButton:
        button = QPushButton(text)
        button.setProperty("role", "pill")
        button.setAccessibleName(said)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _tell(self, *_: object) -> None:
        live = self._state.live
        self._live.setVisible(self._state.session is not None)
        self._live.setText("●  live" if live else "○  ended")
        self._live.set_role("success" if live else "dim")
        self._follow.setVisible(live)
        self._follow.setChecked(self._state.follow)
