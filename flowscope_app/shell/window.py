"""The main window: puts the views side by side, gives them one state, and owns the actions."""

from __future__ import annotations

import contextlib

from PySide6.QtCore import QByteArray, Qt, QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QMainWindow, QSplitter, QVBoxLayout, QWidget

from flowscope_app import theme
from flowscope_app.base import format as fmt
from flowscope_app.base.errors import FlowScopeError
from flowscope_app.qtmodels.feed import Feed
from flowscope_app.qtmodels.notes_feed import NotesFeed
from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.settings import Settings
from flowscope_app.shell.actions import install
from flowscope_app.shell.banner import Banner
from flowscope_app.shell.centre import Centre
from flowscope_app.shell.commands import Commands
from flowscope_app.shell.health import HealthHistory
from flowscope_app.shell.imports import Imports
from flowscope_app.shell.link import CollectorLink
from flowscope_app.shell.notices import Acts, Notices
from flowscope_app.shell.palette import CommandPalette
from flowscope_app.shell.shortcuts import ShortcutMap
from flowscope_app.shell.status_bar import StatusBar
from flowscope_app.shell.top_bar import TopBar
from flowscope_app.timeline.grouping import grouping_of
from flowscope_app.views.inspector import InspectorView
from flowscope_app.views.search import SearchBar
from flowscope_app.views.sessions import SessionsView

_SIZE = (1600, 1000)
_LEAST = (900, 560)
_PANES = [248, 952, 400]


class MainWindow(QMainWindow):
    """The one window of the app."""

    def __init__(self, db: str, link: CollectorLink, settings: Settings) -> None:
        super().__init__()
        self.setWindowTitle("FlowScope")
        self.setMinimumSize(*_LEAST)
        self.db, self.link, self.settings = db, link, settings
        self.state = ViewState(self)
        self.state.set_follow(settings.flag("timeline.follow"))
        self.state.set_grouping(grouping_of(settings.text("timeline.tracks")))
        self.state.marks.keep_in(settings.path.with_name("marks.json"))
        self.queries = Queries(db, self)
        self.feed = Feed(db, self.state, self)
        self.notes = NotesFeed(self.state, self.queries, self)
        self.centre = Centre(self.state, self.queries)
        self.sessions = SessionsView(self.state, self.queries)
        self.inspector = InspectorView(self.state, self.queries)
        self.search = SearchBar(self.state, self.queries)
        self.banner = Banner()
        self.health = HealthHistory(link, self)
        self.imports = Imports(self.state, link, self.banner, self)
        self._known: set[str] = set()
        self._wanted = settings.text("session.last")
        self.commands = Commands(self)
        acts = Acts(self.commands.doctor, self.commands.health, self.commands.show_log)
        self.notices = Notices(self.banner, self.state, self.queries, link, acts, self)
        self._rows = self.commands.rows()
        install(self, self._rows)
        self.palette_dialog = CommandPalette(self._rows, self)
        self._lay_out()
        self._connect()
        self._restore()

    def _lay_out(self) -> None:
        self.panes = QSplitter(Qt.Orientation.Horizontal)
        self.panes.setObjectName("panes")
        self.panes.setHandleWidth(1)
        self.panes.setChildrenCollapsible(False)
        for view in (self.sessions, self.centre, self.inspector):
            self.panes.addWidget(view)
        self.panes.setSizes(_PANES)
        for place, stretch in enumerate((0, 1, 0)):
            self.panes.setStretchFactor(place, stretch)
        self.sessions.setMinimumWidth(200)
        self.centre.setMinimumWidth(360)
        self.inspector.setMinimumWidth(280)
        whole = QWidget()
        whole.setObjectName("window")
        layout = QVBoxLayout(whole)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        top = TopBar(self.state, self.search, self.commands.attach, self.palette_dialog.popup)
        for part in (top, self.banner):
            layout.addWidget(part)
        layout.addWidget(self.panes, 1)
        layout.addWidget(StatusBar(self.state, self.link, self.db))
        self.setCentralWidget(whole)
        whole.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # else the search line would have the keys at the start
        whole.setFocus()

    def _connect(self) -> None:
        self.state.sessions_changed.connect(self._first_session)
        self.state.session_changed.connect(self._retitle)
        self.state.sessions_changed.connect(self._retitle)  # it may have been renamed
        self.feed.failed.connect(lambda why: self.banner.say(f"The database cannot be read: {why}"))
        self.sessions.rename_requested.connect(self.commands.rename_session)
        self.sessions.delete_requested.connect(self.commands.delete_session)
        self.sessions.pin_requested.connect(self.commands.pin_session)

    def _first_session(self) -> None:
        """Show the session shown last, or the newest; while following, one that a program has just begun."""
        state = self.state
        ids = {row.id: row.key for row in state.sessions}
        begun = [row for row in state.sessions if row.id not in self._known] if self._known else []
        self._known = set(ids)
        if state.session is None or state.session.key not in ids.values():
            chosen = ids.get(self._wanted, state.sessions[0].key if state.sessions else None)
            if chosen is not None:
                self._wanted = ""
            state.choose_session(chosen)
        elif begun and state.follow and not state.live:
            state.choose_session(begun[0].key)

    def _retitle(self) -> None:
        session = self.state.session
        self.setWindowTitle(f"{fmt.one_line(session.title, 80)} – FlowScope" if session else "FlowScope")

    def _restore(self) -> None:
        self.resize(*_SIZE)
        geometry = QByteArray.fromBase64(self.settings.text("window.geometry").encode())
        if not geometry.isEmpty():
            self.restoreGeometry(geometry)
        layout = self.settings.text("window.layout").split(",")
        if len(layout) == 2:
            self.panes.restoreState(QByteArray.fromBase64(layout[0].encode()))
            self.centre.split.restoreState(QByteArray.fromBase64(layout[1].encode()))
        filter_text = self.settings.text("filter.text")
        if filter_text:
            QTimer.singleShot(0, self, lambda: self.state.set_filter(filter_text))
        if self.settings.notice:
            self.banner.say(self.settings.notice)

    def _remember(self) -> None:
        def text(data: QByteArray) -> str:
            return bytes(data.toBase64().data()).decode()

        self.settings.set("window.geometry", text(self.saveGeometry()))
        panes = (self.panes.saveState(), self.centre.split.saveState())
        self.settings.set("window.layout", ",".join(text(state) for state in panes))
        self.settings.set("session.last", self.state.session.id if self.state.session else "")
        self.settings.set("filter.text", self.state.filter_text)
        self.settings.set("timeline.follow", self.state.follow)
        self.settings.set("timeline.tracks", self.state.grouping.value)
        self.settings.set("appearance.theme", theme.mode())
        # A folder that can't be written is said by `flowscope doctor`; a window that will not close helps nobody.
        with contextlib.suppress(FlowScopeError):
            self.settings.save()

    def show_shortcuts(self) -> None:
        """Open the map of all shortcuts."""
        ShortcutMap(self._rows, self).show()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._remember()
        self.feed.close()
        self.queries.close()
        self.link.close()
        event.accept()
