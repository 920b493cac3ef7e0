"""Processes killed while spans are on their way: what was made is stored, or counted as not."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import delivery
import orjson
import pytest
from patience import PATIENCE

SPANS = 200_000
RECORDER = """
import os, sys
import flowscope
for number in range(1_000_000):
    with flowscope.trace("work", input=number) as span:
        span.output = os.urandom(20).hex()
    if number % 500 == 499:
        flowscope.flush(600)
        print(number + 1, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("buffer", "loses"), [pytest.param("256MiB", False, id="room for all"), pytest.param("2MiB", True, id="too little")]
)
def test_ten_kills_of_the_collector_lose_nothing_that_is_not_counted(
    start_collector: Callable[..., Any], buffer: str, loses: bool
) -> None:
    chance = delivery.dice()
    spans, seconds = (SPANS, 12.0) if not loses else (SPANS // 4, 6.0)
    collector = start_collector()
    program = delivery.produce(collector.addr, spans, seconds, buffer=buffer)
    for _ in range(10):
        delivery.pause(chance.uniform(0.0, seconds / 12))
        collector.process.kill()
        collector.process.wait(PATIENCE)
        if loses:
            delivery.pause(0.5)
        collector = start_collector(addr=collector.addr, db=collector.db)
    assert delivery.finish(program) == ["made", "flushed True"]
    found = delivery.account(collector.db)
    print(found)
    assert found.twice == 0
    assert found.ids + found.dropped + found.missing == spans
    assert found.missing == 0, "a program that lives sends again what has a number"
    assert (found.dropped > 0) == loses


def test_what_a_program_was_told_is_stored_outlives_both(start_collector: Callable[..., Any]) -> None:
    chance = delivery.dice()
    collector = start_collector()
    told = 0
    for _ in range(3):
        program = delivery.run(RECORDER, addr=collector.addr)
        last = int(delivery.line(program))
        for _ in range(chance.randrange(20)):
            last = int(delivery.line(program))
        victims = [program, collector.process]
        chance.shuffle(victims)
        for victim in victims:
            victim.kill()
            delivery.pause(chance.uniform(0.0, 0.05))
        rest, _ = program.communicate()
        told += max([last, *map(int, rest.split())])
        collector.process.wait(PATIENCE)
        collector = start_collector(addr=collector.addr, db=collector.db)
    collector.stop()
    found = delivery.account(collector.db)
    assert found.ids >= told and found.twice == 0


def whole_lines(path: Path) -> list[dict[str, Any]]:
    """What is readable of a session file whose writer was killed: members up to the last sound one, whole lines."""
    data, text = path.read_bytes(), b""
    while data:
        unpacker = zlib.decompressobj(wbits=31)
        text += unpacker.decompress(data)
        if not unpacker.eof:
            break
        data = unpacker.unused_data
    return [orjson.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]


def test_a_recording_whose_program_is_killed_is_readable_to_its_last_line(tmp_path: Path) -> None:
    chance = delivery.dice()
    for number in range(10):
        path = tmp_path / f"run{number}.flowscope"
        program = delivery.run(RECORDER, addr=f"file://{path}")
        last = int(delivery.line(program))
        for _ in range(chance.randrange(10)):
            last = int(delivery.line(program))
        delivery.pause(chance.uniform(0.0, 0.02))
        program.kill()
        rest, _ = program.communicate()
        told = max([last, *map(int, rest.split())])
        lines = whole_lines(path)
        assert lines[0]["flowscope"] == "session"
        ids = [line["id"] for line in lines if "id" in line and line["end_time"]]
        assert len(ids) == len(set(ids)) >= told


def test_a_recording_torn_in_a_line_keeps_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "run.flowscope"
    program = delivery.run(RECORDER, addr=f"file://{path}")
    delivery.line(program)
    program.kill()
    program.communicate()
    whole = whole_lines(path)
    path.write_bytes(path.read_bytes()[:-20])
    torn = whole_lines(path)
    assert 0 < len(torn) <= len(whole) and torn == whole[: len(torn)]
