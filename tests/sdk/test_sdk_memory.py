"""A million spans that nobody takes: bounded in memory, and what is dropped is counted and told."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest
from patience import PATIENCE

PROGRAM = """
    import flowscope, resource, sys
    from flowscope import _transport  # what the background thread imports counts before

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    for number in range(100):
        with flowscope.trace("warm up"):
            pass
    flowscope.flush(0.5)
    before = peak()
    for number in range(999_900):
        with flowscope.trace("work", input=["a text of some length", number]):
            pass
    print(peak() - before, flush=True)
    sys.stdin.readline()
    print(flowscope.flush(60), flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="what ru_maxrss counts differs")
def test_a_million_spans_without_a_collector_stay_in_the_buffer_and_the_dropped_are_told(
    tmp_path, make_listener, free_addr
):
    app = tmp_path / "app.py"
    app.write_text(textwrap.dedent(PROGRAM))
    inner = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSCOPE_")}
    process = subprocess.Popen(
        [sys.executable, str(app)], env={**inner, "FLOWSCOPE_ADDR": free_addr}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    grown = int(process.stdout.readline())
    assert grown < (32 << 20) + 20_000_000, f"{grown / 1e6:.0f} MB"

    listener = make_listener(free_addr)  # late
    process.stdin.write("\n")
    process.stdin.close()

    def told() -> int:
        return len(listener.spans) + max((header.dropped for header in listener.headers), default=0)

    listener.wait_for(lambda: told() == 1_000_000)
    assert process.stdout.readline() == "True\n" and process.wait(PATIENCE) == 0
    process.stdout.close()
    assert len(listener.spans) > 10_000
