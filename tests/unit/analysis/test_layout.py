"""Places of nodes: layers in order, nothing on top of anything, whatever the graph."""

from __future__ import annotations

from itertools import combinations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowscope_app.analysis.layout import COLUMN_GAP, Layout, layered

SIZE = (120.0, 40.0)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    nodes = draw(st.integers(1, 14))
    node = st.integers(0, nodes - 1)
    return nodes, draw(st.lists(st.tuples(node, node), max_size=30, unique=True))


def overlapping(layout: Layout, sizes: list[tuple[float, float]]) -> list[tuple[int, int]]:
    return [
        (one, other)
        for one, other in combinations(range(len(sizes)), 2)
        if abs(layout.centres[one][0] - layout.centres[other][0]) < (sizes[one][0] + sizes[other][0]) / 2 - 0.01
        and abs(layout.centres[one][1] - layout.centres[other][1]) < (sizes[one][1] + sizes[other][1]) / 2 - 0.01
    ]


@given(graphs())
@example((14, [(0, 4), (1, 2), (1, 13), (2, 3), (2, 13)]))  # two parts: the library's dummies took a node's number
@settings(max_examples=300, deadline=None)
def test_cards_never_overlap_and_all_edges_run_as_they_say(graph: tuple[int, list[tuple[int, int]]]) -> None:
    nodes, edges = graph
    sizes = [(120.0 + 8 * (node % 5), 40.0) for node in range(nodes)]
    layout = layered(sizes, edges, last=nodes - 1)
    assert not overlapping(layout, sizes)
    for (source, target), way, backward in zip(edges, layout.ways, layout.backward, strict=True):
        assert backward == (source > target)
        line = [layout.centres[source], *way, layout.centres[target]]
        xs = [x for x, _ in line]
        assert source == target or xs == sorted(xs, reverse=backward)
    assert all(0 <= x <= layout.width and 0 <= y <= layout.height for x, y in layout.centres)


def test_the_same_graph_has_the_same_places() -> None:
    edges = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 0)]
    assert layered([SIZE] * 4, edges) == layered([SIZE] * 4, edges)


def test_an_edge_to_itself_does_not_end_the_process() -> None:
    layout = layered([SIZE] * 2, [(0, 0), (0, 1)])
    assert layout.ways == ((), ())


def test_a_chain_with_calls_beside_it_runs_straight() -> None:
    steps = [0, 1, 3, 5, 7]
    edges = [(0, 1), (1, 3), (3, 5), (5, 7), (1, 2), (3, 4), (5, 6)]
    layout = layered([SIZE] * 8, edges, [1000.0] * 4 + [1.0] * 3)
    ys = [layout.centres[step][1] for step in steps]
    assert max(ys) - min(ys) < 1


def test_a_long_edge_passes_between_the_cards() -> None:
    layout = layered([SIZE] * 4, [(0, 1), (1, 2), (2, 3), (0, 3)])
    (way,) = [way for way in layout.ways if way]
    assert len(way) == 4  # in and out of two layers
    for x, y in way:
        assert all(abs(y - cy) > 20 for cx, cy in layout.centres[1:3] if abs(cx - x) <= 60)


def test_the_last_node_stands_in_the_last_layer() -> None:
    edges = [(0, 1), (1, 2), (2, 3), (1, 4)]
    assert layered([SIZE] * 5, edges).centres[4][0] < layered([SIZE] * 5, edges, last=4).centres[4][0]


def test_columns_are_as_wide_as_their_widest_card() -> None:
    layout = layered([(60.0, 40.0), (200.0, 40.0), (60.0, 40.0)], [(0, 1), (1, 2)])
    assert [x for x, _ in layout.centres] == [30.0, 60 + COLUMN_GAP + 100, 260 + 2 * COLUMN_GAP + 30]


def test_parts_without_a_connection_stand_below_one_another() -> None:
    layout = layered([SIZE] * 5, [(0, 1), (2, 3)])
    assert not overlapping(layout, [SIZE] * 5)


def test_nothing_to_lay_out() -> None:
    assert layered([], []) == Layout((), (), (), 0.0, 0.0)
