"""Spans a second until stored: Phoenix (SQLite, OTLP over HTTP, batches of 500), then FlowScope, in one run.

Phoenix is installed by pip into an environment of its own, once, in the user's cache folder.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from environments import environment
from filling import span
from rig import HERE, SESSION, collecting, say

from flowscope._sender import MAX_AHEAD
from flowscope._transport import connect
from flowscope.protocol import ProducerInfo, encode_record, parse_addr

SPANS = 10_000
FLOWSCOPE_SPANS = 500_000
BATCH = 500
WANTED = ["arize-phoenix>=20,<21", "opentelemetry-proto>=1.30"]
START_S = 180.0
QUIET = {
    "PHOENIX_TELEMETRY_ENABLED": "false",
    "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
    "PHOENIX_DISABLE_AGENT_ASSISTANT": "true",
}


def main() -> int:
    """Print one line a figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--spans", type=int, default=SPANS)
    arguments, _ = parser.parse_known_args()
    python = environment("phoenix", WANTED)
    if python is None:
        print(f"phoenix: {' '.join(WANTED)} can't be installed; nothing was measured", file=sys.stderr)
        return 1
    records = [encode_record(span(number, SESSION)) for number in range(arguments.spans)]
    size = sum(map(len, records)) / len(records)
    theirs = _phoenix(python, records)
    said = f"{arguments.spans:,} spans of {size:.0f} bytes, until stored"
    say("phoenix", f"Phoenix {_version(python)}, {said}", f"{theirs:,.0f} spans/s")
    ours = _flowscope()
    say("phoenix", f"FlowScope, {FLOWSCOPE_SPANS:,} of the same, until stored", f"{ours:,.0f} spans/s")
    say("phoenix", "FlowScope's rate against Phoenix'", f"{ours / theirs:.0f} times")
    return 0


def _version(python: Path) -> str:
    code = "import importlib.metadata; print(importlib.metadata.version('arize-phoenix'))"
    return subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def _phoenix(python: Path, records: list[bytes]) -> float:
    """Spans a second into a fresh Phoenix."""
    with tempfile.TemporaryDirectory(prefix="flowscope-", ignore_cleanup_errors=True) as folder:
        with _serving(python, Path(folder)) as url:
            fed = subprocess.run(
                [str(python), str(HERE / "phoenix_feeder.py"), f"{url}/v1/traces", str(Path(folder) / "phoenix.db")],
                input=b"\n".join(records),
                stdout=subprocess.PIPE,
                timeout=400,
                check=True,
            )
        return len(records) / float(fed.stdout)


@contextlib.contextmanager
def _serving(python: Path, folder: Path) -> Iterator[str]:
    """Phoenix as it comes, with its SQLite in a folder, calling nobody."""
    web, grpc = _free_port(), _free_port()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PHOENIX_", "OTEL_"))}
    inherited |= QUIET | {
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_SQL_DATABASE_URL": f"sqlite:///{folder / 'phoenix.db'}",
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(web),
        "PHOENIX_GRPC_PORT": str(grpc),
    }
    url = f"http://127.0.0.1:{web}"
    with (folder / "log").open("wb") as log:
        command = [str(python.with_name("phoenix")), "serve"]
        process = subprocess.Popen(command, env=inherited, stdout=log, stderr=log)
        try:
            _await(process, url)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_S
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/healthz", timeout=5):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("phoenix: it did not start")
        time.sleep(0.2)


def _flowscope() -> float:
    """Spans a second into a fresh collector, in batches of 500, held until they are acknowledged as the SDK does."""
    bodies = [
        [encode_record(span(number, SESSION)) for number in range(first, first + BATCH)]
        for first in range(0, FLOWSCOPE_SPANS, BATCH)
    ]
    with collecting() as collector:
        info = ProducerInfo("bench-phoenix", SESSION, "bench.py", os.getpid(), socket.gethostname(), "python")
        transport = connect(parse_addr(collector.addr), info, MAX_AHEAD)
        begun = time.perf_counter()
        for parts in bodies:
            while not transport.send(parts, 0):
                transport.wait(0.01)
        with collector.reader() as reader:
            while (row := reader.session(SESSION)) is None or row.spans < FLOWSCOPE_SPANS:
                transport.wait(0.01)
        took = time.perf_counter() - begun
        transport.close(0.0)
    return FLOWSCOPE_SPANS / took


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
