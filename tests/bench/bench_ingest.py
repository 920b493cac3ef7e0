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

from flowscope._sender import MAX_AHEAD
from flowscope._transport import connect
from flowscope.protocol import Header, ProducerInfo, Record, encode_header, encode_record, parse_addr
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


def produce(addr: str, spans: int, way: str) -> None:
    """Send `spans` spans in batches, as fast as they are taken: pushed and forgotten, or acknowledged."""
    info = ProducerInfo("bench-producer", "bench", "bench.py", os.getpid(), "", "python", "python", "")
    batches = [list(map(record, range(first, min(first + BATCH, spans + 1)))) for first in range(1, spans + 1, BATCH)]
    sys.stdout.write(f"{sum(len(part) + 1 for parts in batches for part in parts) / spans:.0f}\n")
    sys.stdout.flush()
    sys.stdin.readline()
    (_push if way == "pushed" else _acknowledged)(addr, info, batches)


def _push(addr: str, info: ProducerInfo, batches: list[list[bytes]]) -> None:
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.setsockopt(zmq.SNDHWM, 1_000)
        socket.connect(addr)
        seq = 1
        for parts in batches:
            header = encode_header(Header(1, info, seq, len(parts)))
            socket.send_multipart([header, b"[" + b",".join(parts) + b"]"])
            seq += len(parts)


def _acknowledged(addr: str, info: ProducerInfo, batches: list[list[bytes]]) -> None:
    """As the SDK does, which holds a batch until it is stored."""
    transport = connect(parse_addr(addr), info, MAX_AHEAD)
    for parts in batches:
        while not transport.send(parts, 0):
            transport.wait(0.01)
    while not transport.settled():
        transport.wait(0.01)
    transport.close(0.0)


def main() -> int:
    """Print one line a figure."""
    rates = {way: _run(way) for way in ("pushed", "acknowledged")}
    if not all(rates.values()):
        return 1
    print(f"acknowledged against pushed and forgotten: {rates['acknowledged'] / rates['pushed']:.2f}")
    return 0


def _run(way: str) -> float:
    """Spans a second with a collector and a database of its own; 0 if that failed."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FLOWSCOPE_HOME"] = folder
        db = str(Path(folder) / "bench.db")
        collector = _collector(db)
        try:
            return _measure(collector, db, way)
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


def _measure(collector: subprocess.Popen[str], db: str, way: str) -> float:
    assert collector.stdout is not None
    addr = collector.stdout.readline().strip()
    producer = subprocess.Popen(
        [sys.executable, __file__, "--produce", addr, str(SPANS), way],
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
                return 0.0
            time.sleep(0.01)
        took = time.perf_counter() - begin
        producer.wait()
        spent = psutil.Process(collector.pid).cpu_times()
        print(f"ingest, {way}, socket to committed row, spans of {size} bytes: {SPANS / took:,.0f} spans/s")
        print(f"ingest, the collector's processor time: {(spent.user + spent.system) / SPANS * 1e6:.1f} us a span")
        row = reader.session("bench")
        assert row is not None
        if way == "pushed":
            _measure_open(db, row.key)
    return SPANS / took


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
        produce(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        sys.exit(main())
