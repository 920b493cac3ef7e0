"""Table and plots side by side where there is room, else one in place of the other."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from flowscope_app.views.metrics.corner import Corner
from flowscope_app.views.metrics.plots import Plots
from flowscope_app.views.metrics.table import MetricsTable

_ROOM = 880  # px from which on plots stand beside the table
_SHARE = 0.36
_LEAST, _MOST = 320, 460  # px of plots beside the table


class Side(QWidget):
    """Shows the plots as the button in the corner says; with room they are on until it is turned off."""

    shown = Signal()  # the plots have come to be seen

    def __init__(self, table: MetricsTable, corner: Corner) -> None:
        super().__init__()
        self._table, self._corner = table, corner
        self._wanted = {True: True, False: False}  # with room, and without
        self._roomy = False
        self.plots = Plots()
        self._line = QFrame()
        self._line.setProperty("role", "upright")
        self._line.setFixedWidth(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(table, 1)
        row.addWidget(self._line)
        row.addWidget(self.plots)
        corner.plots_toggled.connect(self._toggle)
        self._arrange(0)

    @property
    def plots_shown(self) -> bool:
        """Whether the plots are to be seen."""
        return self._wanted[self._roomy]

    def fit(self, width: int) -> None:
        """Arrange for a pane of that width, px."""
        self._roomy = width >= _ROOM
        self._arrange(width)

    def _toggle(self, on: bool) -> None:
        self._wanted[self._roomy] = on
        self._arrange(self.width())

    def _arrange(self, width: int) -> None:
        on, roomy = self.plots_shown, self._roomy
        came = on and self.plots.isHidden()
        self._corner.show_plots_on(on)
        self.plots.lie(beside=not roomy)
        self._line.setVisible(on and roomy)
        self._table.setVisible(roomy or not on)
        if roomy:
            self.plots.setFixedWidth(int(min(max(width * _SHARE, _LEAST), _MOST)))
        else:
            self.plots.setMinimumWidth(0)
            self.plots.setMaximumWidth(16_777_215)
        self.plots.setVisible(on)
        if came:
            self.shown.emit()
