"""From a span to its relatives, as the arrow keys go."""

from __future__ import annotations

from typing import Literal, get_args

from flowscope_app.spans.table import SpanTable

Step = Literal["parent", "child", "previous", "next"]
STEPS: tuple[Step, ...] = get_args(Step)


def relative(table: SpanTable, row: int, step: Step) -> int:
    """The row one step from `row`, or -1 where there is none; from no span (-1) to the first root."""
    if row < 0:
        roots = table.roots()
        return int(roots[0]) if len(roots) else -1
    if step == "parent":
        return int(table.parent[row])
    if step == "child":
        children = table.children(row)
        return int(children[0]) if len(children) else -1
    parent = int(table.parent[row])
    siblings = (table.children(parent) if parent >= 0 else table.roots()).tolist()
    at = siblings.index(row) + (1 if step == "next" else -1)
    return int(siblings[at]) if 0 <= at < len(siblings) else -1
