"""Places of a graph's nodes in layers from left to right, and the ways of its edges between them.

The layering, the order within layers and the coordinates come from fast_sugiyama. What it does not do is done here:
it ends the process on an edge from a node to itself and moves edges of a cycle as it likes, so it is given a graph
without cycles whose edges follow the given order; it takes all nodes for equally large, so columns get their width
here; its ids of dummy vertices collide with a caller's that have gaps, so nodes are numbered without gaps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import fast_sugiyama

Point = tuple[float, float]

COLUMN_GAP = 56.0  # between the cards of one layer and the next, px
ROW_GAP = 24.0
_UNIT = 100.0  # the library's distance between neighbours and between layers


@dataclass(frozen=True)
class Layout:
    """Centres of the nodes and ways of the edges, px, the top left of all at 0, 0."""

    centres: tuple[Point, ...]
    ways: tuple[tuple[Point, ...], ...]  # an edge's bends between its two nodes, from its source to its target
    backward: tuple[bool, ...]  # edges that run from right to left
    width: float
    height: float


def layered(sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]) -> Layout:
    """Lay out nodes of `sizes` (width, height; px). An edge from a later to an earlier node is drawn backwards.

    `edges` are pairs of indices into `sizes`. Those from a node to itself get a way without bends.
    """
    forward = sorted({(min(edge), max(edge)) for edge in edges if edge[0] != edge[1]})
    ranks, across, chains = _solve(len(sizes), forward)
    left, total = 0.0, max(ranks.values(), default=-1) + 1
    middle: list[float] = []
    widest = [0.0] * total
    for node, (width, _) in enumerate(sizes):
        widest[ranks[node]] = max(widest[ranks[node]], width)
    for width in widest:
        middle.append(left + width / 2)
        left += width + COLUMN_GAP
    pitch = max((height for _, height in sizes), default=0.0) + ROW_GAP
    top = min((across[node] * pitch - sizes[node][1] / 2 for node in range(len(sizes))), default=0.0)
    top = min([top, *(place * pitch for place in across.values())])
    bottom = max((across[node] * pitch + sizes[node][1] / 2 for node in range(len(sizes))), default=0.0)
    bottom = max([bottom, *(place * pitch for place in across.values())])

    def at(vertex: int) -> Point:
        return middle[ranks[vertex]], across[vertex] * pitch - top

    ways = []
    for source, target in edges:
        bends = tuple(at(vertex) for vertex in chains.get((min(source, target), max(source, target)), ()))
        ways.append(bends if source < target else bends[::-1])
    return Layout(
        centres=tuple(at(node) for node in range(len(sizes))),
        ways=tuple(ways),
        backward=tuple(source > target for source, target in edges),
        width=max(left - COLUMN_GAP, 0.0),
        height=bottom - top,
    )


_Chains = dict[tuple[int, int], list[int]]


def _solve(nodes: int, edges: Sequence[tuple[int, int]]) -> tuple[dict[int, int], dict[int, float], _Chains]:
    """Layer and place across (1 between neighbours) of every vertex, and each edge's dummy vertices in order."""
    ranks: dict[int, int] = {}
    across: dict[int, float] = {}
    chains: _Chains = {}
    below = 0.0
    used = sorted({node for edge in edges for node in edge})
    number = {node: index for index, node in enumerate(used)}
    numbered = [(number[source], number[target]) for source, target in edges]
    fresh = nodes  # numbers of dummy vertices follow those of the nodes
    for places, _width, _height, links in fast_sugiyama.from_edges(
        numbered, vertex_spacing=_UNIT, dummy_vertices=True, dummy_size=0.5, ranking_type="minimize"
    ):
        named: dict[int, int] = {}
        for vertex, _ in places:
            if int(vertex) < len(used):
                named[int(vertex)] = used[int(vertex)]
            else:
                named[int(vertex)], fresh = fresh, fresh + 1
        # The library counts layers downwards: the first one has the greatest y.
        first, start = max(y for _, (_, y) in places), min(x for _, (x, _) in places)
        for vertex, (x, y) in places:
            ranks[named[int(vertex)]] = round((first - y) / _UNIT)
            across[named[int(vertex)]] = below + (x - start) / _UNIT
        below = max(across[vertex] for vertex in named.values()) + 1
        pairs = [(named[int(source)], named[int(target)]) for source, target in links or ()]
        chains |= _follow(pairs, nodes)
    for node in range(nodes):
        if node not in ranks:  # without an edge
            ranks[node], across[node], below = 0, below, below + 1
    return ranks, across, chains


def _follow(links: Sequence[tuple[int, int]], nodes: int) -> _Chains:
    """The dummy vertices between the two nodes of each edge; a dummy has one way in and one way out."""
    onward: defaultdict[int, list[int]] = defaultdict(list)
    for source, target in links:
        onward[source].append(target)
    chains: _Chains = {}
    for source in [vertex for vertex in onward if vertex < nodes]:
        for target in onward[source]:
            bends = []
            while target >= nodes:
                bends.append(target)
                target = onward[target][0]
            chains[source, target] = bends
    return chains
