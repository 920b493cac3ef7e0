"""One timeline as it stands: what is laid out, what of it is seen, and what lies at a point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from flowscope_app.spans.index import Rows
from flowscope_app.spans.table import NO_END, Applied, SpanTable, Track
from flowscope_app.timeline.drawlist import Bars, Mask, draw_list, fold_of
from flowscope_app.timeline.drawn import DrawLists
from flowscope_app.timeline.grouping import Grouping, Groups
from flowscope_app.timeline.layout import Columns, Layout
from flowscope_app.timeline.links import Links
from flowscope_app.timeline.rows import BAR, HEADER, Band, RowMap, row_map
from flowscope_app.timeline.viewport import Viewport


@dataclass(frozen=True)
class Hit:
    """What is painted at a point: a span, or a run of `count` named after the span in `row`."""

    row: int
    count: int
    bar: int  # index in the bars


@dataclass(frozen=True)
class Arranged:
    """What a timeline needs of a table, made where the table was: in the thread that read it."""

    layout: Layout
    links: Links

    @classmethod
    def of(cls, table: SpanTable, grouping: Grouping = Grouping.CALLER) -> Arranged:
        """Arrange a table's spans."""
        groups = Groups(table, grouping)
        return cls.made(groups, Columns.of(groups))

    @classmethod
    def made(cls, groups: Groups, columns: Columns) -> Arranged:
        """Arrange spans as these columns have them."""
        return cls(Layout(groups.table, columns, groups), Links(groups, columns))

    def fits(self, table: SpanTable) -> bool:
        """Whether it is of this table, as it is."""
        return self.layout.table is table and self.layout.n == table.n


class Scene:
    """Layout, viewport and scroll position of a timeline; all heights in logical px, `top` is what is scrolled away."""

    def __init__(
        self,
        table: SpanTable,
        collapsed: frozenset[int] = frozenset(),
        arranged: Arranged | None = None,
        grouping: Grouping = Grouping.CALLER,
    ) -> None:
        arranged = arranged if arranged is not None and arranged.fits(table) else Arranged.of(table, grouping)
        self.table = table
        self.layout = arranged.layout
        self.links = arranged.links
        self.collapsed = collapsed
        self.view = Viewport(0, 1, 1)
        self.top = 0
        self.height = 1
        self.now = 0
        self.mask: Mask | None = None
        self.scale = 1.0
        self._rows: RowMap | None = None
        self._shape = -1
        self._bars: Bars | None = None
        self._key: tuple[object, ...] = ()
        self._drawn = DrawLists()
        self._of: tuple[RowMap | None, Mask | None] = None, None  # rows and mask that bars were last made of
        self._turn = 0  # moves on when they are others
        self._folded: dict[Grouping, frozenset[int]] = {}  # what is collapsed in the other groupings
        self._since: list[Applied] | None = None  # what came while spans were being grouped another way

    @property
    def grouping(self) -> Grouping:
        """What a track is."""
        return self.layout.groups.grouping

    @property
    def tracks(self) -> dict[int, Track]:
        """What to say of each track, by its number."""
        return self.layout.groups.tracks

    def apply(self, applied: Applied) -> None:
        """Follow the table."""
        self.layout.apply(applied)
        self.links.apply(applied)
        if self._since is not None:
            self._since.append(applied)

    def regroup(self, grouping: Grouping) -> Callable[[], Arranged | None]:
        """How to draw other tracks. The call may be made in another thread while the table grows.

        `regrouped` takes its answer. It has none if another was asked for before it began.
        """
        since = self._since = []
        groups = Groups(self.table, grouping)
        columns = Columns.raw(groups)

        def work() -> Arranged | None:
            return Arranged.made(groups, columns.copied().grouped(groups)) if self._since is since else None

        return work

    def regrouped(self, arranged: Arranged) -> None:
        """Show other tracks; what came meanwhile finds its place now."""
        layout, links = arranged.layout, arranged.links
        since, self._since = self._since or [], None
        if since:
            changed = np.unique(np.concatenate([applied.changed for applied in since]))
            moved = np.unique(np.concatenate([applied.reparented for applied in since]))
            applied = Applied(layout.n, changed, moved)
            layout.apply(applied)
            links.apply(applied)
        layout.version, layout.shape = self.layout.version + 1, self.layout.shape + 1
        self._folded[self.grouping] = self.collapsed
        self.layout, self.links = layout, links
        self.collapsed = self._folded.get(self.grouping, frozenset())
        self.scroll_to(0)

    def settle(self) -> Callable[[], Layout] | None:
        """How to put all spans where they lie when the session is opened again; None if they lie there.

        The call may be made in another thread; `take` its answer.
        """
        if not self.layout.restless:
            return None
        groups = self.layout.groups
        columns = Columns.of(groups)
        return lambda: Layout(groups.table, columns, groups)

    def take(self, layout: Layout, version: int) -> bool:
        """Show a layout made when the table was at `version`; False if the table moved on since."""
        if layout.groups is not self.layout.groups or version != self.table.version:
            return False
        layout.version, layout.shape = self.layout.version + 1, self.layout.shape + 1
        self.layout = layout
        return True

    @property
    def rows(self) -> RowMap:
        """All rows, top to bottom."""
        if self._rows is None or self._shape != self.layout.shape:
            self._rows, self._shape = row_map(self.layout, self.collapsed), self.layout.shape
        return self._rows

    def toggle(self, track: int) -> None:
        """Collapse a track, or open it again."""
        self.collapsed = self.collapsed ^ {track}
        self._rows = None

    def scroll_to(self, top: int) -> None:
        """Scroll, as far as there are rows."""
        self.top = max(0, min(top, self.rows.height - self.height))

    @property
    def bars(self) -> Bars:
        """What is painted; worked out anew only if something changed."""
        mask, rows = self.full_mask(), self.rows
        seen = rows.between(self.top, self.top + self.height)
        now = self.now if self.table.unended else 0
        if self._of[0] is not rows or self._of[1] is not mask:
            self._of, self._turn = (rows, mask), self._turn + 1
        state = (self._turn, seen.start, seen.stop, now, self.layout.version, self.view.span, self.view.width)
        if self._bars is None or self._key != (state, self.view.t0, self.scale):
            fold = fold_of(self.view)
            found = self._drawn.of(
                state,
                self.view,
                self.table.origin,
                lambda stretch: draw_list(self.layout, rows, seen, stretch, fold, now, mask),
            )
            self._bars, self._key = found.bars(self.view, self.scale), (state, self.view.t0, self.scale)
        return self._bars

    def full_mask(self) -> Mask | None:
        """The filter's mask for all rows: what came since it was made passes until it is made again."""
        missing = self.table.n - len(self.mask) if self.mask is not None else 0
        if self.mask is not None and missing > 0:
            self.mask = np.concatenate((self.mask, np.ones(missing, np.bool_)))
        return self.mask

    def hit(self, x: float, y: float) -> Hit | None:
        """What is painted at a point of the widget."""
        if self.band_header(y) is not None:
            return None
        at = self.bars.hit(x, y + self.top)
        return Hit(int(self.bars.row[at]), int(self.bars.count[at]), at) if at >= 0 else None

    def header_tops(self) -> list[tuple[Band, int]]:
        """Tracks that are seen, with their headers' place in the widget; a track's header stays while its rows pass."""
        seen: list[tuple[Band, int]] = []
        for band in self.rows.bands_between(self.top, self.top + self.height):
            y = max(band.top - self.top, 0)
            seen.append((band, min(y, band.bottom - HEADER - self.top)))
        return seen

    def band_header(self, y: float) -> Band | None:
        """The track whose header is painted at a height of the widget."""
        return next((band for band, top in self.header_tops() if top <= y < top + HEADER), None)

    def top_of(self, row: int) -> int | None:
        """Where a span's bar is, px from the top of all rows; None in a collapsed track."""
        return self.rows.top_of(self.layout.lane_of(row))

    def end(self, row: int) -> int:
        """When a span ends, ns; a pending one now."""
        end, start = int(self.table.end[row]), int(self.table.start[row])
        return max(start, self.now if end == NO_END else end)

    def links_seen(self) -> Rows:
        """Children of calls from track to track with both ends on the screen."""
        seen = self.rows.between(self.top, self.top + self.height)
        return self.links.seen(self.layout, set(self.rows.lanes[seen].tolist()), self.view)

    def reveal(self, row: int) -> None:
        """Scroll so that a span's row is seen, opening its track if it is collapsed."""
        track = self.layout.track_of(row)
        if track in self.collapsed:
            self.toggle(track)
        top = self.top_of(row)
        if top is not None:
            above, below = top - HEADER - 2 * BAR, top + 2 * BAR
            if self.top > above:
                self.scroll_to(above)
            elif self.top + self.height < below:
                self.scroll_to(below - self.height)

    def extent(self) -> tuple[int, int]:
        """First start and last end of all spans, ns."""
        table = self.table
        if not table.n:
            return 0, 0
        return table.origin, max(table.latest, self.now if table.unended else 0, table.origin + 1)
