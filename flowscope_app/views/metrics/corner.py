"""What the tab bar's right end holds for the metrics: what a row is, and whether plots are shown."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from flowscope_app.analysis.metrics import Grouping
from flowscope_app.views.common.plain import describe
from flowscope_app.views.common.switch import Switch

GROUPINGS: tuple[Grouping, ...] = ("operation", "model", "framework", "program")
_ROOM = 620  # px of the pane from which on all groupings stand side by side
_LITTLE = 540  # px below which the plots' button is in the menu too


class Corner(QWidget):
    """A switch between groupings, a menu of them where there is little room, and the plots' button."""

    chosen = Signal()
    plots_toggled = Signal(bool)  # by the user

    def __init__(self) -> None:
        super().__init__()
        self.switch = Switch("Metrics", [f"by {GROUPINGS[0]}", *GROUPINGS[1:]])
        self.switch.chosen.connect(self._choose)
        self.menu = QToolButton()
        self.menu.setProperty("role", "choice")
        self.menu.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu.setMenu(QMenu(self.menu))
        group = QActionGroup(self.menu)
        for number, name in enumerate(GROUPINGS):
            action = self.menu.menu().addAction(f"by {name}")
            action.setCheckable(True)
            action.setChecked(number == 0)
            action.triggered.connect(lambda _on, at=number: self.switch.choose(at))
            group.addAction(action)
        self._actions = group.actions()
        self._plots_action = QAction("plots", self.menu, checkable=True)
        self._plots_action.triggered.connect(self.plots_toggled)
        self.menu.menu().addSeparator()
        self.menu.menu().addAction(self._plots_action)
        self.plots = QToolButton()
        self.plots.setText("plots")
        self.plots.setCheckable(True)
        self.plots.setProperty("role", "choice")
        self.plots.setCursor(Qt.CursorShape.PointingHandCursor)
        self.plots.clicked.connect(self.plots_toggled)
        describe(self.plots, "Plots", "Show how long calls took, and when they were made")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 4, 0)
        row.setSpacing(4)
        row.addStretch(1)
        for widget in (self.switch, self.menu, self.plots):
            row.addWidget(widget)
        self._name_menu()
        self.fit(_ROOM)

    @property
    def choice(self) -> int:
        """Which grouping is on, from 0."""
        return self.switch.choice

    def choose(self, number: int) -> None:
        """Turn one on."""
        self.switch.choose(number)

    def fit(self, width: int) -> None:
        """Take as much room as a pane of this width has; where it is little, one menu holds all."""
        self.switch.setVisible(width >= _ROOM)
        self.menu.setVisible(width < _ROOM)
        self.plots.setVisible(width >= _LITTLE)
        self._plots_action.setVisible(width < _LITTLE)

    def show_plots_on(self, on: bool) -> None:
        """Tell whether plots are shown."""
        self.plots.setChecked(on)
        self._plots_action.setChecked(on)

    def _choose(self) -> None:
        self._actions[self.choice].setChecked(True)
        self._name_menu()
        self.chosen.emit()

    def _name_menu(self) -> None:
        self.menu.setText(GROUPINGS[self.choice])
        describe(self.menu, f"Metrics: by {GROUPINGS[self.choice]}")
