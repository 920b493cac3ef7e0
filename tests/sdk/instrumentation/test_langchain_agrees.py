"""FlowScope and LangChain's own run collector watch the same programs, and must tell the same, in every version.

`make test` runs this with the newest LangChain, `make matrix` with older ones, where what a version lacks is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import get_buffer_string
from langchain_core.tracers.context import run_collector_var
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from langchain_programs import (
    PROGRAMS,
    Program,
    lcel_with_parallel,
)
from pydantic_core import to_jsonable_python
from versions import find, release

pytestmark = pytest.mark.filterwarnings("ignore")  # LangChain's own, of many versions


class Collector(RunCollectorCallbackHandler):
    """LangChain's run collector, which keeps a chat model's messages as LangChain's tracer does, and copies at once:
    it holds what the program may change after the call.
    """

    def __init__(self) -> None:
        # Before 0.2 it kept a chat model's messages as one text.
        options: Any = {"_schema_format": "original+chat"} if release("langchain-core") >= (0, 2) else {}
        super().__init__(**options)
        self.told: dict[Any, dict[str, Any]] = {}
        self.given: dict[Any, Any] = {}

    def _start_trace(self, run: Any) -> None:
        super()._start_trace(run)
        self.told[run.id] = {"inputs": plain(run.inputs), "outputs": None}
        self.given[run.id] = run.inputs

    def _end_trace(self, run: Any) -> None:
        self.told[run.id]["outputs"] = plain(run.outputs) or None
        if run.inputs is not self.given[run.id]:  # a stream's input is known at its end
            self.told[run.id]["inputs"] = plain(run.inputs)
        super()._end_trace(run)


def plain(value: Any) -> Any:
    # pydantic 1's models, which LangChain's were up to 0.2
    def other(held: Any) -> Any:
        return held.dict() if hasattr(held, "__fields__") else repr(held)

    return to_jsonable_python(value, fallback=other, serialize_as_any=True)


def walk(runs: list[Any]) -> Iterator[Any]:
    for run in runs:
        yield run
        yield from walk(run.child_runs)


def run_both(run: Program) -> Collector:
    """Run a program with the collector as a callback (a graph does not let one from the context see its inside)."""
    collector = Collector()
    try:
        result = run({"callbacks": [collector]})
        if isinstance(result, Iterator):
            list(result)
    except Exception as error:
        assert run.__name__.startswith(("raising", "langgraph_node_that_raises")), error
    return collector


def spans_by_run(trace: Any) -> dict[str, Any]:
    """The spans of LangChain's runs; embeddings and those made by hand are none."""
    runs = [span for span in trace.spans.values() if "langchain.run_id" in span.metadata]
    return {span.metadata["langchain.run_id"]: span for span in runs}


def parent_run(trace: Any, span: Any) -> Any:
    """The nearest span around one that is a run."""
    above = trace.parent(span)
    while above is not None and "langchain.run_id" not in above.metadata:
        above = trace.parent(above)
    return above


def prompts(given: Any) -> Any:
    """A chat model's input as LangChain's tracer kept it before it kept messages."""
    find_load = find("langchain_core.load:load")
    return {"prompts": [get_buffer_string([find_load(each) for each in batch]) for batch in given["messages"]]}


def as_before(run: Any, given: Any) -> list[Any]:
    """How older tracers would have kept a span's input: FlowScope keeps messages and arguments in every version."""
    if run.run_type == "llm" and "messages" in given:
        return [prompts(given)]
    return [{"input": str(given)}] if run.run_type == "tool" else []


KINDS = {"chat_model": "llm"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_runs_parents_inputs_outputs_and_errors(
    name: str, traced: Any, caplog: pytest.LogCaptureFixture
) -> None:
    collector = run_both(PROGRAMS[name])
    if "Error in Collector" in caplog.text and release("langchain-core") < (0, 3):
        pytest.skip("LangChain's tracer fails")
    trace = traced.trace()
    spans = spans_by_run(trace)
    runs = {str(run.id): run for run in walk(collector.traced_runs)}

    assert runs
    assert {run.name for run in runs.values()} == {span.operation for span in spans.values()}
    assert runs.keys() == spans.keys()
    for id_, run in runs.items():
        span = spans[id_]
        parent = spans[str(run.parent_run_id)] if run.parent_run_id else None
        told = collector.told[run.id]
        assert span.operation == run.name
        assert parent_run(trace, span) is parent, run.name
        assert told["inputs"] in (span.input, *as_before(run, span.input)), run.name
        assert span.output == (None if not (told["outputs"] or {}).get("generations", True) else told["outputs"]), (
            run.name
        )
        assert span.metadata.get("langchain.tags", []) == (run.tags or []), run.name
        assert span.kind in (KINDS.get(run.run_type, run.run_type), "agent"), run.name
        if run.error is None:
            assert (span.status, span.error) == ("success", None), run.name
        else:
            assert span.status == "error"
            kind, _, text = span.error.partition(": ")
            assert run.error.startswith(kind) and text.strip("'\"") in run.error
            last_line = run.error.strip().splitlines()[-1]
            assert span.metadata["flowscope.exception.stacktrace"].splitlines()[-1] in last_line


def test_the_collector_of_the_context_agrees(traced: Any) -> None:
    collector = RunCollectorCallbackHandler()
    token = run_collector_var.set(collector)
    try:
        lcel_with_parallel({})
    finally:
        run_collector_var.reset(token)
    spans = spans_by_run(traced.trace())
    runs = {str(run.id): run for run in walk(collector.traced_runs)}
    assert runs.keys() == spans.keys()
    models = [run for run in runs.values() if run.run_type == "llm"]
    assert len(models) == 2
    for run in models:
        assert run.inputs == prompts(spans[str(run.id)].input)
