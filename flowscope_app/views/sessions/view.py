"""The sessions on the left: choose one to see it everywhere."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QMenu, QStackedWidget, QVBoxLayout, QWidget

from flowscope_app import theme
from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.session_costs import SessionCosts
from flowscope_app.qtmodels.sessions_model import SessionRole, SessionsModel
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.rows import SessionRow
from flowscope_app.views.common.empty_state import EmptyState
from flowscope_app.views.common.labels import PlainLabel
from flowscope_app.views.common.plain import describe
from flowscope_app.views.sessions.delegate import SessionDelegate


class SessionsView(QWidget):
    """The list, or how to attach a program while there is none. What is done to a session is the shell's to do."""

    rename_requested = Signal(str)  # session id
    delete_requested = Signal(str)  # session id
    pin_requested = Signal(str, bool)  # session id, whether it is to be pinned

    def __init__(self, state: ViewState, queries: Queries | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._state = state
        self.costs = SessionCosts(state, queries, self) if queries is not None else None
        self.model = SessionsModel(state, self.costs, self)
        self.list = _List(self)
        self.list.setModel(self.model)
        self.empty = EmptyState("", "No sessions yet")  # how to get one is said in the middle of the window
        self._stack = QStackedWidget()
        self._stack.addWidget(self.list)
        self._stack.addWidget(self.empty)
        title = PlainLabel("SESSIONS", role="section")
        title.setContentsMargins(16, 14, 12, 8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(title)
        layout.addWidget(self._stack, 1)
        self._following = False  # the state's choice is being shown, not made
        self.list.selectionModel().currentChanged.connect(self._chosen)
        self.list.customContextMenuRequested.connect(self._menu)
        state.session_changed.connect(self._follow)
        state.sessions_changed.connect(self._follow)
        theme.signals().changed.connect(self.list.viewport().update)
        self._follow()

    def _follow(self) -> None:
        """Show the state's session as current."""
        self._stack.setCurrentWidget(self.list if self.model.rowCount() else self.empty)
        row = self.model.row_of(self._state.session.key if self._state.session else None)
        if row == self.list.currentIndex().row():
            return
        self._following = True
        self.list.setCurrentIndex(self.model.index(row) if row >= 0 else QModelIndex())
        self._following = False

    def _chosen(self, current: QModelIndex) -> None:
        row = self._row(current)
        if row is not None and not self._following and self.model.settled:
            self._state.choose_session(row.key)

    @staticmethod
    def _row(index: QModelIndex) -> SessionRow | None:
        row = index.data(SessionRole) if index.isValid() else None
        return row if isinstance(row, SessionRow) else None

    def delete_current(self) -> None:
        """Ask the shell to delete the current session."""
        row = self._row(self.list.currentIndex())
        if row is not None:
            self.delete_requested.emit(row.id)

    def _menu(self, at: QPoint) -> None:
        row = self._row(self.list.indexAt(at))
        if row is None:
            return
        menu = QMenu(self)
        menu.addAction("Rename…").triggered.connect(lambda: self.rename_requested.emit(row.id))
        menu.addAction("Unpin" if row.pinned else "Pin: keep it when old ones are deleted").triggered.connect(
            lambda: self.pin_requested.emit(row.id, not row.pinned)
        )
        menu.addAction("Copy its id").triggered.connect(lambda: QGuiApplication.clipboard().setText(row.id))
        menu.addSeparator()
        menu.addAction("Delete…").triggered.connect(lambda: self.delete_requested.emit(row.id))
        menu.exec(self.list.viewport().mapToGlobal(at))
        menu.deleteLater()


class _List(QListView):
    def __init__(self, owner: SessionsView) -> None:
        super().__init__(owner)
        self._owner = owner
        self.setItemDelegate(SessionDelegate(self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        describe(self, "Sessions")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete:
            self._owner.delete_current()
            return
        super().keyPressEvent(event)
