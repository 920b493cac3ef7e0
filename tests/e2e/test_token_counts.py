"""Tokens that two levels of one call tell of are counted once, from the program to the collector's sums."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from model_server import model_server
from patience import PATIENCE

from flowscope_app.analysis.metrics import measure
from flowscope_app.analysis.snapshot import Snapshot
from flowscope_app.spans.table import SpanTable

PROGRAM = """
import asyncio
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langchain_core.prompts import ChatPromptTemplate

model = ChatOpenAI(model="gpt-4o", base_url={url!r} + "/v1", api_key="sk-test", stream_usage=True)
chain = ChatPromptTemplate.from_template("{{question}}") | model
print(chain.invoke({{"question": "What is the weather?"}}).text)
print("".join(piece.text for piece in chain.stream({{"question": "What is the weather?"}})))


async def main():
    print((await chain.ainvoke({{"question": "What is the weather?"}})).text)
    print("".join([piece.text async for piece in chain.astream({{"question": "What is the weather?"}})]))


asyncio.run(main())
"""


def test_langchain_over_openai_counts_once(collector: Any, tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    with model_server() as models:
        path.write_text(PROGRAM.format(url=models.url))
        environment = {key: value for key, value in os.environ.items() if not key.startswith("FLOWSCOPE_")}
        environment |= {"FLOWSCOPE_ADDR": collector.addr, "FLOWSCOPE_SESSION": "once"}
        done = subprocess.run(
            [sys.executable, str(path)], env=environment, capture_output=True, text=True, timeout=PATIENCE
        )
    assert done.stdout.splitlines() == ["Twelve degrees and clear."] * 4, done.stderr
    collector.wait_spans(16)
    with contextlib.closing(collector.reader()) as reader:
        (session,) = reader.sessions()
        assert (session.tokens_in, session.tokens_out) == (400, 80)
        table = SpanTable()
        table.apply(reader.spans_since(session.key, 0))
        of_models = measure(Snapshot.of(table, table.latest), "model")
        assert (of_models.tokens_in.sum(), of_models.tokens_out.sum()) == (400, 80)
        records = {record.id: record for record in reader.records(session.key)}
    models_seen = [record for record in records.values() if record.metadata["flowscope.kind"] == "llm"]
    outer = [record for record in models_seen if record.framework == "langchain"]
    inner = [record for record in models_seen if record.framework == "openai"]
    assert len(outer) == len(inner) == 4
    assert sorted(record.parent_id for record in inner) == sorted(record.id for record in outer)
    for record in outer:
        assert record.metadata["gen_ai.usage.input_tokens"] == 100
        assert record.metadata["flowscope.usage.counted"] is False
    for record in inner:
        assert record.metadata["gen_ai.usage.input_tokens"] == 100
        assert "flowscope.usage.counted" not in record.metadata
