"""Sends records, given as JSON lines, to Phoenix as OTLP over HTTP, and waits until its database has them.

Run by `bench_phoenix.py` with the Python of Phoenix' own environment. Prints the seconds from the first request to the
last span in the database.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from datetime import datetime

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

BATCH = 500
POLL_S = 0.05
BUSY = (429, 503)


def request(lines: list[str]) -> bytes:
    """An export request with these spans."""
    message = ExportTraceServiceRequest()
    spans = message.resource_spans.add().scope_spans.add().spans
    for line in lines:
        record = json.loads(line)
        span = spans.add(
            trace_id=bytes.fromhex(record["metadata"]["flowscope.trace_id"]),
            span_id=bytes.fromhex(record["id"]),
            parent_span_id=bytes.fromhex(record["parent_id"] or ""),
            name=record["operation"],
            kind=Span.SPAN_KIND_INTERNAL,
            start_time_unix_nano=_nanoseconds(record["start_time"]),
            end_time_unix_nano=_nanoseconds(record["end_time"]),
            status=Status(code=Status.STATUS_CODE_OK),
        )
        for key, value in {
            "openinference.span.kind": "LLM",
            "llm.model_name": record["metadata"]["gen_ai.request.model"],
            "input.mime_type": "application/json",
            "input.value": json.dumps(record["input"], separators=(",", ":")),
            "output.mime_type": "application/json",
            "output.value": json.dumps(record["output"], separators=(",", ":")),
        }.items():
            span.attributes.add(key=key).value.string_value = value
    return message.SerializeToString()


def _nanoseconds(text: str) -> int:
    return int(datetime.fromisoformat(text.split(".")[0].rstrip("Z") + "+00:00").timestamp()) * 10**9 + int(
        (text.split(".")[1] if "." in text else "0").rstrip("Z").ljust(9, "0")
    )


def post(url: str, body: bytes) -> None:
    """Send one request, again while Phoenix says that it is busy."""
    while True:
        headers = {"Content-Type": "application/x-protobuf"}
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=120):
                return
        except urllib.error.HTTPError as error:
            if error.code not in BUSY:
                raise
            time.sleep(POLL_S)


def main() -> None:
    """Feed standard input to the URL given first, and look at the database given second."""
    url, db = sys.argv[1:3]
    lines = sys.stdin.read().splitlines()
    bodies = [request(lines[first : first + BATCH]) for first in range(0, len(lines), BATCH)]
    begun = time.perf_counter()
    for body in bodies:
        post(url, body)
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
        while connection.execute("SELECT count(*) FROM spans").fetchone()[0] < len(lines):
            time.sleep(POLL_S)
    print(time.perf_counter() - begun)


if __name__ == "__main__":
    main()
