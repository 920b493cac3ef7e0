"""MCP: a request is a span on either side of a real pipe, one trace, and nothing of the protocol is changed."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mcp
import pytest
from integration_kit import traced_environment
from mcp.client.stdio import StdioServerParameters, stdio_client

import flowscope
from flowscope import instrumentation

SERVER = """
import flowscope

try:
    from mcp.server.mcpserver import MCPServer
except ImportError:
    from mcp.server.fastmcp import FastMCP as MCPServer

server = MCPServer("weather")


@server.tool()
async def weather(city: str) -> str:
    with flowscope.trace("look out") as span:
        span.output = city
    return f"Rain in {city}"


@server.tool()
def breaks() -> str:
    raise RuntimeError("no sky")


@server.prompt()
def ask(city: str) -> str:
    return f"How is {city}?"


@server.resource("sky://today")
def sky() -> str:
    return "grey"


server.run()
"""


@asynccontextmanager
async def session(tmp_path: Path, addr: str) -> AsyncIterator[Any]:
    path = tmp_path / "server.py"
    path.write_text(SERVER)
    environment = traced_environment(FLOWSCOPE_ADDR=addr, FLOWSCOPE_AUTO="mcp", FLOWSCOPE_SESSION="server")
    started = StdioServerParameters(command=sys.executable, args=[str(path)], env=environment)
    async with stdio_client(started) as (read, write), mcp.ClientSession(read, write) as opened:
        await opened.initialize()
        yield opened


async def test_client_and_server_are_one_trace(attach: Any, tmp_path: Path) -> None:
    traced = attach("mcp")
    async with session(tmp_path, traced.addr) as client:
        with flowscope.trace("agent", session_id="shared"):
            await client.list_tools()
            answer = await client.call_tool("weather", {"city": "Oslo"})
            assert answer.content[0].text == "Rain in Oslo"
            assert (await client.call_tool("breaks", {})).content[0].text
            prompt = await client.get_prompt("ask", {"city": "Oslo"})
            assert prompt.messages[0].content.text == "How is Oslo?"
            resource = await client.read_resource("sky://today")
            assert resource.contents[0].text == "grey"
        traced.trace()
        # While the server runs: older clients end it by a signal.
        trace = traced.receive_until(lambda trace: len(trace.spans) >= 12 and not trace.pending())
    assert trace.shapes() == [
        {
            "agent": [
                {"tools/list": ["tools/list"]},
                {"tools/call weather": [{"tools/call weather": ["look out"]}]},
                {"tools/call breaks": ["tools/call breaks"]},
                {"prompts/get ask": ["prompts/get ask"]},
                {"resources/read sky://today": ["resources/read sky://today"]},
            ]
        }
    ]
    assert {span.session_id for span in trace.spans.values()} == {"shared"}
    sent = trace.roots[0].children[1]
    (served,) = sent.children
    for span, side in ((sent, "client"), (served, "server")):
        assert (span.kind, span.framework, span.status) == ("tool", "mcp", "success")
        assert span.input == {"city": "Oslo"}
        assert span.output["content"][0]["text"] == "Rain in Oslo"
        assert span.metadata["gen_ai.tool.name"] == "weather"
        assert (span.metadata["mcp.method.name"], span.metadata["mcp.side"]) == ("tools/call", side)
    broken = trace.roots[0].children[2]
    for span in (broken, broken.children[0]):
        assert (span.status, span.metadata["error.type"]) == ("error", "tool_error")
        assert "breaks" in span.error


async def test_what_the_program_says_in_meta_stays(attach: Any, tmp_path: Path) -> None:
    traced = attach("mcp")
    own = {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "mine": 1}
    if tuple(map(int, version("mcp").split(".")[:2])) < (1, 19):
        pytest.skip("before call_tool(meta=)")
    async with session(tmp_path, traced.addr) as client:
        with flowscope.trace("agent"):
            await client.call_tool("weather", {"city": "Oslo"}, meta=dict(own))
        trace = traced.receive_until(lambda trace: len(trace.spans) >= 4 and not trace.pending())
    (served,) = [span for span in trace.named("tools/call weather") if span.metadata["mcp.side"] == "server"]
    assert (served.parent_id, served.metadata["flowscope.trace_id"]) == ("b" * 16, "a" * 32)


async def test_outside_of_any_span_and_suppressed(attach: Any, tmp_path: Path) -> None:
    traced = attach("mcp")
    async with session(tmp_path, "off") as client:
        with flowscope.suppressed():
            assert (await client.call_tool("weather", {"city": "Oslo"})).content[0].text == "Rain in Oslo"
        assert (await client.call_tool("weather", {"city": "Rome"})).content[0].text == "Rain in Rome"
    (span,) = traced.trace().roots
    assert (span.operation, span.input) == ("tools/call weather", {"city": "Rome"})


def test_uninstalled_it_is_as_before(attach: Any) -> None:
    instrumentation.deactivate()
    targets = instrumentation.REGISTRY["mcp"].targets
    owners = [
        owner
        for module in map(sys.modules.get, targets)
        for name in ("JSONRPCDispatcher", "DirectDispatcher", "ServerRunner", "BaseSession", "Server")
        if (owner := getattr(module, name, None)) is not None
    ]
    before = [dict(vars(owner)) for owner in owners]
    attach("mcp")
    assert [dict(vars(owner)) for owner in owners] != before
    instrumentation.deactivate()
    assert [dict(vars(owner)) for owner in owners] == before
