"""The tracers that a span's cost is measured beside, in an environment of their own, each sending into a void."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PACKAGES = (
    "opentelemetry-sdk>=1.30,<2", "langsmith>=0.3", "logfire>=3", "langfuse>=3", "orjson>=3.10,<4", "pyzmq>=26,<28",
    "platformdirs>=4,<5",
)  # fmt: skip
SDK = Path(__file__).resolve().parents[2] / "flowscope_sdk" / "python"

Work = Callable[[int], None]
servers: list[subprocess.Popen[str]] = []
"""What works() has started; to be ended by who calls it."""


def variables() -> dict[str, str]:
    """What the measuring process has in its environment beside its own."""
    inner = {name: value for name, value in os.environ.items() if not name.startswith(("FLOWSCOPE_", "OTEL_"))}
    return inner | {"PYTHONPATH": str(SDK), "LANGSMITH_TRACING": "true", "LANGSMITH_API_KEY": "none"}


def works(given: dict[str, Any]) -> dict[str, Work]:
    """A span a call in each peer there is, with `given` as its input."""
    found: dict[str, Work] = {}
    for name, make in {
        "opentelemetry-sdk": _opentelemetry, "langsmith @traceable": _langsmith, "logfire": _logfire,
        "langfuse @observe": _langfuse,
    }.items():  # fmt: skip
        try:
            found[name] = make(given)
        except ImportError:
            continue
    return found


def _nowhere() -> Any:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class Nowhere(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    return Nowhere()


def _sink() -> str:
    """The address of an HTTP server, in a process of its own, that takes everything and keeps nothing."""
    code = """
import http.server
class Taker(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(202)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
    do_PATCH = do_POST
    def log_message(self, *_): ...
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taker)
print(server.server_port, flush=True)
server.serve_forever()
"""
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    servers.append(server)
    assert server.stdout is not None
    return f"http://127.0.0.1:{int(server.stdout.readline())}"


def _opentelemetry(given: dict[str, Any]) -> Work:
    """With the batch processor; the input as a JSON attribute, as its conventions have it."""
    import orjson
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(_nowhere()))
    tracer = provider.get_tracer("bench")

    def work(count: int) -> None:
        for _ in range(count):
            with tracer.start_as_current_span("work") as span:
                span.set_attribute("input", orjson.dumps(given).decode())

    return work


def _langsmith(given: dict[str, Any]) -> Work:
    import logging

    from langsmith import Client, traceable

    logging.getLogger("langsmith").setLevel(logging.CRITICAL)
    client = Client(api_url=_sink(), api_key="none", info={})

    @traceable(client=client, name="work")
    def traced(given: Any) -> None:
        return None

    def work(count: int) -> None:
        for _ in range(count):
            traced(given)

    return work


def _logfire(given: dict[str, Any]) -> Work:
    import logfire
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    local = logfire.configure(
        local=True, send_to_logfire=False, console=False, additional_span_processors=[BatchSpanProcessor(_nowhere())]
    )

    def work(count: int) -> None:
        for _ in range(count):
            with local.span("work", input=given):
                pass

    return work


def _langfuse(given: dict[str, Any]) -> Work:
    from langfuse import Langfuse, observe
    from opentelemetry.sdk.trace import TracerProvider

    Langfuse(
        public_key="none", secret_key="none", host="http://127.0.0.1:9",
        tracer_provider=TracerProvider(), span_exporter=_nowhere(),
    )  # fmt: skip

    @observe(name="work")
    def traced(given: Any) -> None:
        return None

    def work(count: int) -> None:
        for _ in range(count):
            traced(given)

    return work
