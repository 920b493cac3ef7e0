"""Spans a second from a program's socket to rows that a reader sees, with a real collector and producer."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson
import psutil
import zmq

from flowscope.protocol import Header, ProducerInfo, Record, encode_header, encode_record
from flowscope_app.store import StoreReader

SPANS = 400_000
BATCH = 200
ID_BASE = 0x5EED_C0FFEE << 24


def record(number: int) -> bytes:
    """A finished span of about 600 bytes of JSON, as an SDK sends it."""
    text = "Where is my order? It was due on Tuesday and I have had no word of it since. "
    span = Record(
        id=f"{ID_BASE + number:016x}",  # the SDKs count up from a random start
        session_id="bench",
        parent_id=f"{ID_BASE + number // 4 + 1:016x}",
        operation=f"ChatModel.invoke {number % 40}",
        framework="langchain",
        language="python",
        start_ns=1_790_000_000_000_000_000 + number * 1_000_003,
        end_ns=1_790_000_000_000_000_000 + number * 1_000_003 + 700_001,
        input=orjson.dumps({"messages": [{"role": "user", "content": text}]}),
        output=orjson.dumps({"content": text[:40]}),
        metadata={"flowscope.kind": "llm", "flowscope.trace_id": f"{number:032x}", "gen_ai.request.model": "m-1"},
        status="success",
    )
    return encode_record(span)


def produce(addr: str, spans: int) -> None:
    """Push `spans` spans in batches, as fast as the socket takes them."""
    context = zmq.Context()
    socket = context.socket(zmq.PUSH)
    socket.setsockopt(zmq.SNDHWM, 1_000)
    socket.connect(addr)
    info = ProducerInfo("bench-producer", "bench", "bench.py", os.getpid(), "", "python", "python", "")
    bodies = []
    for first in range(1, spans + 1, BATCH):
        numbers = range(first, min(first + BATCH, spans + 1))
        bodies.append((first, len(numbers), b"[" + b",".join(map(record, numbers)) + b"]"))
    sys.stdout.write(f"{sum(len(body) for _, _, body in bodies) / spans:.0f}\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for first, count, body in bodies:
        socket.send_multipart([encode_header(Header(1, info, first, count)), body])
    socket.close(linger=-1)
    context.term()


def main() -> int:
    """Print one line a figure."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FLOWSCOPE_HOME"] = folder
        db = str(Path(folder) / "bench.db")
        collector = _collector(db)
        try:
            return _measure(collector, db)
        finally:
            collector.send_signal(signal.SIGINT)
            collector.wait(20)


def _collector(db: str) -> subprocess.Popen[str]:
    code = (
        "import sys; from flowscope_app.collector.process import main;"
        "sys.exit(main('tcp://127.0.0.1:0', sys.argv[1], importer=lambda path, writer: iter(()),"
        " ready=lambda addr: print(addr, flush=True)))"
    )
    return subprocess.Popen([sys.executable, "-c", code, db], stdout=subprocess.PIPE, text=True)


def _measure(collector: subprocess.Popen[str], db: str) -> int:
    assert collector.stdout is not None
    addr = collector.stdout.readline().strip()
    producer = subprocess.Popen(
        [sys.executable, __file__, "--produce", addr, str(SPANS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert producer.stdout is not None and producer.stdin is not None
    size = producer.stdout.readline().strip()
    with contextlib.closing(StoreReader(db)) as reader:
        begin = time.perf_counter()
        producer.stdin.write("go\n")
        producer.stdin.flush()
        stored = 0
        while stored < SPANS:
            row = reader.session("bench")
            stored = row.spans if row else 0
            if collector.poll() is not None:
                print("ingest: the collector ended", file=sys.stderr)
                return 1
            time.sleep(0.01)
        took = time.perf_counter() - begin
        producer.wait()
        spent = psutil.Process(collector.pid).cpu_times()
        print(f"ingest, socket to committed row, spans of {size} bytes: {SPANS / took:,.0f} spans/s")
        print(f"ingest, the collector's processor time: {(spent.user + spent.system) / SPANS * 1e6:.1f} us a span")
        row = reader.session("bench")
        assert row is not None
        _measure_open(db, row.key)
    return 0


def _measure_open(db: str, key: int) -> None:
    best = {}
    for spans in (100_000, SPANS):
        for _ in range(3):
            with StoreReader(db) as reader:
                begin = time.perf_counter()
                rows, change = 0, 0
                while rows < spans:
                    delta = reader.spans_since(key, change, min(200_000, spans - rows))
                    rows, change = rows + len(delta.rows), delta.change
                took = time.perf_counter() - begin
            best[spans] = min(best.get(spans, took), took)
    for spans, took in best.items():
        print(f"read {spans:,} spans of a session from the store into numpy: {took * 1000:.0f} ms")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--produce"]:
        produce(sys.argv[2], int(sys.argv[3]))
    else:
        sys.exit(main())
