"""What the flow graph shows, worked out off the GUI thread: graph, sizes, places."""

from __future__ import annotations

from dataclasses import dataclass

from flowscope_app.analysis.graph import END, START, Edge, Graph, Grouping, Node
from flowscope_app.analysis.graph_build import by_call, by_operation
from flowscope_app.analysis.layout import Layout, Point, layered
from flowscope_app.analysis.snapshot import Mask, Snapshot
from flowscope_app.base import format as fmt
from flowscope_app.spans.kinds import Kind

CARD_HEIGHT = 40.0
PILL_SIZE = (56.0, 24.0)
_LEAST, _MOST, _STEP = 120.0, 176.0, 8.0  # px; sizes in steps keep columns alike
_PER_CHARACTER, _PADDING = 7.0, 32.0  # of the interface font at 13 px: a little more than its mean width
_LANE = 10.0  # between edges that join the same two nodes
_STEP_WEIGHT = 10_000.0  # steps stand in a line, what they call beside them


@dataclass(frozen=True)
class Drawing:
    """A graph with places. A drawing of the same topology as the one before has that one's places."""

    graph: Graph
    sizes: dict[int, tuple[float, float]]  # by node id, px
    centres: dict[int, Point]
    ways: tuple[tuple[Point, ...], ...]  # an edge's points from port to port
    matching: frozenset[int] | None  # ids of nodes with a call that the filter lets through; None: no filter
    width: float
    height: float
    sequence: int  # the same number: the same places


def draw(snapshot: Snapshot, grouping: Grouping, focus: int, mask: Mask | None, known: Drawing | None) -> Drawing:
    """Build the graph of `snapshot` and place it, or take the places from `known` where nothing new joined."""
    graph = by_operation(snapshot) if grouping == "operation" else by_call(snapshot, focus)
    matching = _matching(snapshot, grouping, mask)
    if known is not None and known.graph.grouping == grouping and known.graph.topology == graph.topology:
        had = {(e.source, e.target, e.relation): way for e, way in zip(known.graph.edges, known.ways, strict=True)}
        placed = tuple(had[e.source, e.target, e.relation] for e in graph.edges)
        return Drawing(graph, known.sizes, known.centres, placed, matching, known.width, known.height, known.sequence)
    number = {node.id: index for index, node in enumerate(graph.nodes)}
    sizes = {node.id: size_of(node) for node in graph.nodes}
    pairs = [(number[edge.source], number[edge.target]) for edge in graph.edges]
    weights = [_STEP_WEIGHT if _is_step(edge) else 1.0 for edge in graph.edges]
    layout = layered([sizes[node.id] for node in graph.nodes], pairs, weights, last=number.get(END))
    centres = dict(zip(number, layout.centres, strict=True))
    ways = _ways(graph, layout, sizes, centres)
    sequence = known.sequence + 1 if known else 1
    return Drawing(graph, sizes, centres, tuple(ways), matching, layout.width, layout.height, sequence)


def _is_step(edge: Edge) -> bool:
    return edge.relation == "then" or edge.source == START or edge.target == END


def size_of(node: Node) -> tuple[float, float]:
    """Width and height of a node's card, px, from its name alone: figures that grow do not move the graph."""
    if node.id in (START, END):
        return PILL_SIZE
    wanted = len(node.label) * _PER_CHARACTER + _PADDING
    return min(max(_LEAST, _STEP * -(-wanted // _STEP)), _MOST), CARD_HEIGHT


def figures(node: Node, grouping: Grouping) -> list[str]:
    """The parts of a card's second line, the most telling first."""
    if node.pending and node.calls == 1:
        return ["running …"]
    times = [] if grouping == "call" else [f"{fmt.count(node.calls)}×"]
    if node.pending:
        return [*times, "running …", fmt.duration(node.total)]
    if node.abandoned and node.calls == 1:
        return ["∅ abandoned"]
    parts = [*times, fmt.duration(node.total)]
    if node.errors:
        parts.append("✕" if grouping == "call" else f"{fmt.count(node.errors)} ✕")
    if node.abandoned:
        parts.append(f"{fmt.count(node.abandoned)} ∅")
    if node.tokens:
        parts.append(fmt.tokens(node.tokens))
    return parts


def spoken(node: Node, graph: Graph) -> str:
    """All about a node in plain sentences, for its tooltip and for a screen reader."""
    if node.id in (START, END):
        if not node.calls:
            return "Where the program begins" if node.id == START else "Where the program ends"
        return f"{node.label}: {_times(node.calls)}, {fmt.duration(node.total)}{_errors(node)}"
    named = {other.id: other.label for other in graph.nodes}
    lines = [f"{node.label} ({'call' if node.kind == Kind.OTHER else node.kind.label})"]
    lines.append(f"{_times(node.calls)}, {fmt.duration(node.total)}{_errors(node)}")
    if node.pending:
        lines.append(f"{fmt.count(node.pending)} running")
    if node.tokens:
        lines.append(f"{fmt.count(node.tokens)} tokens")
    for words, relation, inward in (
        ("called by", "call", True),
        ("after", "then", True),
        ("calls", "call", False),
        ("then", "then", False),
    ):
        others = [
            named[edge.source if inward else edge.target]
            for edge in graph.edges
            if edge.relation == relation and (edge.target if inward else edge.source) == node.id
        ]
        if others:
            more = f" and {len(others) - 5} more" if len(others) > 5 else ""
            lines.append(f"{words} {', '.join(others[:5])}{more}")
    return "\n".join(lines)


def _times(calls: int) -> str:
    return "1 call" if calls == 1 else f"{fmt.count(calls)} calls"


def _errors(node: Node) -> str:
    failed = f", {fmt.count(node.errors)} failed" if node.errors else ""
    return failed + (f", {fmt.count(node.abandoned)} abandoned" if node.abandoned else "")


def _matching(snapshot: Snapshot, grouping: Grouping, mask: Mask | None) -> frozenset[int] | None:
    if mask is None:
        return None
    column = snapshot.op if grouping == "operation" else snapshot.key
    return frozenset(column[snapshot.matching(mask)].tolist())


def _ways(
    graph: Graph, layout: Layout, sizes: dict[int, tuple[float, float]], centres: dict[int, Point]
) -> list[tuple[Point, ...]]:
    """Each edge from the side of its source to the side of its target, beside those that join the same two."""
    lanes: dict[frozenset[int], list[int]] = {}
    for index, edge in enumerate(graph.edges):
        lanes.setdefault(frozenset((edge.source, edge.target)), []).append(index)
    ways = []
    for index, (edge, bends, backward) in enumerate(zip(graph.edges, layout.ways, layout.backward, strict=True)):
        lane = lanes[frozenset((edge.source, edge.target))]
        offset = (lane.index(index) - (len(lane) - 1) / 2) * _LANE
        side = -0.5 if backward else 0.5
        start, end = centres[edge.source], centres[edge.target]
        points = (
            (start[0] + side * sizes[edge.source][0], start[1]),
            *bends,
            (end[0] - side * sizes[edge.target][0], end[1]),
        )
        ways.append(tuple((x, y + offset) for x, y in points))
    return ways
