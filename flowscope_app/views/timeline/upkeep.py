"""What a timeline has worked out elsewhere while it is used: the overview's figures, rows in order, clocks."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from flowscope_app.analysis.findings import clock_notes
from flowscope_app.analysis.snapshot import Snapshot
from flowscope_app.qtmodels.background import Background
from flowscope_app.timeline.grouping import Grouping
from flowscope_app.timeline.layout import Layout
from flowscope_app.timeline.overview import Density, Work, density
from flowscope_app.timeline.scene import Arranged, Scene
from flowscope_app.timeline.viewport import fitted

_SETTLE_MS = 1_500  # quiet time after which rows are put in order
_COUNT_MS = 250  # all spans are counted anew at most this often


class Upkeep(QObject):
    """Works for the scene it was last given."""

    counted = Signal(object)  # Density
    settled = Signal()  # the scene shows its rows in another order
    clocks = Signal(object)  # by a producer's id: how its clock differs from another program's
    quiet = Signal()  # nothing came for a while
    regrouped = Signal()  # the scene shows other tracks

    def __init__(self, scene: Scene, parent: QObject) -> None:
        super().__init__(parent)
        self._scene = scene
        self._columns = 1
        self._version = -1  # the table's when putting in order began
        self._compared = -1  # the table's when clocks were last compared
        self._order: Background[Layout] = Background(self)
        self._density: Background[Density] = Background(self)
        self._clocks: Background[dict[str, str]] = Background(self)
        self._groups: Background[Arranged | None] = Background(self)
        self._order.done.connect(self._take)
        self._groups.done.connect(self._take_groups)
        self._clocks.done.connect(self.clocks)
        self._density.done.connect(self.counted)
        self._count = QTimer(self, interval=_COUNT_MS, singleShot=True)
        self._count.timeout.connect(lambda: self._density.ask(self._prepare, at_once=True))
        self._settle = QTimer(self, interval=_SETTLE_MS, singleShot=True)
        self._settle.timeout.connect(self._put_in_order)

    def take(self, scene: Scene) -> None:
        """Work for another scene; what was under way for the one before is dropped."""
        self._scene = scene
        self._order.forget()
        self._density.forget()
        self._clocks.forget()
        self._groups.forget()
        self._compared = -1
        self.clocks.emit({})

    def count(self, columns: int, *, at_once: bool = False) -> None:
        """Have the overview counted in so many columns, soon."""
        self._columns = columns
        if at_once or not self._count.isActive():
            self._count.start(0 if at_once else _COUNT_MS)

    def regroup(self, grouping: Grouping) -> None:
        """Have the scene show other tracks, soon; what was asked before is dropped."""
        self._groups.forget()
        if grouping != self._scene.grouping:
            self._groups.ask(lambda: self._scene.regroup(grouping), at_once=True)

    def wait_for_quiet(self) -> None:
        """Something came: put the rows in order when nothing came for a while."""
        self._settle.start()

    def _prepare(self) -> Callable[[], Density]:
        view = fitted(*self._scene.extent(), 1)
        work, columns = Work.of(self._scene.table, self._scene.now, self._scene.full_mask()), self._columns
        return lambda: density(work, view.t0, view.t1, columns)

    def _compare(self) -> Callable[[], dict[str, str]]:
        spans, tracks = Snapshot.of(self._scene.table, self._scene.now), dict(self._scene.table.tracks)
        return lambda: clock_notes(spans, tracks)

    def _put_in_order(self) -> None:
        settle = self._scene.settle()
        if settle is not None:
            self._version = self._scene.table.version
            self._order.ask(lambda: settle, at_once=True)
        version = self._scene.table.version
        if len(self._scene.links) and version != self._compared:  # there are calls from track to track, and news
            self._compared = version
            self._clocks.ask(self._compare, at_once=True)
        self.quiet.emit()

    def _take_groups(self, arranged: Arranged) -> None:
        self._order.forget()
        self._scene.regrouped(arranged)
        self.regrouped.emit()

    def _take(self, layout: Layout) -> None:
        if self._scene.take(layout, self._version):
            self.settled.emit()
