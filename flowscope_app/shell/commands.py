"""What the actions of the window do."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QInputDialog, QLineEdit, QMessageBox, QWidget

from flowscope.protocol import DEFAULT_ADDR
from flowscope_app import theme
from flowscope_app.base import format as fmt
from flowscope_app.shell.actions import ActionRow
from flowscope_app.shell.attach import AttachDialog
from flowscope_app.shell.health import HealthDialog
from flowscope_app.shell.link import Reply, describe_failure
from flowscope_app.shell.output import OutputDialog
from flowscope_app.shell.own_process import run_flowscope
from flowscope_app.spans.kinds import Status
from flowscope_app.spans.rows import SessionRow
from flowscope_app.views.metrics.corner import GROUPINGS
from flowscope_app.views.timeline import TRACKS

if TYPE_CHECKING:
    from flowscope_app.shell.window import MainWindow


def file_name(title: str) -> str:
    """A file's name made of a session's title, which is untrusted: no folders, nothing hidden."""
    return re.sub(r"[^\w-]+", "_", title)[:80].strip("_") or "session"


class Commands:
    """Each method is one action; `rows` lists them with their names and shortcuts."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def rows(self) -> list[ActionRow]:
        """Every action of the window, in the order the palette shows them."""
        window, timeline = self._window, self._window.centre.timeline
        tabs, state = window.centre.tabs, window.state

        def tab(number: int) -> Callable[[], object]:
            return lambda: tabs.setCurrentIndex(number)

        return [
            ActionRow("Command palette", "General", ("Ctrl+K", "Ctrl+Shift+P"), lambda: window.palette_dialog.popup()),
            ActionRow("Search spans", "Search", ("Ctrl+F", "/"), window.search.focus_query),
            ActionRow("Next match", "Search", ("F3", "Ctrl+G"), window.search.next_match),
            ActionRow("Previous match", "Search", ("Shift+F3", "Ctrl+Shift+G"), window.search.previous_match),
            ActionRow("Next error", "Search", ("E",), lambda: self.step_error(1)),
            ActionRow("Previous error", "Search", ("Shift+E",), lambda: self.step_error(-1)),
            ActionRow("Fit all", "Timeline", ("0",), timeline.fit_all),
            ActionRow("Fit selection", "Timeline", ("F",), timeline.fit_selection),
            ActionRow("Follow the newest spans", "Timeline", ("L",), self.toggle_follow),
            ActionRow("Zoom in", "Timeline", ("+", "="), timeline.zoom_in),
            ActionRow("Zoom out", "Timeline", ("-",), timeline.zoom_out),
            ActionRow("Back to the range shown before", "Timeline", ("Alt+Left", "["), lambda: timeline.tools.step(-1)),
            ActionRow("Forward again", "Timeline", ("Alt+Right", "]"), lambda: timeline.tools.step(1)),
            ActionRow("Sum the selected span's time", "Timeline", ("R",), timeline.tools.range_of_selection),
            ActionRow("Critical path", "Timeline", ("C",), timeline.tools.toggle_critical),
            ActionRow("Set or remove a mark", "Timeline", ("M",), timeline.tools.mark),
            ActionRow("Next mark", "Timeline", (".",), lambda: timeline.tools.go_to_mark(1)),
            ActionRow("Previous mark", "Timeline", (",",), lambda: timeline.tools.go_to_mark(-1)),
            ActionRow("Remove all marks of the session", "Timeline", (), state.marks.clear),
            ActionRow("Group tracks another way", "Timeline", ("G",), timeline.tracks.turn),
            *(
                ActionRow(f"Group tracks by {name[:-1]}", "Timeline", (), partial(state.set_grouping, grouping))
                for grouping, name in TRACKS.items()
            ),
            ActionRow("Clear the search", "Search", ("Ctrl+Shift+F",), lambda: state.set_filter("")),
            ActionRow("Flow", "Views", ("Alt+1",), tab(0)),
            ActionRow("Tree", "Views", ("Alt+2",), tab(1)),
            ActionRow("Metrics", "Views", ("Alt+3",), tab(2)),
            ActionRow("Findings", "Views", ("Alt+4",), tab(3)),
            ActionRow("Log", "Views", ("Alt+5",), tab(4)),
            *self._groupings(),
            ActionRow("Show or hide the sessions", "Views", ("Ctrl+B",), lambda: self.toggle(window.sessions)),
            ActionRow("Show or hide the inspector", "Views", ("Ctrl+I",), lambda: self.toggle(window.inspector)),
            ActionRow("Next session", "Session", ("Ctrl+Down",), lambda: self.step_session(1)),
            ActionRow("Previous session", "Session", ("Ctrl+Up",), lambda: self.step_session(-1)),
            ActionRow("Rename session…", "Session", ("F2",), lambda: self.rename_session(None)),
            ActionRow("Delete session…", "Session", ("Ctrl+Backspace",), lambda: self.delete_session(None)),
            ActionRow("Pin or unpin session", "Session", ("Ctrl+P",), lambda: self.pin_session(None, None)),
            ActionRow("What retention would delete…", "Session", (), self.retention),
            ActionRow("Open session files…", "Session", ("Ctrl+O",), self.open_files),
            ActionRow("Export session…", "Session", ("Ctrl+S",), self.export_session),
            ActionRow("Attach a program…", "General", ("Ctrl+Shift+A",), self.attach),
            ActionRow("Dark theme", "General", (), lambda: theme.set_mode("dark")),
            ActionRow("Light theme", "General", (), lambda: theme.set_mode("light")),
            ActionRow("Theme of the system", "General", (), lambda: theme.set_mode("system")),
            ActionRow("Switch between dark and light", "General", ("Ctrl+Shift+T",), self.toggle_theme),
            ActionRow("Collector health", "General", ("Ctrl+Shift+H",), self.health),
            ActionRow("Doctor", "General", (), self.doctor),
            ActionRow("Keyboard shortcuts", "General", ("?", "F1"), window.show_shortcuts),
            ActionRow("Quit", "General", ("Ctrl+Q",), window.close),
        ]

    def _groupings(self) -> list[ActionRow]:
        """What the tabs' own switches do, for the keyboard; each brings its tab to the front."""
        tabs, centre = self._window.centre.tabs, self._window.centre

        def switch(view: QWidget, choose: Callable[[int], None], number: int) -> Callable[[], None]:
            def act() -> None:
                tabs.setCurrentWidget(view)
                choose(number)

            return act

        flow, metrics = centre.flow, centre.metrics
        rows = [
            ActionRow(f"Flow {name}", "Views", (f"Alt+Shift+{at + 1}",), switch(flow, flow.corner.choose, at))
            for at, name in enumerate(("by operation", "by call"))
        ]
        rows += [
            ActionRow(
                f"Metrics by {name}", "Views", (f"Alt+Shift+{at + 3}",), switch(metrics, metrics.corner.choose, at)
            )
            for at, name in enumerate(GROUPINGS)
        ]
        plots = switch(metrics, lambda _number: metrics.corner.plots.click(), 0)
        return [*rows, ActionRow("Show or hide the plots", "Views", ("Alt+P",), plots)]

    def toggle_theme(self) -> None:
        """Put the other theme on."""
        theme.set_mode("light" if theme.current().dark else "dark")

    def toggle_follow(self) -> None:
        """Follow the newest spans, or stop."""
        self._window.state.set_follow(not self._window.state.follow)

    @staticmethod
    def toggle(view: QWidget) -> None:
        """Show a pane, or hide it."""
        view.setVisible(not view.isVisible())

    def step_session(self, step: int) -> None:
        """Go to the session below or above in the list."""
        state = self._window.state
        keys = [row.key for row in state.sessions]
        if state.session is not None and state.session.key in keys:
            place = keys.index(state.session.key) + step
            if 0 <= place < len(keys):
                state.choose_session(keys[place])

    def step_error(self, step: int) -> None:
        """Select the next failed span by start, or the one before; around at the ends."""
        state = self._window.state
        rows = np.flatnonzero(state.table.status == Status.ERROR)
        if not len(rows):
            return
        rows = rows[np.argsort(state.table.start[rows], kind="stable")]
        at = np.flatnonzero(rows == state.selected_row)
        place = (int(at[0]) + step) % len(rows) if len(at) else (0 if step > 0 else len(rows) - 1)
        state.select_row(int(rows[place]))

    def attach(self) -> None:
        """Show how to attach a program."""
        AttachDialog(self._window.link.addr, DEFAULT_ADDR, self._window).show()

    def doctor(self) -> None:
        """Run `flowscope doctor` and show what it says."""
        OutputDialog("Doctor", ["doctor", "--db", self._window.db], self._window).show()

    def health(self) -> None:
        """Show how the collector fares."""
        HealthDialog(self._window.link, self._window.health, self._window).show()

    def show_log(self) -> None:
        """Bring the log to the front."""
        tabs = self._window.centre.tabs
        tabs.setCurrentWidget(self._window.centre.log)

    def rename_session(self, session_id: str | None) -> None:
        """Ask for a name and have the collector write it."""
        row = self._session(session_id)
        if row is None:
            return
        name, sure = QInputDialog.getText(self._window, "Rename session", "Name", QLineEdit.EchoMode.Normal, row.title)
        if sure and name.strip() and name != row.title:
            self._order({"cmd": "rename_session", "session": row.id, "name": name.strip()}, "renamed")

    def pin_session(self, session_id: str | None, pinned: bool | None) -> None:
        """Have the collector exempt it from retention, or no longer; None: whichever it is not."""
        row = self._session(session_id)
        if row is not None:
            pinned = not row.pinned if pinned is None else pinned
            request = {"cmd": "pin_session", "session": row.id, "pinned": pinned}
            self._order(request, "pinned" if pinned else "unpinned")

    def retention(self) -> None:
        """Show what the limits on what is kept would delete now; nothing is deleted by that."""
        arguments = ["sessions", "--prune", "--dry-run", "--db", self._window.db]
        OutputDialog("What retention would delete", arguments, self._window).show()

    def delete_session(self, session_id: str | None) -> None:
        """Ask whether, then have the collector delete it."""
        row = self._session(session_id)
        if row is None:
            return
        box = QMessageBox(self._window)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setText(f"Delete the session “{fmt.one_line(row.title, 80)}”?")
        box.setInformativeText("Its spans are removed from the database for good. Export it first if it may be needed.")
        delete = box.addButton("Delete", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        if box.clickedButton() is delete:
            self._order({"cmd": "delete_session", "session": row.id}, "deleted")

    def _session(self, session_id: str | None) -> SessionRow | None:
        state = self._window.state
        if session_id is None:
            return state.session
        return next((row for row in state.sessions if row.id == session_id), None)

    def _order(self, request: Reply, done: str) -> None:
        def told(reply: Reply | None) -> None:
            why = describe_failure(reply)
            if why:
                self._window.banner.say(f"The session could not be {done}: {why}")

        self._window.link.command(request, told)

    def open_files(self) -> None:
        """Choose session files and import them."""
        names, _ = QFileDialog.getOpenFileNames(
            self._window, "Open session files", "", "Sessions (*.flowscope *.json *.jsonl);;All files (*)"
        )
        self._window.imports.add([Path(name) for name in names])

    def export_session(self) -> None:
        """Choose a file and write the session to it."""
        row = self._window.state.session
        if row is None:
            return
        name, _ = QFileDialog.getSaveFileName(
            self._window,
            "Export session",
            f"{file_name(row.title)}.flowscope",
            "FlowScope session (*.flowscope);;JSON (*.json);;JSON Lines (*.jsonl)",
        )
        if name:
            self.export_to(Path(name), row.id)

    def export_to(self, path: Path, session_id: str) -> None:
        """Write one session to a file, in a process of its own, so that the window stays fluid."""

        def ended(status: int, _out: str, err: str) -> None:
            if status:
                self._window.banner.say(f"{path.name} was not written: {err.strip().removeprefix('flowscope: ')}")

        arguments = ["export", "--db", self._window.db, "--session", session_id, "-o", str(path)]
        run_flowscope(arguments, self._window, ended)
