"""Every way of attaching a program gives the same tree, in processes of their own; what the registry says is so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from patience import OUTLASTS, PATIENCE

import flowscope
from flowscope import instrumentation

FRAMEWORKS = """
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langgraph.graph import START, StateGraph
from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.llms import MockLLM
"""
PROGRAM = """
Settings.llm, Settings.embed_model = MockLLM(max_tokens=2), MockEmbedding(embed_dim=4)
chain = ChatPromptTemplate.from_template("{x}") | FakeListChatModel(responses=["yes"])
graph = StateGraph(dict)
graph.add_node("node", lambda state: {"y": chain.invoke({"x": state["x"]}).content})
graph.add_edge(START, "node")
print(graph.compile().invoke({"x": 1}))
engine = VectorStoreIndex.from_documents([Document(text="oak")]).as_query_engine(streaming=True)
print("".join(engine.query("wood?").response_gen))
RunnableLambda(lambda x: x, name="last").invoke(1)
"""
WAYS = {
    "import first": ("import flowscope.auto" + FRAMEWORKS + PROGRAM, True),
    "import last": (FRAMEWORKS + "import flowscope.auto" + PROGRAM, True),
    "init": ("import flowscope\nflowscope.init(auto_trace=['langchain', 'llama_index'])" + FRAMEWORKS + PROGRAM, False),
    "init with langgraph's name": (
        FRAMEWORKS + "import flowscope\nflowscope.init(auto_trace='langgraph,llamaindex')" + PROGRAM,
        True,
    ),
    "environment": (FRAMEWORKS + PROGRAM, True),
    "all at once": ("import flowscope.auto, flowscope\nflowscope.init(auto_trace='all')" + FRAMEWORKS + PROGRAM, True),
}


def run(source: str, environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    program = folder / "app.py"
    program.write_text(source)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSCOPE_")}
    return subprocess.run(
        [sys.executable, str(program)],
        env={**inherited, "FLOWSCOPE_RAISE": "1", "FLOWSCOPE_FLUSH_TIMEOUT": str(OUTLASTS), **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


ROOTS = [
    "LangGraph",
    "SentenceSplitter.__call__",
    "MockEmbedding.get_text_embedding_batch",
    "RetrieverQueryEngine.query",
]


def whole(trace: Any, roots: list[str]) -> bool:
    """Whether these roots and all below them have come, ended; spans come in any order."""
    leaves = {span.operation for span in trace.spans.values()}
    below = {"FakeListChatModel", *(["MockLLM.stream_complete"] if ROOTS[-1] in roots else [])}
    return [root.operation for root in trace.roots] == roots and not trace.pending() and below <= leaves


def shape(span: Any) -> Any:
    """Operation, kind and children, the same in every run."""
    return span.operation, span.kind, span.status, [shape(child) for child in span.children]


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    """The tree of the first way, which all others must give."""
    return {}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_the_same_tree(way: str, sink: Any, tmp_path: Path, expected: dict[str, Any]) -> None:
    source, in_environment = WAYS[way]
    if in_environment:
        environment = {"FLOWSCOPE_ADDR": sink.addr}
    else:
        source, environment = source.replace("auto_trace=", f"addr={sink.addr!r}, auto_trace="), {}
    done = run(source, environment, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "{'y': 'yes'}\ntext text\n"
    trace = sink.receive_until(lambda trace: whole(trace, [*ROOTS, "last"]))
    found = [shape(root) for root in trace.roots]
    assert found == expected.setdefault("tree", found)


def test_only_what_is_asked_for_is_instrumented(sink: Any, tmp_path: Path) -> None:
    done = run(FRAMEWORKS + PROGRAM, {"FLOWSCOPE_ADDR": sink.addr, "FLOWSCOPE_AUTO": "langgraph"}, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    trace = sink.receive_until(lambda trace: whole(trace, ["LangGraph", "last"]))
    assert {span.framework for span in trace.spans.values()} == {"langchain", "langgraph"}


@pytest.mark.parametrize("first", ["langchain_core.language_models", "langchain_core.retrievers", "langgraph.graph"])
def test_all_is_patched_whatever_the_program_imports_first(first: str, tmp_path: Path) -> None:
    source = f"""
import {first}
from langchain_core.callbacks.manager import AsyncCallbackManager
from langchain_core.language_models import BaseChatModel, BaseLLM
from langchain_core.retrievers import BaseRetriever
from langchain_core.tracers import context
for owner in (AsyncCallbackManager, BaseChatModel, BaseLLM, BaseRetriever):
    print(owner.__name__, sorted(name for name, method in vars(owner).items() if hasattr(method, "__flowscope__")))
print([type(variable.get()).__name__ for variable, *_ in context._configure_hooks][1:])
"""
    done = run(source, {"FLOWSCOPE_ADDR": "tcp://127.0.0.1:1"}, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "AsyncCallbackManager ['on_llm_start']",
        "BaseChatModel ['_agenerate_with_cache', '_generate_with_cache', 'astream', 'stream']",
        "BaseLLM ['_agenerate_helper', '_generate_helper', 'astream', 'stream']",
        "BaseRetriever ['ainvoke', 'invoke']",
        "['FlowScopeHandler']",
    ]


def test_an_unknown_name_is_warned_of_once_and_the_program_runs(sink: Any, tmp_path: Path) -> None:
    source = "import flowscope.auto, flowscope\nflowscope.init(auto_trace=['langchian'])" + FRAMEWORKS + PROGRAM
    done = run(source, {"FLOWSCOPE_ADDR": sink.addr, "FLOWSCOPE_AUTO": "langchian,llamaindex"}, tmp_path)
    assert done.returncode == 0
    assert done.stdout == "{'y': 'yes'}\ntext text\n"
    assert done.stderr == "flowscope: no integration is called 'langchian'; did you mean langchain?\n"


def test_importing_the_registry_imports_no_framework() -> None:
    source = "import sys, flowscope.instrumentation as i; i.activate('all'); print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", source], text=True).split()
    assert "flowscope._hooks" in loaded
    unwanted = ("zmq", "langchain", "llama_index", "pydantic", "asyncio", "importlib.metadata", "dataclasses")
    assert [name for name in loaded if name.startswith(unwanted)] == []


def by_name() -> dict[str, instrumentation.Status]:
    return {row.name: row for row in instrumentation.status()}


def test_the_status_says_what_is_patched_and_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    instrumentation.deactivate()
    import langchain_core.tracers.context as context

    hooks = len(context._configure_hooks)
    row = by_name()["langchain"]
    assert (row.active, row.loaded, row.patched, row.why) == (False, True, False, "not asked for")
    assert row.supported == ">=0.1.19,<2"

    assert instrumentation.activate("langgraph") == ["langchain"]
    assert instrumentation.activate(["langchain", "none", ""]) == ["langchain"]
    row = by_name()["langchain"]
    assert (row.active, row.patched, row.why) == (True, True, "")
    assert len(context._configure_hooks) == hooks + 1
    assert by_name()["llamaindex"].patched is False

    monkeypatch.setattr(instrumentation, "_version", lambda package: {"langchain-core": "0.1.9"}.get(package))
    assert by_name()["langchain"].why == "langchain-core 0.1.9 is older than 0.1.19, the oldest supported"
    assert by_name()["llamaindex"].why == "llama-index-core is not installed"
    monkeypatch.setattr(instrumentation, "_version", lambda package: "2.0.1")
    assert by_name()["langchain"].why == "langchain-core 2.0.1 is newer than any tested (>=0.1.19,<2)"

    instrumentation.deactivate()
    assert len(context._configure_hooks) == hooks


def test_a_version_too_old_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    instrumentation.deactivate()
    monkeypatch.setattr(instrumentation, "_version", lambda package: "0.0.354")
    instrumentation.activate("langchain")
    assert by_name()["langchain"].patched is False
    instrumentation.deactivate()


def test_an_integration_that_fails_is_told_of_and_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    instrumentation.deactivate()
    from flowscope.instrumentation import langchain

    def broken(module: Any) -> None:
        raise RuntimeError("not today")

    monkeypatch.setenv("FLOWSCOPE_RAISE", "0")
    monkeypatch.setattr(langchain, "install", broken)
    instrumentation.activate("langchain")
    row = by_name()["langchain"]
    assert (row.patched, row.why) == (False, "RuntimeError: not today")
    monkeypatch.undo()
    instrumentation.deactivate()
    instrumentation.activate("langchain")
    assert by_name()["langchain"].why == ""


def test_what_is_taken_back_leaves_the_framework_as_it_was(traced: Any) -> None:
    from langchain_core.callbacks.manager import AsyncCallbackManager
    from langchain_core.language_models import BaseChatModel, BaseLLM
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.runnables import RunnableLambda
    from llama_index_instrumentation import get_dispatcher

    def ours() -> list[str]:
        found = [
            f"{owner.__name__}.{name}"
            for owner in (AsyncCallbackManager, BaseChatModel, BaseLLM, BaseRetriever)
            for name, method in vars(owner).items()
            if hasattr(method, "__flowscope__")
        ]
        root = get_dispatcher("root")
        handlers = [type(each).__name__ for each in (*root.span_handlers, *root.event_handlers)]
        return found + [name for name in handlers if name.startswith("FlowScope")]

    assert {"BaseChatModel.stream", "FlowScopeSpanHandler", "FlowScopeEventHandler"} <= set(ours())
    instrumentation.deactivate()
    assert ours() == []
    RunnableLambda(lambda x: x).invoke(1)
    assert traced.trace().spans == {}
    flowscope.init(auto_trace="all")
    assert "BaseChatModel.stream" in ours()


def test_anothers_patch_on_top_of_ours_stays(attach: Any) -> None:
    """Other tracers patch the same methods, and `functools.wraps` makes theirs look like ours."""
    import functools

    import openai

    client = openai._base_client.SyncAPIClient
    before = client.request
    attach("openai")
    ours = client.request

    @functools.wraps(ours)
    def theirs(*args: Any, **kwargs: Any) -> Any:
        return ours(*args, **kwargs)

    client.request = theirs
    try:
        instrumentation.deactivate("openai")
        assert client.request is theirs
        attach("openai")
        assert client.request is theirs
    finally:
        client.request = before
