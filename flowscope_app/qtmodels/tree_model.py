"""The session's spans as a tree of items: lazy, filtered, kept in step while spans arrive."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from flowscope_app.base import format as fmt
from flowscope_app.qtmodels.state import Mask, ViewState
from flowscope_app.spans.index import Rows
from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.spans.table import NO_END, SpanTable

Index = QModelIndex | QPersistentModelIndex

RowRole = Qt.ItemDataRole.UserRole + 1  # the row in the session's table
_LABEL = 200  # characters: a cell of a megabyte freezes the view
_ROOT = -1
_MANY = 500  # steps in one update


class Column(IntEnum):
    """What the tree shows of a span."""

    OPERATION = 0
    DURATION = 1
    START = 2
    TOKENS = 3
    BAR = 4


_TITLES = ("Operation", "Duration", "Start", "Tokens in / out", "Time in its run")


class SpanTreeModel(QAbstractItemModel):
    """A row of the table an item, children by start. Children of an item become known when it is first expanded.

    With a filter, spans that match and the ones above them are there; `matches` tells them apart.
    """

    def __init__(self, state: ViewState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._kids: dict[int, Rows] = {}  # of every item expanded so far; _ROOT: the outermost spans
        self._place: Rows = np.empty(0, np.int32)  # of each row among its siblings, where they are known
        self._parent: Rows = np.empty(0, np.int32)  # as the view knows it; the table may be ahead
        self._visible: Mask | None = None
        self._counts: Rows = np.empty(0, np.int32)  # of children, by row; at 0 that of the outermost
        self.now = 0  # where pending spans end, ns; the view moves it on
        self.reset()

    @property
    def table(self) -> SpanTable:
        """The spans of the session."""
        return self._state.table

    # What Qt asks.

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        kids = self._kids.get(self._row(parent))
        if kids is None or not (0 <= row < len(kids) and 0 <= column < len(Column)):
            return QModelIndex()
        return self.createIndex(row, column, int(kids[row]) + 1)

    def parent(self, index: Index = QModelIndex()) -> QModelIndex:  # type: ignore[override]  # noqa: B008
        row = self._row(index)
        above = int(self._parent[row]) if 0 <= row < len(self._parent) else _ROOT
        return QModelIndex() if above == _ROOT else self.createIndex(int(self._place[above]), 0, above + 1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.column() > 0 else len(self._kids.get(self._row(parent), ()))

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.column() > 0 else len(Column)

    def hasChildren(self, parent: Index = QModelIndex()) -> bool:  # noqa: B008
        if parent.column() > 0:
            return False
        row = self._row(parent)
        kids = self._kids.get(row)
        return len(kids) > 0 if kids is not None else row + 1 < len(self._counts) and bool(self._counts[row + 1])

    def canFetchMore(self, parent: Index) -> bool:
        return self.hasChildren(parent) and self._row(parent) not in self._kids

    def fetchMore(self, parent: Index) -> None:
        row = self._row(parent)
        if row in self._kids:
            return
        kids = self._wanted([row], self._parent)[row]  # not the table, which may be ahead
        if len(kids):
            self.beginInsertRows(self._index_at(row), 0, len(kids) - 1)
            self._set_kids(row, kids)
            self.endInsertRows()

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(Column):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _TITLES[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self._row(index)
        if not 0 <= row < self.table.n:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, index.column())
        if role == RowRole:
            return row
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(index.column())
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(row) if index.column() == Column.OPERATION else self._text(row, index.column())
        return None

    # What the view asks.

    def row_at(self, index: Index) -> int:
        """The table's row of an item, -1 of none."""
        return self._row(index)

    def index_of(self, row: int) -> QModelIndex:
        """The item of a table's row, making known what is above it; invalid if the filter leaves it out."""
        if not 0 <= row < len(self._parent) or (self._visible is not None and not self._visible[row]):
            return QModelIndex()
        path = [row]
        while (above := int(self._parent[path[-1]])) != _ROOT:
            path.append(above)
        for above in reversed(path[1:]):
            self.fetchMore(self._index_at(above))
        return self._index_at(row)

    @property
    def shown(self) -> int:
        """How many spans the filter leaves in the tree."""
        return int(self._counts.sum())

    def matches(self, row: int) -> bool:
        """Whether the span itself is let through by the filter, not only something below it."""
        mask = self._state.mask
        return mask is None or (row < len(mask) and bool(mask[row]))

    def length(self, row: int) -> int:
        """How long the span took, so far if it is pending, ns."""
        table = self.table
        end = int(table.end[row])
        return max((self.now if end == NO_END else end) - int(table.start[row]), 0)

    def within_run(self, row: int) -> tuple[float, float]:
        """Where the span begins and ends within the outermost span above it, 0..1."""
        above = self.table.ancestors(row)
        run = above[-1] if above else row
        whole = max(self.length(run), 1)
        begin = (int(self.table.start[row]) - int(self.table.start[run])) / whole
        return min(max(begin, 0.0), 1.0), min(max(begin + self.length(row) / whole, 0.0), 1.0)

    # Keeping step.

    def reset(self) -> None:
        """Take all anew: another session, or another filter."""
        self.beginResetModel()
        self._kids = {}
        self._look()
        self._parent = self.table.parent.copy()
        self._place = np.zeros(self.table.n, np.int32)
        self._set_kids(_ROOT, self._wanted([_ROOT], self._parent)[_ROOT])
        self.endResetModel()

    def update_rows(self, changed: Rows) -> None:
        """Bring in the table's new rows and draw `changed` ones again, leaving items that stay in peace."""
        known = len(self._parent)
        parent = self.table.parent
        moved = np.flatnonzero(self._parent != parent[:known]).astype(np.int32)
        touched = np.concatenate((self._parent[moved], parent[moved], parent[known:]))
        self._parent = np.concatenate((self._parent, parent[known:]))
        self._place = np.concatenate((self._place, np.zeros(len(parent) - known, np.int32)))
        self._look()
        every = self._visible is not None  # another mask may have come with the rows
        self._sync(set(self._kids) if every else {_ROOT, *touched.tolist()} & self._kids.keys(), moved)
        self._tell(changed, known)

    def refilter(self) -> None:
        """Take a mask that differs a little from the one before, leaving items that stay in peace."""
        self.update_rows(np.empty(0, np.int32))

    def _look(self) -> None:
        """Work out which rows are to be seen, and how many children each has."""
        table, mask = self.table, self._state.mask
        self.now = self._state.now()
        self._visible = None if mask is None else _with_ancestors(mask, table.parent)
        parent = table.parent if self._visible is None else table.parent[self._visible]
        self._counts = np.bincount(parent + 1, minlength=table.n + 1).astype(np.int32)

    def _wanted(self, parents: list[int], column: Rows) -> dict[int, Rows]:
        """The children that each of `parents` is to have, by start; `column` holds the parent of each row."""
        member = np.zeros(len(column) + 1, bool)  # one more, which -1 points to
        member[parents] = True
        chosen = member[column]
        if self._visible is not None:
            chosen &= self._visible
        rows = np.flatnonzero(chosen).astype(np.int32)
        above = column[rows]
        order = np.lexsort((self.table.start[rows], above))
        rows, above = rows[order], above[order]
        return {
            parent: rows[np.searchsorted(above, parent, "left") : np.searchsorted(above, parent, "right")]
            for parent in parents
        }

    def _sync(self, affected: set[int], moved: Rows) -> None:
        """Take out what left its parent, put in what came."""
        wanted = self._wanted(sorted(affected), self.table.parent)
        gone = {parent: ~np.isin(self._kids[parent], wanted[parent]) for parent in affected}
        if sum(len(_runs(chosen)) for chosen in gone.values()) > _MANY:
            self.reset()  # cheaper than so many steps, after each of which the view looks around
            return
        for parent in sorted(affected):
            if parent in self._kids:  # it is not when it went with something outside of it
                self._remove(parent, gone[parent])
        self._parent[moved] = self.table.parent[moved]
        for parent in sorted(affected):
            if parent in self._kids:
                self._insert(parent, wanted[parent])

    def _remove(self, parent: int, gone: Mask) -> None:
        for first, last in reversed(_runs(gone)):
            kids = self._kids[parent]
            self.beginRemoveRows(self._index_at(parent), first, last)
            for row in kids[first : last + 1].tolist():
                self._drop(row)
            self._set_kids(parent, np.delete(kids, np.s_[first : last + 1]))
            self.endRemoveRows()

    def _drop(self, row: int) -> None:
        """Forget the children known below a row that is taken out; they are asked for again if it comes back."""
        for kid in self._kids.pop(row, np.empty(0, np.int32)).tolist():
            self._drop(kid)

    def _insert(self, parent: int, wanted: Rows) -> None:
        kids = self._kids[parent]
        stay = wanted[np.isin(wanted, kids)]
        if not np.array_equal(stay, kids):  # a start time was corrected: take the disordered ones out first
            self._remove(parent, np.ones(len(kids), bool))
        for first, last in _runs(~np.isin(wanted, self._kids[parent])):
            self.beginInsertRows(self._index_at(parent), first, last)
            known = self._kids[parent]
            self._set_kids(parent, np.concatenate((known[:first], wanted[first : last + 1], known[first:])))
            self.endInsertRows()

    def _tell(self, changed: Rows, first_new: int) -> None:
        """Have changed rows drawn again, and the ones that got their first child."""
        above = self.table.parent[first_new:]
        rows = np.unique(np.concatenate((changed, above[above >= 0])))
        for row in rows[:_MANY].tolist():  # the view draws all of itself after an update anyhow
            index = self._index_at(row)
            if index.isValid():
                self.dataChanged.emit(index, index.siblingAtColumn(len(Column) - 1))

    def _set_kids(self, parent: int, kids: Rows) -> None:
        self._kids[parent] = kids
        self._place[kids] = np.arange(len(kids), dtype=np.int32)

    # Small things.

    def _row(self, index: Index) -> int:
        return int(index.internalId()) - 1 if index.isValid() else _ROOT

    def _index_at(self, row: int) -> QModelIndex:
        """The item of a row that is known already, else none."""
        if row == _ROOT or row >= len(self._parent):
            return QModelIndex()
        kids, place = self._kids.get(int(self._parent[row])), int(self._place[row])
        known = kids is not None and place < len(kids) and kids[place] == row
        return self.createIndex(place, 0, row + 1) if known else QModelIndex()

    def _text(self, row: int, column: int) -> str:
        table = self.table
        if column == Column.OPERATION:
            return fmt.one_line(table.op_name(row), _LABEL) or "(no name)"
        if column == Column.DURATION:
            return fmt.duration(self.length(row))
        if column == Column.START:
            offset = int(table.start[row]) - table.origin
            return fmt.offset(offset)
        if column == Column.TOKENS:
            into, out = int(table.tokens_in[row]), int(table.tokens_out[row])
            return f"{fmt.count(into)} / {fmt.count(out)}" if into or out else ""
        return ""

    def _spoken(self, row: int) -> str:
        kind, status = int(self.table.kind[row]), int(self.table.status[row])
        words = [self._text(row, Column.OPERATION), Kind(kind).label if 0 < kind < len(Kind) else "call"]
        words.append(
            {Status.ERROR: "failed", Status.PENDING: "running", Status.ABANDONED: "abandoned"}.get(
                Status(status), "done"
            )
        )
        return ", ".join(words)


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignLeft if column in (Column.OPERATION, Column.BAR) else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter


def _runs(chosen: Mask) -> list[tuple[int, int]]:
    """First and last index of every unbroken run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], chosen, [False])).astype(np.int8)))
    return list(zip(edges[::2].tolist(), (edges[1::2] - 1).tolist(), strict=True))


def _with_ancestors(mask: Mask, parent: Rows) -> Mask:
    """The rows in `mask` and all rows above them; rows that the mask does not reach yet are out."""
    seen = np.zeros(len(parent), bool)
    seen[: len(mask)] = mask[: len(parent)]
    rows: Rows = np.flatnonzero(seen).astype(np.int32)
    while len(rows):
        above = parent[rows]
        above = np.unique(above[above >= 0])
        rows = above[~seen[above]]
        seen[rows] = True
    return seen
