"""The program of the benchmarks: makes spans of about 600 bytes with the Python SDK, as fast as they are taken.

Run by `rig.py`. It prints "ready", begins at the first line of its standard input, ends at the next one, and prints
what it did as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

import flowscope
from flowscope import _runtime

HELD_BYTES = 4 << 20
"""What it lets wait in the SDK's buffer. A program that outran the collector for longer would lose its oldest spans."""
TEXT = "Where is my order? It was due on Tuesday and I have had no word of it since. "
ANSWER = {"role": "assistant", "content": "It left our warehouse on Monday and is with the carrier now."}
CALLS = 20  # below one root


def question(number: int, text: str = TEXT) -> dict[str, Any]:
    """What a chat model is asked."""
    return {"messages": [{"role": "user", "content": f"{text}{number}"}], "temperature": 0.2}


def make(ended: threading.Event, pause: float) -> int:
    """Make spans until `ended`, waiting `pause` seconds after each root; returns how many were made."""
    runtime = _runtime._runtime or _runtime.activate()
    intake = runtime.intake
    operations = [f"ChatModel.invoke {number}" for number in range(CALLS)]
    made = 0
    while not ended.is_set():
        with flowscope.trace("Agent.run", kind="agent", input=question(made)) as root:
            for operation in operations:
                with flowscope.trace(operation, kind="llm", input=question(made)) as span:
                    span.output = ANSWER
                made += 1
            root.output = ANSWER
        made += 1
        if pause:
            time.sleep(pause)
        while intake.bytes > HELD_BYTES:
            time.sleep(0.001)
    return made


def main() -> None:
    """Make spans, then one that says the word given as first argument, and see all of them stored."""
    word, rate = sys.argv[1], float(sys.argv[2])
    flowscope.init(auto_trace=[])
    print("ready", flush=True)
    sys.stdin.readline()
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), ended.set()), daemon=True).start()
    begun = time.time()
    made = make(ended, (CALLS + 1) / rate if rate else 0.0)
    with flowscope.trace("ChatModel.invoke last", kind="llm", input=question(made, word)) as span:
        span.output = ANSWER
    last = time.time()
    print(json.dumps({"made": made + 1, "begun": begun, "last": last, "pid": os.getpid()}), flush=True)
    stored = flowscope.flush(120)
    runtime = _runtime._runtime
    dropped = runtime.intake.dropped + runtime.sender._dropped if runtime else 0
    print(json.dumps({"stored": stored, "dropped": dropped}), flush=True)


if __name__ == "__main__":
    main()
