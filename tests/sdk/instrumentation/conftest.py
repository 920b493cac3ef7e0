"""A real PULL socket that collects what this process's FlowScope sends, and what tests ask of it."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import zmq
from llamaindex_parts import WORDS
from model_server import ModelServer, model_server
from patience import PATIENCE, PATIENCE_MS

import flowscope
from flowscope import _guard, instrumentation


@dataclass
class SpanRecord:
    """A record in its last state, and the records under it."""

    record: dict[str, Any]
    children: list[SpanRecord] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.record[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def kind(self) -> str:
        return self.record["metadata"]["flowscope.kind"]

    def named(self, operation: str) -> list[SpanRecord]:
        """All below with this operation, by start."""
        found = [child for child in self.children if child.operation == operation]
        for child in self.children:
            found += child.named(operation)
        return sorted(found, key=lambda span: span.start_time)

    def shape(self) -> Any:
        """The operation, or the operation with its children's shapes."""
        if not self.children:
            return self.operation
        return {self.operation: [child.shape() for child in self.children]}


class Trace:
    """Everything received so far."""

    def __init__(self, records: dict[str, dict[str, Any]]) -> None:
        self.spans = {id_: SpanRecord(record) for id_, record in records.items()}
        self.roots: list[SpanRecord] = []
        for span in sorted(self.spans.values(), key=lambda span: (span.start_time, span.id)):
            parent = self.spans.get(span.parent_id or "")
            (parent.children if parent else self.roots).append(span)

    def named(self, operation: str) -> list[SpanRecord]:
        return sorted((s for s in self.spans.values() if s.operation == operation), key=lambda span: span.start_time)

    def one(self, operation: str) -> SpanRecord:
        (span,) = self.named(operation)
        return span

    def parent(self, span: SpanRecord) -> SpanRecord | None:
        return self.spans.get(span.parent_id or "")

    def shapes(self) -> list[Any]:
        return [root.shape() for root in self.roots]

    def pending(self) -> list[str]:
        return [span.operation for span in self.spans.values() if span.status == "pending"]


class Sink:
    """The other end of FLOWSCOPE_ADDR."""

    def __init__(self, addr: str) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PULL)
        self._socket.setsockopt(zmq.RCVHWM, 0)
        self._socket.setsockopt(zmq.RCVTIMEO, PATIENCE_MS)
        self.addr = addr
        self._socket.bind(addr)
        self.records: dict[str, dict[str, Any]] = {}

    def trace(self) -> Trace:
        """All that this process has recorded up to now."""
        assert flowscope.flush(PATIENCE)
        mark = f"mark {uuid.uuid4()}"
        with flowscope.trace(mark):
            pass
        assert flowscope.flush(PATIENCE)
        self.receive_until(lambda trace: any(span.status != "pending" for span in trace.named(mark)))
        self.records = {id_: record for id_, record in self.records.items() if record["operation"] != mark}
        return Trace(self.records)

    def receive_until(self, done: Callable[[Trace], bool]) -> Trace:
        """Receive until `done` holds of all that has come."""
        while not done(trace := Trace(self.records)):
            header, body = self._socket.recv_multipart()
            assert json.loads(header)["dropped"] == 0
            self.records.update((record["id"], record) for record in json.loads(body))
        return trace

    def close(self) -> None:
        self._socket.close(0)
        self._context.term()


@pytest.fixture
def sink(free_addr: str) -> Iterator[Sink]:
    """A PULL socket nobody pushes to yet."""
    opened = Sink(free_addr)
    yield opened
    opened.close()


@pytest.fixture
def traced(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """This process traced, both frameworks instrumented. An error of our own fails the test, whoever swallowed it."""
    errors: list[str] = []
    fail = _guard.failed

    def failed(where: str, error: BaseException) -> None:
        errors.append(f"{where}: {error!r}")
        fail(where, error)

    monkeypatch.setattr(_guard, "failed", failed)
    flowscope.init(addr=sink.addr, auto_trace=["langchain", "llamaindex"])
    yield sink
    flowscope.shutdown(0)
    assert errors == []
    assert all(row.why == "" for row in instrumentation.status() if row.loaded and row.active)


@pytest.fixture
def attach(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Sink]]:
    """Traces this process with the integrations named; afterwards they are gone. An error of our own fails the test."""
    errors: list[str] = []
    fail = _guard.failed

    def failed(where: str, error: BaseException) -> None:
        errors.append(f"{where}: {error!r}")
        fail(where, error)

    def attach(*names: str, errors_fail: bool = True) -> Sink:
        instrumentation.deactivate()
        if errors_fail:
            for module in list(sys.modules.values()):
                if getattr(module, "__name__", "").startswith("flowscope.") and hasattr(module, "failed"):
                    monkeypatch.setattr(module, "failed", failed)
        flowscope.init(addr=sink.addr, auto_trace=list(names))
        return sink

    yield attach
    flowscope.shutdown(0)
    instrumentation.deactivate()
    assert errors == []


@pytest.fixture
def llamaindex_mocks() -> None:
    """LlamaIndex with models that ask nobody."""
    from llama_index.core import MockEmbedding, Settings
    from llama_index.core.llms import MockLLM

    Settings.llm, Settings.embed_model = MockLLM(max_tokens=WORDS), MockEmbedding(embed_dim=4)


@pytest.fixture
def index(llamaindex_mocks: None, traced: Sink) -> Any:
    """Two documents in a LlamaIndex index, whose making is not in what is collected."""
    from llama_index.core import Document, VectorStoreIndex

    made = VectorStoreIndex.from_documents([Document(text="oak", doc_id="o"), Document(text="elm", doc_id="e")])
    traced.trace()
    traced.records.clear()
    return made


@pytest.fixture
def models() -> Iterator[ModelServer]:
    """A server that speaks the providers' wire formats."""
    with model_server() as server:
        yield server
