"""Requests inside a span carry it, and the session, to the other side; whatever the client, and never twice."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
import requests
import urllib3
from patience import PATIENCE

import flowscope
from flowscope import instrumentation
from flowscope.instrumentation import _http_client

HOSTS = json.loads((Path(__file__).parents[3] / "flowscope_sdk/protocol/vectors/hosts.json").read_text())
CLIENTS = ("httpx", "httpx2", "urllib3", "aiohttp")


class _Echo(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None: ...

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(307)
            self.send_header("location", "/")
            self.send_header("content-length", "0")
            self.end_headers()
            return
        data = json.dumps([[name.lower(), value] for name, value in self.headers.items()]).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


async def by_httpx(module: Any, url: str, headers: Any) -> Any:
    return module.get(url, headers=headers, follow_redirects=True).json()


async def by_httpx_async(module: Any, url: str, headers: Any) -> Any:
    async with module.AsyncClient(follow_redirects=True) as client:
        return (await client.get(url, headers=headers)).json()


async def by_requests(module: Any, url: str, headers: Any) -> Any:
    return requests.get(url, headers=headers, timeout=PATIENCE).json()


async def by_urllib3(module: Any, url: str, headers: Any) -> Any:
    with urllib3.PoolManager() as pool:
        return pool.request("GET", url, headers=headers).json()


async def by_aiohttp(module: Any, url: str, headers: Any) -> Any:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return json.loads(await response.read())


WAYS = [
    pytest.param(by_httpx, httpx, id="httpx"),
    pytest.param(by_httpx_async, httpx, id="httpx-async"),
    pytest.param(by_httpx, httpx2, id="httpx2"),
    pytest.param(by_httpx_async, httpx2, id="httpx2-async"),
    pytest.param(by_requests, None, id="requests"),
    pytest.param(by_urllib3, None, id="urllib3"),
    pytest.param(by_aiohttp, None, id="aiohttp"),
]


@pytest.mark.parametrize(("ask", "module"), WAYS)
async def test_the_span_and_the_session_go_along(ask: Any, module: Any, attach: Any, url: str) -> None:
    attach(*CLIENTS)
    with flowscope.trace("mine", session_id="user 7, Oslo") as span:
        for path in ("/", "/moved"):
            received = await ask(module, url + path, {"x-own": "kept"})
            ours = [[name, value] for name, value in received if name in _http_client.NAMES]
            assert ours == [
                ["traceparent", f"00-{span.trace_id}-{span.id}-01"],
                ["baggage", "flowscope.session=user%207%2C%20Oslo"],
            ]
            assert ["x-own", "kept"] in received


@pytest.mark.parametrize(("ask", "module"), WAYS)
async def test_what_the_program_sends_itself_stays(ask: Any, module: Any, attach: Any, url: str) -> None:
    attach(*CLIENTS)
    own = {"Traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-00"}
    with flowscope.trace("mine"):
        received = await ask(module, url, own)
    assert [[n, v] for n, v in received if n in _http_client.NAMES] == [["traceparent", own["Traceparent"]]]
    assert own == {"Traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-00"}


@pytest.mark.parametrize(("ask", "module"), WAYS)
async def test_outside_of_any_span_nothing_is_sent_and_no_span_made(
    ask: Any, module: Any, attach: Any, url: str
) -> None:
    traced = attach(*CLIENTS)
    with flowscope.suppressed():
        assert not [name for name, _ in await ask(module, url, None) if name in _http_client.NAMES]
    assert not [name for name, _ in await ask(module, url, None) if name in _http_client.NAMES]
    assert not traced.trace().spans


@pytest.mark.parametrize("module", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_a_request_that_is_sent_again_stays_the_programs(module: Any, attach: Any, url: str) -> None:
    attach(*CLIENTS)
    request = module.Request("GET", url)
    before = dict(request.headers)
    with module.Client() as client:
        for name in ("first", "second"):
            with flowscope.trace(name) as span:
                assert ["traceparent", f"00-{span.trace_id}-{span.id}-01"] in client.send(request).json()
    assert dict(request.headers) == before


def test_headers_of_a_pool_stay_the_programs(attach: Any, url: str) -> None:
    attach(*CLIENTS)
    headers = urllib3.HTTPHeaderDict({"x-own": "1"})
    headers.add("x-own", "2")
    with urllib3.PoolManager(headers=headers) as pool, flowscope.trace("mine"):
        received = pool.request("GET", url).json()
    assert [value for name, value in received if name == "x-own"] == ["1", "2"]
    assert "traceparent" in dict(received)
    assert "traceparent" not in headers


def test_uninstalled_they_are_as_before(attach: Any) -> None:
    instrumentation.deactivate()
    owners = (httpx.Client, httpx2.AsyncClient, urllib3.HTTPConnectionPool, aiohttp.ClientSession)
    before = [dict(vars(owner)) for owner in owners]
    attach(*CLIENTS)
    assert [dict(vars(owner)) for owner in owners] != before
    instrumentation.deactivate()
    assert [dict(vars(owner)) for owner in owners] == before


def test_model_providers_are_told_nothing(attach: Any) -> None:
    attach(*CLIENTS)
    with flowscope.trace("mine"):
        for host in ("api.openai.com", "api.anthropic.com", "x.openai.azure.com", "generativelanguage.googleapis.com"):
            assert _http_client.to_send(host, ()) == {}
        assert "traceparent" in _http_client.to_send("gateway.example.com", ())
        assert "traceparent" in _http_client.to_send(None, ())


def test_the_session_goes_to_near_hosts_only(attach: Any) -> None:
    attach(*CLIENTS)
    came = {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "tracestate": "v=1", "baggage": "tenant=7"}
    with flowscope.extract(came), flowscope.trace("mine", session_id="user 7"):
        for host in HOSTS["near"]:
            assert _http_client.to_send(host, ())["baggage"] == "tenant=7,flowscope.session=user%207", host
        for host in HOSTS["far"]:
            assert set(_http_client.to_send(host, ())) == {"traceparent", "tracestate"}, host


def test_inject_adds_the_session_to_a_baggage_that_is_there(attach: Any) -> None:
    attach()
    with flowscope.trace("mine", session_id="s") as span:
        assert flowscope.inject({"Baggage": "a=1"}) == {
            "Baggage": "a=1,flowscope.session=s",
            "traceparent": f"00-{span.trace_id}-{span.id}-01",
        }
        own = {"traceparent": "mine", "baggage": "a=1"}
        assert flowscope.inject(dict(own)) == own


def test_extracted_it_goes_on_as_it_came(attach: Any) -> None:
    attach()
    came = {
        "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01",
        "tracestate": "vendor=1",
        "baggage": "tenant=7,flowscope.session=user%207",
    }
    with flowscope.extract(came), flowscope.trace("served") as span:
        assert (span.trace_id, span.parent_id, span.session_id) == ("a" * 32, "b" * 16, "user 7")
        sent = flowscope.inject({})
    assert sent == {
        "traceparent": "00-" + "a" * 32 + f"-{span.id}-01",
        "tracestate": "vendor=1",
        "baggage": "tenant=7,flowscope.session=user%207",
    }
    with flowscope.extract({**came, "baggage": "flowscope.session=" + "x" * 9000}), flowscope.trace("bounded") as span:
        assert len(span.session_id) <= 256


def test_a_trace_that_is_left_out_is_left_out_on_the_other_side_too(attach: Any) -> None:
    traced = attach()
    flowscope.init(sample=0.0)
    try:
        with flowscope.trace("left out"):
            sent = flowscope.inject({})
    finally:
        flowscope.init(sample=1.0)
    assert sent["traceparent"].endswith("-00")
    with flowscope.extract(sent), flowscope.trace("there"):
        assert flowscope.inject({}) == sent
    assert not traced.trace().spans
