"""What called what, from sessions as the integrations record them."""

from __future__ import annotations

from sample_sessions import MS, T0, Recorder, agent_loop, big, lcel, one, rag, sdk_calls, support_agent

from flowscope_app.analysis.graph import END, START, Graph
from flowscope_app.analysis.graph_build import MAX_CALLS, MAX_EDGES, MAX_OPERATIONS, by_call, by_operation
from flowscope_app.analysis.snapshot import Snapshot
from flowscope_app.spans.kinds import Kind
from flowscope_app.spans.table import SpanTable


def snapshot(recorder: Recorder) -> Snapshot:
    table = recorder.table()
    return Snapshot.of(table, table.latest + 100 * MS)


def edges(graph: Graph, relation: str) -> set[tuple[str, str]]:
    named = {node.id: node.label for node in graph.nodes}
    return {(named[e.source], named[e.target]) for e in graph.edges if e.relation == relation}


def test_a_langgraph_session_reads_as_its_steps_and_what_they_called() -> None:
    graph = by_operation(snapshot(support_agent()))
    assert edges(graph, "then") == {
        ("plan", "act"),
        ("act", "answer"),
        ("Retriever", "lookup_order"),
        ("embed", "faiss.search"),
    }
    assert edges(graph, "call") == {
        ("START", "plan"),
        ("plan", "ChatOpenAI"),
        ("act", "Retriever"),
        ("act", "lookup_order"),  # not its first callee, but it failed
        ("Retriever", "embed"),
        ("lookup_order", "POST orders:8080"),
        ("answer", "ChatOpenAI"),
        ("answer", "END"),
    }


def test_an_agent_loop_is_a_cycle() -> None:
    graph = by_operation(snapshot(agent_loop()))
    assert edges(graph, "then") == {("model", "tools"), ("tools", "model")}
    assert {("tools", "search_web"), ("tools", "read_file")} <= edges(graph, "call")
    turn = next(edge for edge in graph.edges if edge.relation == "then")
    assert turn.count == 4


def test_an_lcel_pipeline_reads_from_left_to_right() -> None:
    then = edges(by_operation(snapshot(lcel())), "then")
    assert {
        ("RunnableParallel<context,question>", "ChatPromptTemplate"),
        ("ChatPromptTemplate", "ChatOpenAI"),
        ("ChatOpenAI", "StrOutputParser"),
    } <= then
    assert ("RunnableSequence:context", "RunnablePassthrough") not in then  # they ran side by side


def test_a_llamaindex_query_reads_as_retrieve_then_synthesize() -> None:
    graph = by_operation(snapshot(rag()))
    assert ("VectorIndexRetriever.retrieve", "CompactAndRefine.synthesize") in edges(graph, "then")
    assert ("OpenAI.predict", "OpenAI.chat") in edges(graph, "call")


def test_calls_without_a_parent_follow_one_another() -> None:
    graph = by_operation(snapshot(sdk_calls()))
    assert [node.label for node in graph.nodes] == ["START", "embeddings", "chat", "END"]
    assert edges(graph, "then") == {("embeddings", "chat")}
    assert edges(graph, "call") == {("START", "embeddings"), ("chat", "END")}


def test_many_unrelated_outermost_operations_are_not_put_in_an_order() -> None:
    recorder = Recorder()
    for number in range(20):
        recorder.span(f"GET /{number}", Kind.HTTP, number * 10, number * 10 + 5)
    graph = by_operation(snapshot(recorder))
    assert edges(graph, "then") == set()
    assert len(edges(graph, "call")) == 40


def test_a_node_sums_up_its_calls() -> None:
    graph = by_operation(snapshot(agent_loop()))
    node = next(node for node in graph.nodes if node.label == "read_file")
    assert (node.calls, node.errors, node.pending, node.total) == (4, 1, 0, 4 * 109 * MS)
    assert node.kind == Kind.TOOL


def test_a_node_leads_to_its_newest_failed_call_else_to_its_newest() -> None:
    recorder = agent_loop()
    graph = by_operation(snapshot(recorder))
    failed = next(key for key, row in recorder.rows.items() if row[-1] == 2)
    keys = {node.label: node.key for node in graph.nodes}
    assert keys["read_file"] == failed
    assert keys["model"] == max(key for key, row in recorder.rows.items() if row[5] == recorder.names["model"])
    assert keys["START"] == keys["END"] == 1  # the run that they stand for


def test_errors_are_on_the_edges_that_led_to_them() -> None:
    graph = by_operation(snapshot(support_agent()))
    named = {node.id: node.label for node in graph.nodes}
    red = {(named[e.source], named[e.target]) for e in graph.edges if e.errors}
    assert red == {("act", "lookup_order"), ("lookup_order", "POST orders:8080")}


def test_a_failed_step_colours_the_edge_from_the_step_before() -> None:
    recorder = Recorder()
    root = recorder.span("graph", Kind.CHAIN, 0, 100, error=True)
    recorder.span("first", Kind.CHAIN, 1, 40, root)
    recorder.span("second", Kind.CHAIN, 45, 99, root, error=True)
    graph = by_operation(snapshot(recorder))
    assert [(e.relation, e.errors) for e in graph.edges if e.errors] == [("then", 1)]
    assert next(node for node in graph.nodes if node.id == END).errors == 1


def test_runs_of_one_operation_stand_behind_start_and_end_unless_it_calls_itself() -> None:
    assert "LangGraph" not in {node.label for node in by_operation(snapshot(agent_loop())).nodes}
    recorder = Recorder()
    outer = recorder.span("solve", Kind.CHAIN, 0, 100)
    recorder.span("solve", Kind.CHAIN, 10, 90, outer)
    graph = by_operation(snapshot(recorder))
    assert [node.label for node in graph.nodes] == ["START", "solve", "END"]
    assert not any(edge.source == edge.target for edge in graph.edges)


def test_a_single_call_stands_between_start_and_end() -> None:
    graph = by_operation(snapshot(one()))
    assert edges(graph, "call") == {("START", "ChatOpenAI"), ("ChatOpenAI", "END")}


def test_no_spans_no_graph() -> None:
    empty = Snapshot.of(SpanTable(), 0)
    assert by_operation(empty).nodes == by_call(empty).nodes == ()


def test_thousands_of_operations_are_folded_into_the_ones_that_took_longest() -> None:
    recorder = Recorder()
    root = recorder.span("root", Kind.CHAIN, 0, 10_000)
    for number in range(3000):
        recorder.span(f"call-{number}", Kind.TOOL, number, number + 1 + number / 1000, root)
    graph = by_operation(snapshot(recorder))
    assert len(graph.nodes) <= MAX_OPERATIONS + 2
    assert len(graph.edges) <= MAX_EDGES
    assert graph.folded.startswith("The 100 operations that took longest, of 3,001.")
    assert "call-2999" in {node.label for node in graph.nodes}


def test_by_call_shows_each_call_once() -> None:
    recorder = support_agent()
    graph = by_call(snapshot(recorder))
    assert len(graph.nodes) == len(recorder.rows) - 1 + 2  # the run itself is START and END
    assert [node.label for node in graph.nodes].count("ChatOpenAI") == 2
    assert graph.folded == ""


def test_by_call_shows_the_run_of_the_selected_span_where_all_are_too_many() -> None:
    recorder = big(operations=60, runs=20)
    shot = snapshot(recorder)
    newest = by_call(shot)
    assert newest.folded.startswith("60 calls of one run of ")
    other = by_call(shot, focus=5)
    assert int(shot.key[5]) in {node.id for node in other.nodes}
    assert not {node.id for node in other.nodes if node.id > 0} & {node.id for node in newest.nodes if node.id > 0}


def test_by_call_folds_a_huge_run_and_says_so_and_keeps_the_selected_span() -> None:
    recorder = Recorder()
    root = recorder.span("root", Kind.CHAIN, 0, 10_000)
    chain = root
    for number in range(1000):
        recorder.span("leaf", Kind.TOOL, number, number + 1, root)
    for number in range(5):
        chain = recorder.span("deep", Kind.CHAIN, 2000 + number, 3000 - number, chain)
    shot = snapshot(recorder)
    graph = by_call(shot, focus=shot.n - 1)
    assert len(graph.nodes) <= MAX_CALLS + 2
    assert chain in {node.id for node in graph.nodes}
    assert "the 606 deeper ones are folded" in graph.folded


def test_a_parent_that_arrives_while_a_worker_reads_is_not_looked_for() -> None:
    recorder = Recorder()
    recorder.span("child", Kind.TOOL, 5, 9, parent=2)
    table = SpanTable()
    table.apply(recorder.delta())
    early = table.parent
    recorder.span("parent", Kind.CHAIN, 0, 10)
    table.apply(recorder.delta())
    assert early.max() >= len(early)  # the column was changed under the reader
    shot = Snapshot.of(table, T0)
    assert by_operation(shot).topology[0] >= {START, END}


def test_equal_topologies_whatever_the_figures() -> None:
    recorder = support_agent()
    table = recorder.table()
    before = by_operation(Snapshot.of(table, table.latest))
    recorder.span("answer", Kind.CHAIN, 1256, 1724, 1, key=10)
    table.apply(recorder.delta())
    after = by_operation(Snapshot.of(table, table.latest))
    assert before.topology == after.topology
    assert before.nodes != after.nodes
