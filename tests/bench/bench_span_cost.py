"""What a span costs the thread that makes it, side by side with opentelemetry-sdk; and what starting costs."""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import orjson
import zmq

INPUT = {
    "question": "Where is my order? It was due on Tuesday and I have had no word of it since. " * 2,
    "context": ["The order left our house on Monday.", "Delivery takes two to five days."],
    "limit": 3,
    "temperature": 0.5,
}
SPANS = 1_000
ROUNDS = 100


def seconds_each(work: Callable[[int], None]) -> float:
    """Processor time of this thread for one of SPANS calls."""
    begun = time.thread_time()
    work(SPANS)
    return (time.thread_time() - begun) / SPANS


def side_by_side(works: dict[str, Callable[[int], None]]) -> dict[str, float]:
    """Microseconds each, the median of rounds taken in turn, so that a busy machine slows all alike."""
    rounds: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work(100)
    for _ in range(ROUNDS):
        for name, work in works.items():
            gc.collect()
            time.sleep(0.03)  # what runs behind the calling thread catches up
            rounds[name].append(seconds_each(work))
    return {name: statistics.median(taken) * 1e6 for name, taken in rounds.items()}


def ours() -> dict[str, Callable[[int], None]]:
    import flowscope

    @flowscope.trace("decorated")
    def decorated(question: object) -> None:
        return None

    def block(count: int) -> None:
        for _ in range(count):
            with flowscope.trace("work", input=INPUT):
                pass

    def call(count: int) -> None:
        for _ in range(count):
            decorated(INPUT)

    return {"block": block, "call": call}


def theirs() -> Callable[[int], None]:
    """opentelemetry-sdk with its batch processor and an exporter that drops all; the input as a JSON attribute."""
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Nowhere(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    tracer = provider.get_tracer("bench")

    def block(count: int) -> None:
        for _ in range(count):
            with tracer.start_as_current_span("work") as span:
                span.set_attribute("input", orjson.dumps(INPUT).decode())

    return block


def start_milliseconds(code: str, **environment: str) -> float:
    """Milliseconds that a Python running `code` takes, the median of several."""
    inner = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSCOPE_")} | environment
    taken = []
    for _ in range(15):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], env=inner, check=True)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1000


def import_milliseconds() -> float:
    code = "import time\nb = time.perf_counter()\nimport flowscope\nprint(time.perf_counter() - b)"
    times = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(15)]
    return statistics.median(times) * 1000


def main() -> int:
    """Print the figures."""
    import flowscope

    context = zmq.Context()
    sink = context.socket(zmq.PULL)
    port = sink.bind_to_random_port("tcp://127.0.0.1")
    # A process of its own takes the spans: this one's interpreter lock is what is measured.
    sink.close(0)
    address = f"tcp://127.0.0.1:{port}"
    drain = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import zmq\ns = zmq.Context().socket(zmq.PULL)\ns.bind('{address}')\nwhile 1: s.recv_multipart()",
        ]
    )
    try:
        flowscope.init(addr=address, session_id="bench")
        us = side_by_side({**ours(), "otel": theirs()})
        ratio = us["otel"] / us["block"]
        size = len(orjson.dumps(INPUT))
        print(
            f"span with an input of {size} bytes, calling thread: flowscope {us['block']:.2f} us,"
            f" opentelemetry-sdk {us['otel']:.2f} us, {ratio:.1f} times as much"
        )
        print(f"decorated call with the same input, calling thread: flowscope {us['call']:.2f} us")
        flowscope.init(addr="off")
        print(f"the same block with FLOWSCOPE_ADDR=off: {side_by_side(ours())['block']:.2f} us")
    finally:
        drain.kill()
        drain.wait()
    print(f"import flowscope: {import_milliseconds():.2f} ms")
    plain = start_milliseconds("pass")
    attached = start_milliseconds("pass", FLOWSCOPE_ADDR="tcp://127.0.0.1:9")
    print(f"start of Python: {plain:.0f} ms, with FLOWSCOPE_ADDR set {attached:.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
