"""No secret is among the bytes that leave the process: on the wire, and in a recording."""

from __future__ import annotations

import gzip
import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zmq
from patience import PATIENCE_MS
from secret_corpus import SECRETS

import flowscope


def leak_everywhere(folder: Path) -> int:
    """Put every secret of the corpus wherever a span has a place for it; how many spans that makes."""

    @flowscope.trace
    def called(argument: Any, *, option: Any) -> Any:
        return {"result": argument}

    @flowscope.trace
    def yielding(argument: Any) -> Any:
        yield argument

    for number, (value, _) in enumerate(SECRETS.values()):
        text = value if isinstance(value, str) else json.dumps(value)
        called(value, option={"nested": [value]})
        list(yielding(text))
        with flowscope.trace(text[:500], input={"messages": [{"role": "user", "content": text}]}) as span:
            span.set("request", {"headers": value, "body": text, "repr": repr(value)})
            span.set_metadata({"gen_ai.system_instructions": text})
            span.stream(text)
        raising = folder / f"raising_{number}.py"
        raising.write_text(f"def fail():\n    raise ValueError({value!r})\nfail()\n")
        with pytest.raises(RuntimeError), flowscope.trace("fails"):
            try:
                runpy.run_path(str(raising))
            except ValueError as error:
                error.add_note(f"note: {text}")
                raise RuntimeError(f"while asking with {text}") from error
    return 4 * len(SECRETS)


def assert_clean(data: bytes, folder: Path) -> None:
    assert data.count(b"[redacted]") > 8 * len(SECRETS)
    found = [name for name, (_, secret) in SECRETS.items() if secret.encode() in data]
    assert not found


def test_no_secret_is_among_the_bytes_on_the_wire(setup: Callable[..., None], free_addr: str, tmp_path: Path) -> None:
    assert len(SECRETS) >= 40
    context = zmq.Context()
    socket = context.socket(zmq.PULL)
    socket.bind(free_addr)
    try:
        setup(addr=free_addr, session_id="secrets")
        count = leak_everywhere(tmp_path)
        messages = []
        ended = 0
        while ended < count:
            assert socket.poll(PATIENCE_MS), f"{ended} of {count}"
            frames = socket.recv_multipart()
            messages += frames
            ended += sum(record["end_time"] is not None for record in json.loads(frames[-1]))
    finally:
        socket.close(0)
        context.term()
    assert_clean(b"\n".join(messages), tmp_path)


def test_no_secret_is_in_a_recording(setup: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / "secrets.flowscope"
    setup(addr=f"file://{path}", session_id="secrets")
    count = leak_everywhere(tmp_path)
    assert flowscope.flush(90)
    lines = gzip.decompress(path.read_bytes())
    assert sum(1 for line in lines.splitlines() if b'"end_time":"' in line) == count
    assert_clean(lines, tmp_path)
