"""Places of a graph's nodes in layers from left to right, and the ways of its edges between them.

The layers and the order within them come from fast_sugiyama. What it does not do is done here: it ends the process on
an edge from a node to itself and turns edges of a cycle as it likes, so it is given a graph without cycles whose edges
follow the given order; its numbers of dummy vertices collide with a caller's where these have gaps within a connected
part, so parts are laid out one by one, their nodes numbered without gaps; it takes all nodes for equally large and all
edges for equally important, so columns get their width here, and places across are worked out again so that weighty
edges run straight.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import fast_sugiyama

# It tells every step of its work through `logging`, which costs more than the work where somebody listens.
logging.getLogger("rust-sugiyama").setLevel(logging.WARNING)

Point = tuple[float, float]
_Near = defaultdict[int, list[tuple[int, float]]]  # neighbours and how strongly they pull

COLUMN_GAP = 52.0  # between the cards of one layer and the next, px
ROW_GAP = 24.0
_UNIT = 100.0  # the library's distance between layers
_SWEEPS = 3
_LEVEL = 8.0  # weight of a long edge's middle: its ends bend, it does not
_EDGE_ROOM = 0.6  # what an edge that passes through a layer takes there, a card taking 1


@dataclass(frozen=True)
class Layout:
    """Centres of the nodes and ways of the edges, px, the top left of all at 0, 0."""

    centres: tuple[Point, ...]
    ways: tuple[tuple[Point, ...], ...]  # an edge's bends between its two nodes, from its source to its target
    backward: tuple[bool, ...]  # edges that run from right to left
    width: float
    height: float


@dataclass
class _Layers:
    """Vertices, those from `nodes` on dummies that a long edge passes through, in their layers."""

    nodes: int
    rank: dict[int, int] = field(default_factory=dict)
    across: dict[int, float] = field(default_factory=dict)  # 1 between neighbours
    chains: dict[tuple[int, int], list[int]] = field(default_factory=dict)  # each edge's dummies in order

    def room(self, one: int, other: int) -> float:
        """The least distance between two neighbours."""
        return sum(0.5 if vertex < self.nodes else _EDGE_ROOM / 2 for vertex in (one, other))


def layered(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[tuple[int, int]],
    weights: Sequence[float] | None = None,
    *,
    last: int | None = None,
) -> Layout:
    """Lay out nodes of `sizes` (width, height; px); edges of more weight run straighter.

    `edges` are pairs of indices into `sizes`; one from a later to an earlier node is drawn backwards, one from a node
    to itself gets no bends. `last` names a node to stand in the last layer.
    """
    weight: defaultdict[tuple[int, int], float] = defaultdict(float)
    for edge, heavy in zip(edges, weights or [1.0] * len(edges), strict=True):
        if edge[0] != edge[1]:
            weight[min(edge), max(edge)] += heavy
    joined = sorted({*weight, *_pull(len(sizes), sorted(weight), last)})
    layers = _solve(len(sizes), joined)
    _straighten(layers, weight)
    return _measured(layers, sizes, edges)


def _measured(layers: _Layers, sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]) -> Layout:
    """From layers and places across to pixels."""
    widest = [0.0] * (max(layers.rank.values(), default=-1) + 1)
    for node, (width, _) in enumerate(sizes):
        widest[layers.rank[node]] = max(widest[layers.rank[node]], width)
    middle, left = [], 0.0
    for width in widest:
        middle.append(left + width / 2)
        left += width + COLUMN_GAP
    pitch = max((height for _, height in sizes), default=0.0) + ROW_GAP
    reach = [(place * pitch, sizes[v][1] / 2 if v < len(sizes) else 0.0) for v, place in layers.across.items()]
    top = min((y - half for y, half in reach), default=0.0)
    bottom = max((y + half for y, half in reach), default=0.0)

    def at(vertex: int) -> Point:
        return middle[layers.rank[vertex]], layers.across[vertex] * pitch - top

    def through(vertex: int) -> tuple[Point, Point]:
        """Into a layer and out of it again, level, so that the edge keeps clear of the cards above and below."""
        x, y = at(vertex)
        half = widest[layers.rank[vertex]] / 2
        return (x - half, y), (x + half, y)

    ways = []
    for source, target in edges:
        dummies = layers.chains.get((min(source, target), max(source, target)), ())
        bends = tuple(point for vertex in dummies for point in through(vertex))
        ways.append(bends if source < target else bends[::-1])
    return Layout(
        centres=tuple(at(node) for node in range(len(sizes))),
        ways=tuple(ways),
        backward=tuple(source > target for source, target in edges),
        width=max(left - COLUMN_GAP, 0.0),
        height=bottom - top,
    )


def _pull(nodes: int, edges: Sequence[tuple[int, int]], last: int | None) -> list[tuple[int, int]]:
    """An edge without weight that brings `last` behind the node that lies deepest."""
    if last is None:
        return []
    depth = [0] * nodes
    for source, target in edges:  # by source, and all go from a lesser to a greater number
        depth[target] = max(depth[target], depth[source] + 1)
    deepest = max((node for node in range(nodes) if node != last), key=depth.__getitem__, default=last)
    return [(deepest, last)] if deepest < last and depth[deepest] >= depth[last] else []


def _solve(nodes: int, edges: Sequence[tuple[int, int]]) -> _Layers:
    """Have the library find layers and the order in them; parts without a connection stand one below the other."""
    layers = _Layers(nodes)
    below, fresh = 0.0, nodes
    for part in _parts(edges):
        used = sorted({node for edge in part for node in edge})
        number = {node: index for index, node in enumerate(used)}
        ((places, _width, _height, links),) = fast_sugiyama.from_edges(
            [(number[source], number[target]) for source, target in part],
            vertex_spacing=_UNIT,
            dummy_vertices=True,
            ranking_type="minimize",
        )
        named: dict[int, int] = {}
        for vertex, _ in places:
            known = int(vertex) < len(used)
            named[int(vertex)] = used[int(vertex)] if known else fresh
            fresh += not known
        # The library counts layers downwards: the first one has the greatest y.
        first, start = max(y for _, (_, y) in places), min(x for _, (x, _) in places)
        for vertex, (x, y) in places:
            layers.rank[named[int(vertex)]] = round((first - y) / _UNIT)
            layers.across[named[int(vertex)]] = below + (x - start) / _UNIT
        below = max(layers.across[vertex] for vertex in named.values()) + 1
        layers.chains |= _follow([(named[int(source)], named[int(target)]) for source, target in links or ()], nodes)
    for node in range(nodes):
        if node not in layers.rank:  # without an edge
            layers.rank[node], layers.across[node], below = 0, below, below + 1
    return layers


def _parts(edges: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """The edges of each connected part, largest part first."""
    part_of: dict[int, list[tuple[int, int]]] = {}
    for edge in edges:
        one, other = (part_of.get(node, []) for node in edge)
        joined = one if one is other else one + other
        joined.append(edge)
        for node in {node for known in joined for node in known}:
            part_of[node] = joined
    return sorted({id(part): part for part in part_of.values()}.values(), key=lambda part: (-len(part), part[0]))


def _follow(links: Sequence[tuple[int, int]], nodes: int) -> dict[tuple[int, int], list[int]]:
    """The dummy vertices between the two nodes of each edge; a dummy has one way in and one way out."""
    onward: defaultdict[int, list[int]] = defaultdict(list)
    for source, target in links:
        onward[source].append(target)
    chains: dict[tuple[int, int], list[int]] = {}
    for source in [vertex for vertex in onward if vertex < nodes]:
        for target in onward[source]:
            bends = []
            while target >= nodes:
                bends.append(target)
                target = onward[target][0]
            chains[source, target] = bends
    return chains


def _straighten(layers: _Layers, weight: dict[tuple[int, int], float]) -> None:
    """Move vertices across, within their order, to where their edges want them.

    Sweeps look at the side they come from, so that a long chain is straight after one of them; the last ones look at
    both sides, so that callers stand at the middle of what they call.
    """
    left: _Near = defaultdict(list)
    right: _Near = defaultdict(list)
    for edge, dummies in layers.chains.items():
        heavy = weight.get(edge, 0.0)
        path = [edge[0], *dummies, edge[1]]
        for index, (one, other) in enumerate(pairwise(path)):
            pull = heavy * _LEVEL if 0 < index < len(path) - 2 else heavy
            right[one].append((other, pull))
            left[other].append((one, pull))
    both = {vertex: left[vertex] + right[vertex] for vertex in layers.across}
    ranks: defaultdict[int, list[int]] = defaultdict(list)
    for vertex in sorted(layers.across, key=layers.across.__getitem__):
        ranks[layers.rank[vertex]].append(vertex)
    order = [ranks[rank] for rank in sorted(ranks)]
    for near, rows in _SWEEPS * ((right, order[::-1]), (left, order)):
        for row in rows:
            _settle(layers, row, near)
    for rows in (order[::-1], order):
        for row in rows:
            _settle(layers, row, both)
    most = max(weight.values(), default=0.0)
    weighty = {vertex: [(other, pull) for other, pull in left[vertex] if pull >= most > 1] for vertex in layers.across}
    for row in order:  # the averages above leave a straight line a few pixels off
        _settle(layers, row, weighty)


def _settle(layers: _Layers, row: list[int], near: Mapping[int, list[tuple[int, float]]]) -> None:
    """Put one layer's vertices as near as can be to where their neighbours pull them (isotonic regression)."""
    offset, blocks = 0.0, list[tuple[float, float, int]]()  # (wanted place less offset, weight, how many)
    offsets = []
    for index, vertex in enumerate(row):
        if index:
            offset += layers.room(row[index - 1], vertex)
        offsets.append(offset)
        total = sum(pull for _, pull in near[vertex]) or 0.0
        if total > 0:
            wanted = sum(layers.across[other] * pull for other, pull in near[vertex]) / total
        else:
            wanted, total = layers.across[vertex], 0.01
        blocks.append((wanted - offset, total, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (one, heavy, many), (other, heavy_other, many_other) = blocks[-2:]
            both = heavy + heavy_other
            blocks[-2:] = [((one * heavy + other * heavy_other) / both, both, many + many_other)]
    index = 0
    for place, _, many in blocks:
        for vertex in row[index : index + many]:
            layers.across[vertex] = place + offsets[index]
            index += 1
