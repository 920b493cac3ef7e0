"""Spans grouped into the nodes and edges of a graph; `graph` says what they mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from flowscope_app.analysis.graph import END, START, Edge, Graph, Grouping, Node, Relation
from flowscope_app.analysis.intervals import Siblings
from flowscope_app.analysis.snapshot import Int, Mask, Snapshot
from flowscope_app.base import format as fmt
from flowscope_app.spans.kinds import Kind, Status

MAX_OPERATIONS = 100  # nodes; the layout's time grows with the number of edges, and so does the reader's
MAX_CALLS = 400
MAX_EDGES = 300  # by operation; by call edges are about as many as nodes
# A script has a few outermost operations and their order tells; a server has many and it does not.
MAX_ORDERED_ROOTS = 8
_LABEL = 80  # characters
_START, _END, _INNER = 0, 1, 2  # node numbers; those of groups come after the two ends

Numbers = NDArray[np.int64]


def by_operation(snapshot: Snapshot) -> Graph:
    """One node an operation, with all its calls."""
    if not snapshot.n:
        return Graph("operation")
    ids, group = np.unique(snapshot.op, return_inverse=True)
    folded = ""
    if len(ids) > MAX_OPERATIONS:
        time = np.bincount(group, weights=(snapshot.end - snapshot.start).astype(float))
        kept = np.sort(np.argsort(time, kind="stable")[-MAX_OPERATIONS:])
        folded = f"The {MAX_OPERATIONS} operations that took longest, of {fmt.count(len(ids))}."
        place = np.full(len(ids), -1)
        place[kept] = np.arange(len(kept))
        ids, group = ids[kept], place[group]
    labels = [snapshot.names.get(int(op), "") for op in ids]
    roots = np.unique(group[(snapshot.parent < 0)])
    builder = _Builder(snapshot, group, ids.astype(np.int64), labels, ordered_roots=len(roots) <= MAX_ORDERED_ROOTS)
    return builder.graph("operation", folded)


def by_call(snapshot: Snapshot, focus: int = -1) -> Graph:
    """One node a call: all of a small session, else the run that holds row `focus` (the newest run if -1)."""
    if not snapshot.n:
        return Graph("call")
    folded = ""
    if snapshot.n > MAX_CALLS:
        rows, size = _run_of(snapshot, focus)
        shown = fmt.count(len(rows))
        root = fmt.one_line(snapshot.names.get(int(snapshot.op[rows[0]]), ""), _LABEL)
        left = f"; the {fmt.count(size - len(rows))} deeper ones are folded" if size > len(rows) else ""
        folded = f"{shown} calls of one run of {root}{left}. Select a span to see its run."
        snapshot = _restricted(snapshot, rows)
    labels = [snapshot.names.get(op, "") for op in snapshot.op.tolist()]
    builder = _Builder(snapshot, np.arange(snapshot.n), snapshot.key, labels, ordered_roots=True)
    return builder.graph("call", folded)


def _run_of(snapshot: Snapshot, focus: int) -> tuple[Int, int]:
    """Rows of the run that holds `focus`, outermost first, at most MAX_CALLS, `focus` among them; and its size."""
    path: list[int] = []
    if not 0 <= focus < snapshot.n:
        roots = np.flatnonzero(snapshot.parent < 0)
        focus = int(roots[np.argmax(snapshot.start[roots])]) if len(roots) else 0
    here = focus
    while here >= 0 and len(path) < MAX_CALLS:
        path.append(here)
        here = int(snapshot.parent[here])
    level = np.array([path[-1]])
    levels, size, seen = [np.array(path[::-1])], 0, len(path)
    member = np.zeros(snapshot.n + 1, bool)  # one more, for parent -1
    while len(level):
        size += len(level)
        new = level[~np.isin(level, path)]
        levels.append(new[: max(0, MAX_CALLS - seen)])
        seen += len(levels[-1])
        member[:] = False
        member[level] = True
        level = np.flatnonzero(member[snapshot.parent])
        level = level[np.argsort(snapshot.start[level], kind="stable")]
    return np.concatenate(levels), size


def _restricted(snapshot: Snapshot, rows: Int) -> Snapshot:
    place = np.full(snapshot.n + 1, -1, np.int32)
    place[rows] = np.arange(len(rows), dtype=np.int32)
    columns = ["key", "start", "end", "op", "model", "strand", "kind", "status", "tokens_in", "tokens_out", "pending"]
    cut = {name: getattr(snapshot, name)[rows] for name in columns}
    return replace(snapshot, parent=place[snapshot.parent[rows]], **cut)


class _Builder:
    """Numbers the nodes, START and END first, and sums up rows into nodes and pairs of rows into edges."""

    def __init__(self, s: Snapshot, group: Numbers, ids: Int, labels: list[str], *, ordered_roots: bool) -> None:
        self.s = s
        self.node: Numbers = np.where(group >= 0, group + _INNER, -1)  # of each row; -1: its operation is folded
        self.ids: list[int] = [START, END, *ids.tolist()]
        self.labels = ["START", "END", *labels]
        self.failed: Mask = s.status == Status.ERROR
        # Runs of different programs or threads have no order among them, however their clocks stand.
        family = np.where(s.parent >= 0, s.parent, s.n + s.strand).astype(np.int32)
        before, after = Siblings(s.start, s.end, family).predecessors(np.flatnonzero(s.pending))
        if not ordered_roots:
            kept = s.parent[after] >= 0
            before, after = before[kept], after[kept]
        self.before, self.after = before, after
        self.first, self.last = np.ones(s.n, bool), np.ones(s.n, bool)
        self.first[after] = False  # the others began with no sibling before them
        self.last[before] = False
        self.outer = self._outermost()
        # The rows that START leads to: the runs, or the steps of the runs that START stands for.
        self.step: Mask = ~self.outer & ((s.parent < 0) | self.outer[s.parent])

    def _outermost(self) -> Mask:
        """The rows that START and END stand for: all runs, where they have one operation and it has steps."""
        root = self.s.parent < 0
        runs = np.unique(self.node[root])
        alone = len(runs) == 1 and runs[0] >= 0 and not (self.node[~root] == runs[0]).any() and not root.all()
        return root if alone else np.zeros(len(root), bool)

    def graph(self, grouping: Grouping, folded: str) -> Graph:
        """The finished graph; `folded` says what the caller left out."""
        edges = self._edges()
        if grouping == "operation" and len(edges) > MAX_EDGES:
            folded = f"{folded} The {MAX_EDGES} most used connections, of {fmt.count(len(edges))}.".strip()
            edges = sorted(edges, key=lambda edge: (edge.errors == 0, -edge.count))[:MAX_EDGES]
        return Graph(grouping, tuple(self._nodes()), tuple(edges), folded)

    def _nodes(self) -> list[Node]:
        s = self.s
        numbers = np.where(self.outer, _START, self.node)
        rows = np.flatnonzero(numbers >= 0)
        rows = rows[np.lexsort((s.start[rows], numbers[rows]))]
        numbers = numbers[rows]

        def summed(values: NDArray[np.generic]) -> list[int]:
            total = np.zeros(len(self.ids), np.int64)
            np.add.at(total, numbers, values[rows])
            return [int(value) for value in total]

        calls = np.bincount(numbers, minlength=len(self.ids)).tolist()
        errors, pending = summed(self.failed), summed(s.pending)
        abandoned = summed(s.status == Status.ABANDONED)
        total, tokens = summed(s.end - s.start), summed(s.tokens_in.astype(np.int64) + s.tokens_out)
        found, first = np.unique(numbers, return_index=True)
        key = dict(zip(numbers.tolist(), s.key[rows].tolist(), strict=True))  # the newest one stays
        bad = self.failed[rows]
        key |= dict(zip(numbers[bad].tolist(), s.key[rows[bad]].tolist(), strict=True))
        kinds = dict(zip(found.tolist(), s.kind[rows[first]].tolist(), strict=True))
        in_time = found[np.argsort(s.start[rows[first]], kind="stable")].tolist()

        def node(number: int, like: int) -> Node:
            kind = kinds.get(like, 0) if number >= _INNER else 0
            return Node(
                self.ids[number],
                fmt.one_line(self.labels[number], _LABEL) or "(no name)",
                Kind(kind) if 0 <= kind < len(Kind) else Kind.OTHER,
                calls[like],
                errors[like],
                pending[like],
                total[like],
                tokens[like],
                key.get(like, 0),
                abandoned[like],
            )

        inner = [node(number, number) for number in in_time if number >= _INNER]
        return [node(_START, _START), *inner, node(_END, _START)]

    def _edges(self) -> list[Edge]:
        parent, node, failed = self.s.parent, self.node, self.failed
        child = np.flatnonzero(~self.outer & ~self.step)
        shown = self.first[child] | failed[child]
        edges = self._gather("call", node[parent[child]], node[child], failed[child], shown)
        within = ~self.outer[self.after]
        before, after = self.before[within], self.after[within]
        # A failed step has no caller but START, which may be far off: the edge from the step before tells of it.
        edges += self._gather("then", node[before], node[after], failed[after] & self.step[after])
        first, last = np.flatnonzero(self.step & self.first), np.flatnonzero(self.step & self.last)
        edges += self._gather("call", np.full(len(first), _START), node[first], failed[first])
        edges += self._gather("call", node[last], np.full(len(last), _END), np.zeros(len(last), bool))
        return edges

    def _gather(
        self, relation: Relation, source: Numbers, target: Numbers, failed: Mask, shown: Mask | None = None
    ) -> list[Edge]:
        """Sum up equal pairs, those with at least one `shown`; an operation that follows itself makes no edge."""
        kept = (source != target) & (source >= 0) & (target >= 0)
        width = len(self.ids)
        codes, inverse = np.unique(source[kept] * width + target[kept], return_inverse=True)
        counts = np.bincount(inverse, minlength=len(codes))
        errors = np.bincount(inverse[failed[kept]], minlength=len(codes))
        wanted = np.bincount(inverse[shown[kept]], minlength=len(codes)) > 0 if shown is not None else counts > 0
        return [
            Edge(self.ids[code // width], self.ids[code % width], relation, count, error)
            for code, count, error in zip(
                codes[wanted].tolist(), counts[wanted].tolist(), errors[wanted].tolist(), strict=True
            )
        ]
