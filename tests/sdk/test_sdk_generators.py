"""trace() around generators: what they yield is recorded, and whoever reads them notices nothing."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
from collections.abc import AsyncIterator, Iterator

import orjson
import pytest

import flowscope


@flowscope.trace
def count(limit: int) -> Iterator[int]:
    with flowscope.trace("inside"):
        yield from range(limit)


def test_a_decorated_generator_function_stays_one_and_records_what_it_yields(sdk):
    assert inspect.isgeneratorfunction(count)
    for number in count(3):
        assert flowscope.current_span() is None, number
    record = sdk.one("count")
    assert record["output"] == [0, 1, 2] and record["status"] == "success"
    assert record["metadata"]["flowscope.first_token_ns"] > 0
    assert sdk.one("inside")["parent_id"] == record["id"]


def test_a_generator_closed_early_ends_its_span_with_what_it_yielded(sdk):
    generator = count(10)
    assert next(generator) == 0
    generator.close()
    record = sdk.one("count")
    assert record["output"] == [0] and record["status"] == "success"


def test_a_generator_dropped_early_ends_its_span(sdk):
    assert next(count(10)) == 0  # the only reference goes here
    assert sdk.one("count")["output"] == [0]
    assert flowscope.current_span() is None


def test_send_throw_and_return_go_through_a_decorated_generator(sdk):
    seen = []

    @flowscope.trace
    def talk():
        try:
            while True:
                seen.append((yield len(seen)))
        except KeyError:
            yield "caught"
        return "done"

    generator = talk()
    assert [next(generator), generator.send("a"), generator.send("b")] == [0, 1, 2]
    assert generator.throw(KeyError("x")) == "caught"
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "done" and seen == ["a", "b"]
    assert sdk.one("talk")["output"] == {"yielded": [0, 1, 2, "caught"], "returned": "done"}


def test_a_generator_that_raises_fails_its_span(sdk):
    @flowscope.trace
    def fails():
        yield 1
        raise ValueError("x")

    with pytest.raises(ValueError):
        list(fails())
    record = sdk.one("fails")
    assert record["status"] == "error" and record["output"] == [1]


def test_what_a_generator_yields_is_kept_bounded_with_length_and_hash(setup, listener):
    setup(addr=listener.addr, max_value=200)

    @flowscope.trace
    def many():
        yield from (f"piece {number}" for number in range(1000))

    assert len(list(many())) == 1000
    record = listener.one("many")
    assert record["output"][-1].endswith(" more") and len(str(record["output"])) < 400
    cut = record["metadata"]["flowscope.truncated"]["output"]
    whole = orjson.dumps([f"piece {number}" for number in range(1000)])
    assert cut == {"length": len(whole), "sha256": hashlib.sha256(whole).hexdigest()}


async def test_a_decorated_async_generator(sdk):
    @flowscope.trace
    async def stream(limit: int) -> AsyncIterator[int]:
        for number in range(limit):
            await asyncio.sleep(0)
            with flowscope.trace(f"inside {number}"):
                pass
            yield number

    assert inspect.isasyncgenfunction(stream)
    async for number in stream(3):
        assert flowscope.current_span() is None, number
    record = sdk.one("stream")
    assert record["output"] == [0, 1, 2]
    assert sdk.one("inside 2")["parent_id"] == record["id"]


async def test_an_async_generator_closed_early(sdk):
    closed = []

    @flowscope.trace
    async def stream():
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    generator = stream()
    assert await anext(generator) == 1
    await generator.aclose()
    record = sdk.one("stream")
    assert record["output"] == [1] and record["status"] == "success" and closed == [True]


async def test_asend_and_athrow_go_through_a_decorated_async_generator(sdk):
    @flowscope.trace
    async def talk():
        try:
            got = yield "first"
            yield got
        except KeyError:
            yield "caught"

    generator = talk()
    assert await anext(generator) == "first"
    assert await generator.asend("x") == "x"
    assert await generator.athrow(KeyError("k")) == "caught"
    with pytest.raises(StopAsyncIteration):
        await anext(generator)
    assert sdk.one("talk")["output"] == ["first", "x", "caught"]
