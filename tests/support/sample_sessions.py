"""Sessions built by hand, as the SDK's integrations would record them."""

from __future__ import annotations

import random

import numpy as np

from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.spans.table import NO_END, SPAN_DTYPE, SpanDelta, SpanTable, Track

MS = 1_000_000
T0 = 1_790_000_000_000_000_000  # ns since the epoch, in 2026


class Recorder:
    """Collects spans; `delta()` hands out what was added or changed since the last one."""

    def __init__(self) -> None:
        self.rows: dict[int, tuple[object, ...]] = {}
        self.names: dict[str, int] = {"": 0}
        self.tracks = {1: Track(1, "support_bot.py", "python 3.12 · pid 41822 · MainThread", "p1")}
        self._fresh: list[int] = []
        self._change = 0

    def name(self, text: str) -> int:
        return self.names.setdefault(text, len(self.names))

    def span(
        self,
        op: str,
        kind: Kind,
        start: float,
        end: float | None,
        parent: int = 0,
        *,
        error: bool = False,
        tokens: tuple[int, int] = (0, 0),
        model: str = "",
        key: int = 0,
    ) -> int:
        """Add (or replace, by `key`) a span; times in ms, `end` None while pending; returns its key."""
        key = key or len(self.rows) + 1
        status = Status.PENDING if end is None else Status.ERROR if error else Status.SUCCESS
        last = NO_END if end is None else T0 + int(end * MS)
        self.rows[key] = (
            key, 1000 + key, 1000 + parent if parent else 0, T0 + int(start * MS), last, self.name(op),
            self.name("langchain"), self.name("python"), self.name(model), 1, *tokens, kind, status,
        )  # fmt: skip
        self._fresh.append(key)
        return key

    def delta(self) -> SpanDelta:
        keys, self._fresh = list(dict.fromkeys(self._fresh)), []
        self._change += len(keys)
        rows = np.array([self.rows[key] for key in keys], SPAN_DTYPE)
        return SpanDelta(rows, {number: text for text, number in self.names.items()}, self.tracks, self._change)

    def table(self) -> SpanTable:
        table = SpanTable()
        table.apply(self.delta())
        return table


def support_agent(*, running: bool = True) -> Recorder:
    """The LangGraph support agent of the design's picture."""
    r = Recorder()
    root = r.span("LangGraph support-agent", Kind.CHAIN, 8, None if running else 1728)
    plan = r.span("plan", Kind.CHAIN, 16, 488, root)
    r.span("ChatOpenAI", Kind.LLM, 24, 476, plan, tokens=(620, 88), model="gpt-4o-mini")
    act = r.span("act", Kind.CHAIN, 500, 1244, root)
    look = r.span("Retriever", Kind.RETRIEVER, 508, 848, act)
    r.span("embed", Kind.EMBEDDING, 516, 636, look)
    r.span("faiss.search", Kind.RETRIEVER, 644, 840, look)
    tool = r.span("lookup_order", Kind.TOOL, 856, 1236, act, error=True)
    r.span("POST orders:8080", Kind.HTTP, 864, 1228, tool, error=True)
    answer = r.span("answer", Kind.CHAIN, 1256, None if running else 1724, root)
    r.span("ChatOpenAI", Kind.LLM, 1262, None if running else 1722, answer, tokens=(812, 88), model="gpt-4o-mini")
    return r


def rag(queries: int = 3) -> Recorder:
    """LlamaIndex: query → retrieve → embedding → synthesize → llm."""
    r, at = Recorder(), 0.0
    for _ in range(queries):
        root = r.span("RetrieverQueryEngine.query", Kind.CHAIN, at, at + 900)
        inner = r.span("RetrieverQueryEngine._query", Kind.CHAIN, at + 1, at + 899, root)
        found = r.span("VectorIndexRetriever.retrieve", Kind.RETRIEVER, at + 2, at + 120, inner)
        deep = r.span("VectorIndexRetriever._retrieve", Kind.RETRIEVER, at + 3, at + 119, found)
        r.span("OpenAIEmbedding.get_query_embedding", Kind.EMBEDDING, at + 4, at + 90, deep, tokens=(12, 0))
        made = r.span("CompactAndRefine.synthesize", Kind.CHAIN, at + 125, at + 895, inner)
        got = r.span("CompactAndRefine.get_response", Kind.CHAIN, at + 130, at + 890, made)
        r.span("TokenTextSplitter.split_text", Kind.TASK, at + 131, at + 133, got)
        said = r.span("OpenAI.predict", Kind.LLM, at + 140, at + 888, got)
        r.span("OpenAI.chat", Kind.LLM, at + 141, at + 880, said, tokens=(1480, 212), model="gpt-4.1")
        at += 1000
    return r


def agent_loop(turns: int = 4) -> Recorder:
    """`create_agent`: model and tools in turns, two tools at once, one of them failing once."""
    r = Recorder()
    root, at = r.span("LangGraph", Kind.AGENT, 0, turns * 500 + 300), 5.0
    for turn in range(turns):
        model = r.span("model", Kind.CHAIN, at, at + 280, root)
        r.span("ChatAnthropic", Kind.LLM, at + 3, at + 275, model, tokens=(900 + 300 * turn, 60), model="claude")
        tools = r.span("tools", Kind.CHAIN, at + 285, at + 480, root)
        r.span("search_web", Kind.TOOL, at + 290, at + 470, tools)
        r.span("read_file", Kind.TOOL, at + 291, at + 400, tools, error=turn == 1)
        at += 500
    model = r.span("model", Kind.CHAIN, at, at + 280, root)
    r.span("ChatAnthropic", Kind.LLM, at + 3, at + 275, model, tokens=(2400, 300), model="claude")
    return r


def lcel() -> Recorder:
    """An LCEL pipeline with a RunnableParallel in front, run twice."""
    r = Recorder()
    for at in (0.0, 700.0):
        root = r.span("RunnableSequence", Kind.CHAIN, at, at + 640)
        both = r.span("RunnableParallel<context,question>", Kind.CHAIN, at + 1, at + 180, root)
        chain = r.span("RunnableSequence:context", Kind.CHAIN, at + 2, at + 178, both)
        r.span("VectorStoreRetriever", Kind.RETRIEVER, at + 3, at + 150, chain)
        r.span("format_docs", Kind.TASK, at + 152, at + 160, chain)
        r.span("RunnablePassthrough", Kind.CHAIN, at + 2, at + 4, both)
        r.span("ChatPromptTemplate", Kind.PROMPT, at + 182, at + 184, root)
        r.span("ChatOpenAI", Kind.LLM, at + 186, at + 630, root, tokens=(400, 120), model="gpt-4o")
        r.span("StrOutputParser", Kind.PARSER, at + 632, at + 634, root)
    return r


def big(operations: int = 60, runs: int = 20, seed: int = 7) -> Recorder:
    """A program of many operations, nested, partly parallel, one call in a hundred failing."""
    rng, r = random.Random(seed), Recorder()
    kinds = [Kind.CHAIN, Kind.LLM, Kind.TOOL, Kind.RETRIEVER, Kind.EMBEDDING, Kind.HTTP, Kind.TASK]
    names = [f"{rng.choice(['load', 'rank', 'ask', 'merge', 'check', 'plan'])}_{i}" for i in range(operations)]
    children: dict[int, list[int]] = {}
    for i in range(1, operations):
        children.setdefault(rng.randrange(max(0, i // 3 - 1), max(1, i // 2)), []).append(i)

    def run(op: int, at: float, parent: int) -> float:
        key = len(r.rows) + 1
        kind = Kind.CHAIN if op in children else kinds[op % len(kinds)]
        r.span(names[op], kind, at, None, parent, key=key)
        here, last = at + 1, at + 1
        for child in children.get(op, []):
            ended = run(child, here, key)
            last = max(last, ended)
            here = here + 0.5 if child % 5 == 0 else ended + 1
        end = max(last, at + rng.uniform(2, 90)) + 1
        tokens = (rng.randrange(100, 3000), rng.randrange(10, 400)) if kind == Kind.LLM else (0, 0)
        r.span(names[op], kind, at, end, parent, key=key, error=rng.random() < 0.01, tokens=tokens)
        return end

    at = 0.0
    for _ in range(runs):
        at = run(0, at, 0) + 5
    return r


def one() -> Recorder:
    r = Recorder()
    r.span("ChatOpenAI", Kind.LLM, 0, 840, tokens=(20, 9), model="gpt-4o")
    return r


def sdk_calls() -> Recorder:
    """A script without a framework: calls without a parent, one after the other."""
    r = Recorder()
    r.span("embeddings", Kind.EMBEDDING, 0, 80, tokens=(40, 0), model="text-embedding-3-small")
    for turn in range(3):
        r.span("chat", Kind.LLM, 100 + 400 * turn, 450 + 400 * turn, tokens=(300, 40), model="gpt-4o")
    return r
