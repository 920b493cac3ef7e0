"""trace() around blocks and functions of every kind: what is recorded, and that nothing else changes."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time

import pytest

import flowscope
from flowscope import _runtime


def test_a_block_is_a_span_with_its_times_session_and_output(sdk):
    with flowscope.trace("work", input={"a": 1}, metadata={"user": "u"}, kind="tool") as span:
        span.output = [1, 2]
    record = sdk.one("work")
    assert record["id"] == span.id and record["session_id"] == "test" and record["parent_id"] is None
    assert (record["input"], record["output"]) == ({"a": 1}, [1, 2])
    assert record["status"] == "success" and record["error"] is None
    assert record["language"] == "python" and record["framework"] == "custom"
    assert record["metadata"]["user"] == "u" and record["metadata"]["flowscope.kind"] == "tool"
    assert record["metadata"]["flowscope.trace_id"] == span.trace_id
    assert record["metadata"]["flowscope.thread"] == "MainThread"
    assert record["start_time"] <= record["end_time"]


def test_ids_are_valid_for_w3c_and_rise(sdk):
    spans = []
    for _ in range(3):
        with flowscope.trace("x") as span:
            spans.append(span)
    assert [len(span.id) for span in spans] == [16] * 3 and [len(span.trace_id) for span in spans] == [32] * 3
    assert [int(span.id, 16) - int(spans[0].id, 16) for span in spans] == [0, 1, 2]
    assert len({span.trace_id for span in spans}) == 3


def test_an_exception_passes_and_is_recorded_with_the_programs_own_frames(sdk):
    def fails():
        raise ValueError("no such order")

    with pytest.raises(ValueError, match="no such order"), flowscope.trace("work"):
        fails()
    record = sdk.one("work")
    assert (record["status"], record["error"]) == ("error", "ValueError: no such order")
    assert record["metadata"]["flowscope.exception.type"] == "ValueError"
    trace = record["metadata"]["flowscope.exception.stacktrace"]
    assert "in fails" in trace and 'raise ValueError("no such order")' in trace and "/flowscope/_" not in trace


def test_causes_of_an_exception_are_in_the_stack_trace(sdk):
    with pytest.raises(RuntimeError), flowscope.trace("work"):
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise RuntimeError("outer") from error
    trace = sdk.one("work")["metadata"]["flowscope.exception.stacktrace"]
    assert trace.index("KeyError: 'inner'") < trace.index("direct cause") < trace.index("RuntimeError: outer")


def test_leaving_by_exit_0_is_no_failure_and_by_exit_1_is(sdk):
    for status in (0, 1):
        with pytest.raises(SystemExit), flowscope.trace(f"exit {status}"):
            raise SystemExit(status)
    assert [sdk.one(f"exit {status}")["status"] for status in (0, 1)] == ["success", "error"]


def test_the_snapshot_is_taken_when_it_is_set(sdk):
    value = {"list": [1]}
    with flowscope.trace("work", input=value) as span:
        span.output = value
        span.set("meta", value)
        value["list"].append(2)
    record = sdk.one("work")
    assert record["input"] == record["output"] == record["metadata"]["meta"] == {"list": [1]}


def test_session_holds_for_the_span_and_all_below_it(sdk):
    with flowscope.trace("outer", session_id="user123"), flowscope.trace("inner"):
        pass
    with flowscope.trace("after"):
        pass
    assert [sdk.one(name)["session_id"] for name in ("outer", "inner", "after")] == ["user123", "user123", "test"]


async def test_async_with(sdk):
    async with flowscope.trace("outer") as outer:
        await asyncio.sleep(0)
        async with flowscope.trace("inner"):
            pass
    assert sdk.one("inner")["parent_id"] == outer.id
    with pytest.raises(KeyError):
        async with flowscope.trace("fails"):
            raise KeyError("x")
    assert sdk.one("fails")["status"] == "error"


def test_one_trace_object_may_be_entered_again_inside_itself(sdk):
    again = flowscope.trace("again")
    with again as outer, again as inner:
        assert inner.parent_id == outer.id
    assert flowscope.current_span() is None
    assert len(sdk.finished(2)) == 2


@flowscope.trace
def bare(a: int, b: int = 2, *rest: int, **named: int) -> int:
    """Add."""
    return a + b


@flowscope.trace("named", kind="tool")
def named(value: str) -> str:
    return value.upper()


class Bot:
    @flowscope.trace
    def answer(self, question: str) -> str:
        return question + "!"

    @flowscope.trace
    @classmethod
    def make(cls, size: int) -> str:
        return f"{cls.__name__} {size}"

    @staticmethod
    @flowscope.trace
    def add(a: int, b: int) -> int:
        return a + b


def test_a_decorated_function_keeps_what_it_is_and_records_arguments_and_result(sdk):
    assert bare(1, 3, 4, 5, c=6) == 4
    assert (bare.__name__, bare.__doc__) == ("bare", "Add.")
    assert str(inspect.signature(bare)).startswith("(a: 'int', b: 'int' = 2, *rest: 'int'")
    record = sdk.one("bare")
    assert record["input"] == {"a": 1, "b": 3, "rest": [4, 5], "c": 6} and record["output"] == 4


def test_a_decorator_may_name_the_operation(sdk):
    assert named("x") == "X"
    assert sdk.one("named")["metadata"]["flowscope.kind"] == "tool"


def test_methods_leave_self_and_cls_out(sdk):
    assert (Bot().answer("why"), Bot.make(3), Bot.add(1, 2), Bot().add(b=3, a=4)) == ("why!", "Bot 3", 3, 7)
    sdk.finished(4)
    assert sdk.one("Bot.answer")["input"] == {"question": "why"}
    assert sdk.one("Bot.make")["input"] == {"size": 3}
    assert [span["input"] for span in sdk.spans.values() if span["operation"] == "Bot.add"] == [
        {"a": 1, "b": 2},
        {"b": 3, "a": 4},
    ]


def test_what_a_decorated_function_raises_is_the_same_object(sdk):
    error = ValueError("x")

    @flowscope.trace
    def fails():
        raise error

    with pytest.raises(ValueError) as caught:
        fails()
    assert caught.value is error and error.__context__ is None
    assert sdk.one("fails")["error"] == "ValueError: x"


def test_a_partial_and_a_callable_object_can_be_decorated(sdk):
    class Callme:
        def __call__(self, x: int) -> int:
            return x + 1

    assert flowscope.trace("partial")(functools.partial(lambda a, b: a + b, 1))(2) == 3
    assert flowscope.trace("object")(Callme())(1) == 2
    assert sdk.one("partial")["output"] == 3 and sdk.one("object")["output"] == 2


async def test_a_decorated_coroutine_function_stays_one(sdk):
    @flowscope.trace
    async def fetch(url: str) -> str:
        await asyncio.sleep(0)
        with flowscope.trace("inner"):
            return url + "/"

    assert inspect.iscoroutinefunction(fetch)
    assert await fetch("a") == "a/"
    assert sdk.one("fetch")["output"] == "a/" and sdk.one("inner")["parent_id"] == sdk.one("fetch")["id"]
    assert flowscope.current_span() is None


async def test_a_cancelled_task_is_recorded_as_such(sdk):
    @flowscope.trace
    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    task = asyncio.ensure_future(wait_for_ever())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sdk.one("wait_for_ever")["error"] == "CancelledError"


def test_end_counts_once_and_later_outputs_still_arrive(sdk):
    with flowscope.trace("work") as span:
        pass
    end = span.end_ns
    span.end(output="not this")
    assert span.end_ns == end
    assert sdk.one("work")["output"] is None
    span.output = "late"
    sdk.wait_for(lambda: sdk.spans[span.id]["output"] == "late")


def test_a_span_reads_back_what_was_set(sdk):
    with flowscope.trace("work", input={"a": (1, 2)}) as span:
        span.output = {"b"}
        span.set_metadata({"n": 1})
        assert (span.input, span.output, span.metadata) == ({"a": [1, 2]}, ["b"], {"n": 1})
        assert flowscope.current_span() is span and span.is_recording and span.parent_id is None


def test_streamed_text_is_the_output_until_one_is_set(sdk):
    with flowscope.trace("llm", kind="llm") as span:
        for piece in ("Hel", "lo"):
            span.stream(piece)
        assert span.output == "Hello"
    record = sdk.one("llm")
    assert record["output"] == "Hello" and record["metadata"]["flowscope.stream"] is True


def test_suppressed_records_nothing_inside(sdk):
    with flowscope.trace("outer") as outer:
        with flowscope.suppressed(), flowscope.trace("hidden"), flowscope.trace("too"):
            pass
        with flowscope.trace("seen"):
            pass
    assert sdk.one("seen")["parent_id"] == outer.id
    assert {span["operation"] for span in sdk.finished(2)} == {"outer", "seen"}


def test_an_exception_with_a_broken_text_is_recorded_by_its_type(sdk):
    class Broken(Exception):
        def __str__(self) -> str:
            raise SystemExit("from str")

    with pytest.raises(Broken), flowscope.trace("work"):
        raise Broken
    record = sdk.one("work")
    assert record["status"] == "error" and record["error"].startswith("Broken: (its text can't be read")


def test_endless_recursion_ends_as_it_would_and_its_trace_is_bounded(sdk):
    def endless(depth: int) -> int:
        return endless(depth + 1) + 1

    with pytest.raises(RecursionError), flowscope.trace("work"):
        endless(0)
    trace = sdk.one("work")["metadata"]["flowscope.exception.stacktrace"]
    assert "more frames" in trace and len(trace) < 20_000 and "RecursionError" in trace


def test_recursion_through_a_decorated_function(sdk, monkeypatch):
    monkeypatch.setenv("FLOWSCOPE_RAISE", "0")

    @flowscope.trace
    def endless(depth: int) -> int:
        return endless(depth + 1) + 1

    with pytest.raises(RecursionError):
        endless(0)
    assert flowscope.current_span() is None
    assert sdk.one_of("endless")["status"] == "error"


def test_a_mistake_of_ours_is_swallowed_and_in_our_tests_raised(sdk, monkeypatch):
    def broken() -> int:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("flowscope._runtime.time_ns", broken)
    with pytest.raises(ZeroDivisionError), flowscope.trace("work", input=1):
        pass
    monkeypatch.setenv("FLOWSCOPE_RAISE", "0")
    with flowscope.trace("work", input=1) as span:
        span.output = 2
        with flowscope.trace("inner"):
            pass
    assert not span.is_recording and flowscope.current_span() is None


def test_what_is_set_on_a_span_that_is_not_recorded_goes_nowhere(sdk):
    with flowscope.suppressed(), flowscope.trace("hidden") as span:
        span.output = span.input = {"a": 1}
        span.set("a", 1)
        span.metadata["b"] = 2
        span.stream("x")
        span.fail(ValueError("x"))
        span.end("y")
    assert (span.input, span.output, span.metadata, span.status) == (None, None, {}, "pending")
    assert not span.is_recording


def test_a_child_never_outlasts_its_parent_though_the_thread_stands_still_between_two_clocks(sdk, monkeypatch):
    late = iter(range(0, 1_000_000_000, 5_000_000))
    monkeypatch.setattr(_runtime, "time_ns", lambda: time.time_ns() + next(late))
    with flowscope.trace("parent") as parent:
        with flowscope.trace("child") as child:
            pass
    assert parent.start_ns <= child.start_ns <= child.end_ns <= parent.end_ns
