"""What a span costs the thread that makes it, side by side with other tracers; and what starting costs."""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import orjson
import peers
import zmq
from environments import environment

INPUT = {
    "question": "Where is my order? It was due on Tuesday and I have had no word of it since. " * 2,
    "context": ["The order left our house on Monday.", "Delivery takes two to five days."],
    "limit": 3,
    "temperature": 0.5,
}
SPANS = 1_000
ROUNDS = 30


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
            work(50)  # and what another's round has pushed out of the caches is back
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


def start_milliseconds(code: str, *options: str, **variables: str) -> float:
    """Milliseconds that a Python running `code` takes, the median of several."""
    inner = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSCOPE_")} | variables
    taken = []
    for _ in range(15):
        begun = time.perf_counter()
        subprocess.run([sys.executable, *options, "-c", code], env=inner, check=True)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1000


def import_milliseconds() -> float:
    code = "import time\nb = time.perf_counter()\nimport flowscope\nprint(time.perf_counter() - b)"
    times = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(15)]
    return statistics.median(times) * 1000


def measure() -> int:
    """Print what a span costs here and in every peer that this Python has."""
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
        theirs = peers.works(INPUT)
        us = side_by_side({**ours(), **theirs})
        size = len(orjson.dumps(INPUT))
        print(f"span with an input of {size} bytes, calling thread: flowscope {us['block']:.2f} us")
        print(f"decorated call with the same input, calling thread: flowscope {us['call']:.2f} us")
        for name in theirs:
            # Each beside its like: a decorator beside the decorator.
            mine = us["call" if "@" in name else "block"]
            print(f"the same in {name}: {us[name]:.1f} us, {us[name] / mine:.1f} times as much")
        flowscope.init(addr="off")
        print(f"the same block with FLOWSCOPE_ADDR=off: {side_by_side(ours())['block']:.2f} us")
    finally:
        for process in (drain, *peers.servers):
            process.kill()
            process.wait()
        sys.stdout.flush()
    os._exit(0)  # some peers want to deliver at exit


def main() -> int:
    """Print the figures."""
    python = environment("peers", peers.PACKAGES)
    status = subprocess.call([python or sys.executable, __file__, "--measure"], env=peers.variables())
    print(f"import flowscope: {import_milliseconds():.2f} ms")
    plain = start_milliseconds("pass")
    bare = start_milliseconds("pass", "-S")
    attached = start_milliseconds("pass", FLOWSCOPE_ADDR="tcp://127.0.0.1:9")
    print(f"start of Python: {plain:.0f} ms, {bare:.0f} ms of it before any .pth file")
    print(f"start of Python with FLOWSCOPE_ADDR set: {attached:.0f} ms")
    return status


if __name__ == "__main__":
    sys.exit(measure() if sys.argv[1:] == ["--measure"] else main())
