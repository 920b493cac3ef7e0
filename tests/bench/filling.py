"""Databases of many spans for the benchmarks, written by the store's own writer in large transactions."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

from flowscope.protocol import Header, ProducerInfo, Record
from flowscope_app.store import Incoming, StoreWriter

BATCH = 10_000
CALLS = 20  # below one root
START = 1_790_000_000_000_000_000
STEP_NS = 1_000_003
ID_BASE = 0x5EED_C0FFEE << 24
INPUT = '{"messages":[{"role":"user","content":"Where is my order? It was due on Tuesday. %d"}],"temperature":0.2}'
OUTPUT = b'{"role":"assistant","content":"It left our warehouse on Monday and is with the carrier now."}'


def span(number: int, session: str) -> Record:
    """A finished span of about 600 bytes of JSON: one of twenty calls below a root."""
    root = number - number % (CALLS + 1)
    start = START + number * STEP_NS
    return Record(
        id=f"{ID_BASE + number:016x}",
        session_id=session,
        parent_id=None if number == root else f"{ID_BASE + root:016x}",
        operation=f"ChatModel.invoke {number - root}",
        framework="langchain",
        language="python",
        start_ns=start,
        end_ns=start + STEP_NS,
        input=(INPUT % number).encode(),
        output=OUTPUT,
        metadata={"flowscope.kind": "llm", "flowscope.trace_id": f"{root:032x}", "gen_ai.request.model": "m-1"},
        status="success",
    )


def batches(session: Callable[[int], str], spans: int, first: int = 0) -> Iterator[Incoming]:
    """Numbered batches of one producer: spans `first` to `first + spans - 1`, the session of each by its number."""
    info = ProducerInfo("filler", "fill", "fill.py", os.getpid(), "", "python", "python", "")
    for begin in range(first, first + spans, BATCH):
        records = [span(number, session(number)) for number in range(begin, min(begin + BATCH, first + spans))]
        yield Incoming(Header(1, info, begin + 1, len(records)), records)


def fill(db: str, session: Callable[[int], str], spans: int, *, index: bool = True) -> float:
    """Write so many spans, and index them; returns the seconds that writing took."""
    with StoreWriter.open(db) as writer:
        begun = time.perf_counter()
        for batch in batches(session, spans):
            writer.write([batch])
        took = time.perf_counter() - begun
        while index and writer.index(1.0):
            pass
    return took
