"""Where a session lacks data: what the collector reports as missing or dropped, while the timeline is open."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, QTimer, Signal

from flowscope_app.base import format as fmt
from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.rows import Report
from flowscope_app.views.timeline.overlays import Gap

_POLL_MS = 2_000  # a report changes no span, so that nothing else tells of it


class GapsFeed(QObject):
    """Asks for reports now and then and says what of them concerns the session shown."""

    found = Signal(object)  # tuple[Gap, ...]

    def __init__(self, state: ViewState, queries: Queries | None, parent: QObject) -> None:
        super().__init__(parent)
        self._state, self._queries = state, queries
        self._reports: list[Report] = []
        self._told: tuple[Gap, ...] = ()
        self._poll = QTimer(self, interval=_POLL_MS)
        self._poll.timeout.connect(self._ask)
        state.session_changed.connect(self._begin)
        state.table_changed.connect(self._opened)

    def _begin(self) -> None:
        self._told = ()
        if self._queries is not None:
            self._poll.start()

    def _opened(self, applied: object) -> None:
        if applied is None:
            self._ask()

    def _ask(self) -> None:
        if self._queries is not None and self._state.session is not None:
            newest = self._reports[-1].key if self._reports else 0
            self._queries.run(lambda reader: reader.reports(newest), self._take, slot="gaps")

    def _take(self, reports: list[Report]) -> None:
        self._reports += reports
        session, table = self._state.session, self._state.table
        if session is None or not table.n:
            return
        told = gaps_of(session.id, self._reports, table.origin, table.latest)
        if told != self._told:
            self._told = told
            self.found.emit(told)


def gaps_of(session: str, reports: Iterable[Report], first: int, last: int) -> tuple[Gap, ...]:
    """A session's gaps, oldest first, within `first..last` (ns): one noticed after the last span stands at its end.

    What was missing and came after all is taken off again, from the gap noticed last.
    """
    open_gaps: list[tuple[str, str, int, int]] = []  # producer, kind, time, count
    for report in reports:
        if report.session != session:
            continue
        if report.kind in ("gap", "dropped"):
            open_gaps.append((report.producer, report.kind, report.time_ns, report.count))
        elif report.kind == "filled":
            left = report.count
            for at in range(len(open_gaps) - 1, -1, -1):
                who, kind, time, count = open_gaps[at]
                if who == report.producer and kind == "gap" and left:
                    taken = min(left, count)
                    left -= taken
                    open_gaps[at] = (who, kind, time, count - taken)
    return tuple(
        Gap(
            min(max(time, first), last),
            count,
            f"{fmt.count(count)} {'span' if count == 1 else 'spans'} "
            + ("dropped by the program" if kind == "dropped" else "missing here"),
        )
        for _who, kind, time, count in open_gaps
        if count
    )
