"""Tokens that two levels of one call tell of are counted once, from the program to the collector's sums."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from model_server import model_server
from patience import OUTLASTS, PATIENCE

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

GATEWAY = """
import openai, uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

app = FastAPI()
client = openai.AsyncOpenAI(base_url={url!r} + "/v1", api_key="sk-test")


@app.post("/v1/chat/completions")
async def chat(request: Request):
    asked = await request.json()
    answer = await client.chat.completions.create(**asked)
    if not asked.get("stream"):
        return answer.model_dump()

    async def pieces():
        async for piece in answer:
            yield f"data: {{piece.model_dump_json()}}\\n\\n"
        yield "data: [DONE]\\n\\n"

    return StreamingResponse(pieces(), media_type="text/event-stream")


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)


Server(uvicorn.Config(app, port=0, log_level="warning")).run()
"""

CLIENT = """
import openai

client = openai.OpenAI(base_url="http://127.0.0.1:{port}/v1", api_key="sk-test")
asked = {{"model": "gpt-4o", "messages": [{{"role": "user", "content": "What is the weather?"}}]}}
print(client.chat.completions.create(**asked).choices[0].message.content)
for more in ({{"stream_options": {{"include_usage": True}}}}, {{}}):
    stream = client.chat.completions.create(**asked, stream=True, **more)
    print("".join(piece.choices[0].delta.content or "" for piece in stream if piece.choices))
"""


def test_a_gateway_and_its_caller_count_once(collector: Any, tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FLOWSCOPE_")}
    environment |= {"FLOWSCOPE_ADDR": collector.addr, "FLOWSCOPE_FLUSH_TIMEOUT": str(OUTLASTS)}
    with contextlib.ExitStack() as stack:
        models = stack.enter_context(model_server())
        (tmp_path / "gateway.py").write_text(GATEWAY.format(url=models.url))
        gateway = stack.enter_context(
            subprocess.Popen(
                [sys.executable, str(tmp_path / "gateway.py")], env=environment, stdout=subprocess.PIPE, text=True
            )
        )
        stack.callback(gateway.kill)
        assert gateway.stdout is not None
        (tmp_path / "client.py").write_text(CLIENT.format(port=int(gateway.stdout.readline())))
        environment["FLOWSCOPE_SESSION"] = "gateway"
        done = subprocess.run(
            [sys.executable, str(tmp_path / "client.py")], env=environment, capture_output=True, text=True, timeout=90
        )
        assert done.stdout.splitlines() == ["Twelve degrees and clear."] * 3, done.stderr
        collector.wait_spans(9)  # a call, the gateway's request and its own call, three times
    with contextlib.closing(collector.reader()) as reader:
        (session,) = reader.sessions()
        records = list(reader.records(session.key))
        # The last stream was asked for no usage, so nobody tells its tokens.
        assert (session.tokens_in, session.tokens_out) == (200, 40)
    outer = {record.id for record in records if record.metadata["flowscope.kind"] == "llm" and not record.parent_id}
    inner = [record for record in records if "flowscope.usage.caller" in record.metadata]
    assert (len(outer), len(inner)) == (3, 2)
    assert {record.metadata["flowscope.usage.caller"] for record in inner} < outer


def test_langchain_over_openai_counts_once(collector: Any, tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    with model_server() as models:
        path.write_text(PROGRAM.format(url=models.url))
        environment = {key: value for key, value in os.environ.items() if not key.startswith("FLOWSCOPE_")}
        environment |= {
            "FLOWSCOPE_ADDR": collector.addr,
            "FLOWSCOPE_SESSION": "once",
            "FLOWSCOPE_FLUSH_TIMEOUT": str(OUTLASTS),
        }
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
