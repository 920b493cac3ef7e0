"""Requests that come in are one span each, under the caller's; between real processes and in each framework."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from fastapi import FastAPI, WebSocket
from fastapi.testclient import TestClient as StarletteClient
from flask import Flask, Response
from patience import OUTLASTS, PATIENCE
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse, StreamingResponse

import flowscope
from flowscope import instrumentation
from flowscope.instrumentation import _wsgi

CALLER = {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "baggage": "flowscope.session=theirs"}

SERVER = """
import sys, flowscope, uvicorn, httpx
from fastapi import FastAPI
from starlette.responses import StreamingResponse

app = FastAPI()


@app.get("/items/{number}")
async def item(number: int):
    with flowscope.trace("look up") as span:
        span.output = number
    return {"number": number}


@app.get("/stream")
def stream():
    def words():
        for word in ("one ", "two"):
            with flowscope.trace("word"):
                yield word

    return StreamingResponse(words(), media_type="text/plain")


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)


Server(uvicorn.Config(app, port=0, log_level="error")).run()
"""

CLIENT = """
import sys, flowscope, httpx

with flowscope.trace("client", session_id="shared"):
    print(httpx.get(sys.argv[1] + "/items/7?api_key=sk-1234567890abcdef1234567890abcdef", timeout=90).json())
    print(httpx.get(sys.argv[1] + "/stream", timeout=90).text)
print(httpx.get(sys.argv[1] + "/items/8", timeout=90).json())
"""


@pytest.fixture
def program(sink: Any, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts source text as a traced process."""
    started: list[subprocess.Popen[str]] = []
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FLOWSCOPE_")}
    environment["FLOWSCOPE_FLUSH_TIMEOUT"] = str(OUTLASTS)

    def start(name: str, source: str, *arguments: str) -> subprocess.Popen[str]:
        path = tmp_path / f"{name}.py"
        path.write_text(textwrap.dedent(source))
        started.append(
            subprocess.Popen(
                [sys.executable, str(path), *arguments],
                env={
                    **environment,
                    "FLOWSCOPE_ADDR": sink.addr,
                    "FLOWSCOPE_SESSION": name,
                    "FLOWSCOPE_FLUSH_TIMEOUT": str(OUTLASTS),
                },
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_two_processes_are_one_trace(sink: Any, program: Any) -> None:
    server = program("server", SERVER)
    port = int(server.stdout.readline())
    client = program("client", CLIENT, f"http://127.0.0.1:{port}")
    assert client.communicate(timeout=PATIENCE)[0].splitlines() == ["{'number': 7}", "one two", "{'number': 8}"]
    server.send_signal(signal.SIGINT)
    server.wait(PATIENCE)
    trace = sink.receive_until(lambda trace: len(trace.spans) == 8 and not trace.pending())
    root = trace.one("client")
    assert root.shape() == {"client": [{"GET /items/{number}": ["look up"]}, {"GET /stream": ["word", "word"]}]}
    assert {span.metadata["flowscope.trace_id"] for span in [root, *root.children]} == {
        root.metadata["flowscope.trace_id"]
    }
    assert {span.session_id for span in root.children} == {"shared"}
    request = root.children[0]
    assert (request.kind, request.framework, request.output) == ("http", "fastapi", {"status": 200})
    assert request.metadata["url.path"] == "/items/7"
    assert request.metadata["http.route"] == "/items/{number}"
    assert "sk-1234567890abcdef" not in str(request.record)
    alone = next(span for span in trace.roots if span is not root)
    assert (alone.operation, alone.session_id) == ("GET /items/{number}", "server")


# ASGI, in this process


def application(events: list[str]) -> FastAPI:
    app = FastAPI()

    @app.get("/ok/{name}")
    async def ok(name: str) -> dict[str, Any]:
        span = flowscope.current_span()
        events.append(span.operation if span is not None else "")
        return {"name": name}

    @app.get("/breaks")
    def breaks() -> None:
        raise RuntimeError("broken")

    @app.get("/later")
    def later() -> PlainTextResponse:
        return PlainTextResponse("done", background=BackgroundTask(lambda: flowscope.trace("task")(events.append)("t")))

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def words() -> Any:
            for word in ("one ", "two"):
                yield word

        return StreamingResponse(words())

    @app.websocket("/socket")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    inner = FastAPI()

    @inner.get("/leaf")
    def leaf() -> str:
        return "leaf"

    app.mount("/inner", inner)
    return app


def test_asgi_requests(attach: Any) -> None:
    traced = attach("starlette")
    events: list[str] = []
    client = StarletteClient(application(events), raise_server_exceptions=False)
    assert client.get("/ok/you", headers=CALLER).json() == {"name": "you"}
    assert client.get("/none").status_code == 404
    assert client.get("/breaks").status_code == 500
    assert client.get("/stream").text == "one two"
    assert client.get("/inner/leaf").json() == "leaf"
    assert client.get("/later").text == "done"
    with client.websocket_connect("/socket") as socket:
        assert socket.receive_text() == "hello"
    trace = traced.trace()
    seen = [(span.operation, span.status, span.metadata.get("http.response.status_code")) for span in trace.roots]
    assert seen == [
        ("GET /ok/{name}", "success", 200),
        ("GET /none", "success", 404),
        ("GET /breaks", "error", 500),
        ("GET /stream", "success", 200),
        (seen[4][0], "success", 200),
        ("GET /later", "success", 200),
    ]
    first, broken, later = trace.roots[0], trace.roots[2], trace.roots[5]
    assert (first.parent_id, first.session_id, first.metadata["flowscope.trace_id"]) == ("b" * 16, "theirs", "a" * 32)
    assert "RuntimeError: broken" in broken.error
    assert broken.metadata["flowscope.exception.type"] == "RuntimeError"
    assert [child.operation for child in later.children] == ["task"]
    assert not trace.pending()
    assert events == ["GET /ok/you", "t"]


async def test_an_asgi_stream_that_is_cut_off_ends(attach: Any) -> None:
    traced = attach("starlette")
    app = FastAPI()

    @app.get("/endless")
    async def endless() -> StreamingResponse:
        async def words() -> Any:
            while True:
                yield "word "
                await asyncio.sleep(0)

        return StreamingResponse(words())

    sent: list[Any] = []
    gone = asyncio.Event()

    async def receive() -> Any:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) > 3:
            gone.set()

    scope = {"type": "http", "method": "GET", "path": "/endless", "headers": [], "query_string": b"", "asgi": {}}
    await app(scope, receive, send)
    (span,) = traced.trace().roots
    assert (span.status, span.metadata["flowscope.stream.abandoned"]) == ("success", True)


# WSGI


def flask_application() -> Flask:
    app = Flask("app")

    @app.get("/ok/<name>")
    def ok(name: str) -> str:
        with flowscope.trace("inside"):
            return name

    @app.get("/breaks")
    def breaks() -> str:
        raise RuntimeError("broken")

    @app.get("/stream")
    def stream() -> Response:
        def words() -> Iterator[str]:
            for word in ("one ", "two"):
                with flowscope.trace("word"):
                    yield word

        return Response(words())

    return app


def test_flask_requests(attach: Any) -> None:
    traced = attach("flask")
    with httpx.Client(transport=httpx.WSGITransport(flask_application()), base_url="http://test") as client:
        assert client.get("/ok/you", headers=CALLER).text == "you"
        assert client.get("/none").status_code == 404
        assert client.get("/breaks").status_code == 500
        assert client.get("/stream").text == "one two"
    trace = traced.trace()
    first, none, broken, streamed = trace.roots
    assert (first.operation, first.parent_id, first.session_id) == ("GET /ok/<name>", "b" * 16, "theirs")
    assert [child.operation for child in first.children] == ["inside"]
    assert (none.status, none.output) == ("success", {"status": 404})
    assert "RuntimeError: broken" in broken.error
    assert [child.operation for child in streamed.children] == ["word", "word"]
    assert not trace.pending()


def test_a_wsgi_stream_that_is_left_ends_and_is_closed(attach: Any) -> None:
    traced = attach("flask")
    closed: list[bool] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield b"one"
            yield b"two"

        def close(self) -> None:
            closed.append(True)

    def application(self: Any, environ: Any, start_response: Any) -> Body:
        start_response("200 OK", [])
        return Body()

    call = _wsgi.wrap(application, "own")
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/"}
    body = call(None, environ, lambda status, headers: None)
    assert next(iter(body)) == b"one"
    body.close()
    (span,) = traced.trace().roots
    assert span.metadata["flowscope.stream.abandoned"] is True
    assert closed == [True]


DJANGO = """
import asyncio, io
from django.conf import settings

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", MIDDLEWARE=[])

import django
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

django.setup()


def ok(request, name):
    return HttpResponse(name)


def breaks(request):
    raise RuntimeError("broken")


def stream(request):
    return StreamingHttpResponse(iter([b"one ", b"two"]))


urlpatterns = [path("ok/<str:name>", ok), path("breaks", breaks), path("stream", stream)]
application = get_wsgi_application()
for where in ("/ok/you", "/breaks", "/stream"):
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": where, "SERVER_NAME": "x", "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(), "wsgi.url_scheme": "http",
        "HTTP_TRACEPARENT": "00-" + "a" * 32 + "-" + "b" * 16 + "-01",
    }
    body = application(environ, lambda status, headers, *rest: print(status))
    list(body)
    body.close()


async def ask():
    scope = {"type": "http", "method": "GET", "path": "/ok/async", "headers": [], "query_string": b""}
    waiting = [{"type": "http.request", "body": b""}]

    async def receive():
        return waiting.pop() if waiting else await asyncio.Event().wait()

    async def send(message):
        print(message["type"])

    await get_asgi_application()(scope, receive, send)


asyncio.run(ask())
"""


def test_django_requests(sink: Any, program: Any) -> None:
    out, _ = program("django_app", DJANGO).communicate(timeout=PATIENCE)
    assert out.splitlines()[:3] == ["200 OK", "500 Internal Server Error", "200 OK"]
    trace = sink.receive_until(lambda trace: len(trace.spans) == 4 and not trace.pending())
    seen = {span.operation: span for span in trace.spans.values()}
    assert {span.framework for span in seen.values()} == {"django"}
    assert {span.parent_id for span in trace.spans.values()} == {"b" * 16, None}
    assert "GET /ok/<str:name>" in seen
    assert "RuntimeError: broken" in seen["GET /breaks"].error
    assert seen["GET /stream"].output == {"status": 200}


# aiohttp


async def test_aiohttp_requests(attach: Any) -> None:
    traced = attach("aiohttp")

    async def ok(request: web.Request) -> web.Response:
        with flowscope.trace("inside"):
            return web.Response(text=request.match_info["name"])

    async def socket(request: web.Request) -> web.WebSocketResponse:
        response = web.WebSocketResponse()
        await response.prepare(request)
        await response.send_str("hello")
        return response

    app = web.Application()
    app.add_routes([web.get("/ok/{name}", ok), web.get("/socket", socket)])
    async with TestClient(TestServer(app)) as client:
        async with client.get("/ok/you", headers=CALLER) as response:
            assert await response.text() == "you"
        async with client.ws_connect("/socket") as connected:
            assert await connected.receive_str() == "hello"
    (span,) = traced.trace().roots
    assert (span.operation, span.parent_id, span.session_id) == ("GET /ok/{name}", "b" * 16, "theirs")
    assert [child.operation for child in span.children] == ["inside"]


def test_a_query_with_more_fields_than_anybody_reads_stays_its_callers(attach: Any) -> None:
    traced = attach("starlette")
    query = "&".join(f"field{number}=x" for number in range(200))
    assert StarletteClient(application([])).get(f"/ok/you?{query}", headers=CALLER).status_code == 200
    (span,) = [span for span in traced.trace().spans.values() if span.kind == "http"]
    assert (span.parent_id, span.session_id) == ("b" * 16, "theirs")
    assert span.input["query"] == query
    assert span.metadata["http.response.status_code"] == 200


def test_uninstalled_they_are_as_before(attach: Any) -> None:
    from starlette.applications import Starlette

    instrumentation.deactivate()
    owners = (Starlette, Flask, web.Application)
    before = [dict(vars(owner)) for owner in owners]
    attach("starlette", "flask", "aiohttp")
    assert [dict(vars(owner)) for owner in owners] != before
    instrumentation.deactivate()
    assert [dict(vars(owner)) for owner in owners] == before


def test_suppressed_a_request_is_no_span(attach: Any) -> None:
    traced = attach("starlette")
    with flowscope.suppressed():
        assert StarletteClient(application([])).get("/ok/you").json() == {"name": "you"}
    assert not traced.trace().spans
