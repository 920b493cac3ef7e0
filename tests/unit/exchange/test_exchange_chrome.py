"""The Chrome trace export: events nest on their threads, concurrent spans stand apart, nothing is left out."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowscope.protocol import Header, ProducerInfo, Record
from flowscope_app.exchange import FORMATS, Contents
from flowscope_app.store import Incoming, StoreReader, StoreWriter

START = 1_790_000_000_000_000_000
SHOP = ProducerInfo("p-shop", "s", "/srv/shop.py", 41, "host", "python", "CPython 3.12.1", "flowscope 0.1", START)
NODE = ProducerInfo("p-node", "s", "web.mjs", 42, "host", "javascript", "node 20", "@flowscope/sdk 0.1", START)


def record(number: int, start: int, end: int | None, parent: int = 0, thread: str = "MainThread") -> Record:
    return Record(
        id=f"{number:016x}",
        session_id="s",
        parent_id=f"{parent:016x}" if parent else None,
        operation=f"work {number}",
        framework="custom",
        language="python",
        start_ns=START + start,
        end_ns=None if end is None else START + end,
        metadata={"flowscope.kind": "tool", "flowscope.thread": thread},
        status="pending" if end is None else "success",
    )


def exported(folder: Path, *messages: tuple[ProducerInfo, list[Record]]) -> list[dict[str, Any]]:
    db, out = str(folder / "x.db"), io.BytesIO()
    with StoreWriter.open(db) as writer:
        for info, records in messages:
            writer.write([Incoming(Header(1, info, 1, len(records)), records)])
    with StoreReader(db) as reader:
        assert FORMATS["chrome"].write(Contents(reader, reader.sessions()), out) == sum(len(r) for _, r in messages)
    events: list[dict[str, Any]] = json.loads(out.getvalue())["traceEvents"]
    return events


def check_nesting(events: list[dict[str, Any]]) -> None:
    """On each thread any two spans lie within one another or apart, what has not ended going on for ever."""
    threads: dict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)
    for event in events:
        if event["ph"] in "XB":
            end = event["ts"] + event["dur"] if event["ph"] == "X" else np.inf
            threads[event["pid"], event["tid"]].append((event["ts"], end))
    for spans in threads.values():
        above: list[float] = []
        for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
            while above and above[-1] <= start + 1e-6:
                above.pop()
            assert not above or end <= above[-1] + 1e-6
            above.append(end)


def test_concurrent_calls_stand_on_lines_of_their_own_and_others_under_their_caller(tmp_path: Path) -> None:
    records = [
        record(1, 0, 10_000),
        record(2, 1_000, 5_000, 1),
        record(3, 2_000, 6_500, 1),  # beside 2
        record(4, 2_500, 3_000, 3),
        record(5, 7_000, 12_000, 1),  # outlives its caller
        record(6, 8_000, None, 5),
    ]
    events = exported(tmp_path, (SHOP, records))
    check_nesting(events)
    spans = {event["args"]["id"][-1]: event for event in events if event["ph"] in "XB"}
    assert spans["1"]["tid"] == spans["2"]["tid"] != spans["3"]["tid"] == spans["4"]["tid"]
    assert spans["5"]["tid"] != spans["1"]["tid"] and spans["6"]["ph"] == "B"
    assert (spans["4"]["ts"], spans["4"]["dur"], spans["4"]["cat"]) == (2.5, 0.5, "tool")
    names = [event["args"]["name"] for event in events if event["name"] in ("process_name", "thread_name")]
    assert names[:3] == ["shop.py · pid 41 · s", "shop.py", "shop.py (2)"]


def test_a_call_into_another_program_has_an_arrow(tmp_path: Path) -> None:
    events = exported(tmp_path, (SHOP, [record(1, 0, 10_000)]), (NODE, [record(2, 3_000, 4_000, 1)]))
    flow = {event["ph"]: event for event in events if event["ph"] in "sf"}
    caller, called = (event for event in events if event["ph"] == "X")
    assert flow["s"]["id"] == flow["f"]["id"]
    assert (flow["s"]["pid"], flow["s"]["ts"]) == (caller["pid"], 3.0)
    assert (flow["f"]["pid"], flow["f"]["ts"]) == (called["pid"], 3.0)
    assert caller["pid"] != called["pid"]


def test_values_are_cut_and_the_text_is_json_whatever_they_hold(tmp_path: Path) -> None:
    odd = replace(
        record(1, 0, 5), output='"\U0001f600"'.encode() * 2_000, error="no\x00 </script>\u2028", status="error"
    )
    (event,) = (event for event in exported(tmp_path, (SHOP, [odd])) if event["ph"] == "X")
    assert event["args"]["error"] == odd.error and event["cname"] == "terrible"
    assert len(event["args"]["output"]) == 2_002 and event["args"]["output"].endswith(" …")


def test_no_session_is_an_empty_trace(tmp_path: Path) -> None:
    assert exported(tmp_path) == []


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 60))
def test_every_span_of_any_session_nests_on_its_thread(
    tmp_path_factory: pytest.TempPathFactory, seed: int, count: int
) -> None:
    chance = np.random.default_rng(seed)
    records = []
    for number in range(1, count + 1):
        start = int(chance.integers(0, 40)) * 1_000
        end = start + int(chance.integers(0, 20)) * 1_000 if chance.random() < 0.9 else None
        parent = int(chance.integers(1, number)) if number > 1 and chance.random() < 0.8 else 0
        records.append(record(number, start, end, parent, f"T{chance.integers(0, 2)}"))
    check_nesting(exported(tmp_path_factory.mktemp("x"), (SHOP, records)))
