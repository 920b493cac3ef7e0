"""Which span is whose child: in tasks, threads, executors and generators, with no leak into the caller."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import flowscope


def parent_name(listener, operation):
    parent = listener.one(operation)["parent_id"]
    return None if parent is None else listener.spans[parent]["operation"]


async def test_concurrent_tasks_nest_each_under_its_own(sdk):
    async def work(name):
        with flowscope.trace(name):
            await asyncio.sleep(0)
            with flowscope.trace(f"{name} inner"):
                await asyncio.sleep(0)

    with flowscope.trace("root"):
        await asyncio.gather(*(work(f"task {number}") for number in range(5)))
    sdk.finished(11)
    for number in range(5):
        assert parent_name(sdk, f"task {number}") == "root"
        assert parent_name(sdk, f"task {number} inner") == f"task {number}"


async def test_a_task_that_outlives_the_span_it_was_started_in_stays_its_child(sdk):
    go = asyncio.Event()

    async def background():
        await go.wait()
        with flowscope.trace("late"):
            pass

    with flowscope.trace("outer"), flowscope.trace("starter"):
        task = asyncio.ensure_future(background())
        await asyncio.sleep(0)
    go.set()
    await task
    sdk.finished(3)
    assert parent_name(sdk, "late") == "starter"


async def test_spans_name_their_task(sdk):
    with flowscope.trace("work"):
        pass
    assert sdk.one("work")["metadata"]["flowscope.task"].startswith("Task-")


def test_a_thread_started_inside_a_span_nests_under_it(sdk):
    class Worker(threading.Thread):
        def run(self):
            with flowscope.trace("subclass"):
                pass

    def work():
        with flowscope.trace("target"):
            pass
        assert flowscope.current_span().operation == "root"

    with flowscope.trace("root"):
        for thread in (threading.Thread(target=work, name="my thread"), Worker()):
            thread.start()
            thread.join()
    outside = threading.Thread(target=lambda: flowscope.trace("outside").__enter__().end())
    outside.start()
    outside.join()
    sdk.finished(4)
    assert [parent_name(sdk, name) for name in ("target", "subclass", "outside")] == ["root", "root", None]
    assert sdk.one("target")["metadata"]["flowscope.thread"] == "my thread"


def test_work_in_an_executor_nests_under_who_submitted_it(sdk):
    def work(name):
        with flowscope.trace(name):
            return threading.get_ident()

    with ThreadPoolExecutor(1) as pool:
        with flowscope.trace("first"):
            ident = pool.submit(work, "a").result()
        with flowscope.trace("second"):
            assert pool.submit(work, "b").result() == ident
            assert list(pool.map(work, ["c"])) == [ident]
        assert pool.submit(work, "alone").result() == ident
        assert pool.submit(flowscope.current_span).result() is None
    sdk.finished(6)
    assert [parent_name(sdk, name) for name in ("a", "b", "c", "alone")] == ["first", "second", "second", None]


def test_an_exception_from_an_executor_carries_no_frame_of_ours(sdk):
    def fails():
        raise ValueError("x")

    with flowscope.trace("root"), ThreadPoolExecutor(1) as pool:
        error = pool.submit(fails).exception()
    names = []
    trace = error.__traceback__
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_filename)
        trace = trace.tb_next
    assert not [name for name in names if "flowscope/_" in name]


async def test_to_thread_and_run_in_executor_nest(sdk):
    def work(name):
        with flowscope.trace(name):
            pass

    with flowscope.trace("root"):
        await asyncio.to_thread(work, "to_thread")
        await asyncio.get_running_loop().run_in_executor(None, work, "executor")
    sdk.finished(3)
    assert [parent_name(sdk, name) for name in ("to_thread", "executor")] == ["root", "root"]


def test_a_span_in_a_generators_body_is_not_current_in_its_consumer(sdk):
    def numbers():
        with flowscope.trace("generator"):
            for number in range(2):
                with flowscope.trace(f"inside {number}"):
                    pass
                yield number

    with flowscope.trace("root") as root:
        for number in numbers():
            assert flowscope.current_span() is root
            with flowscope.trace(f"consumer {number}"):
                pass
    assert flowscope.current_span() is None
    sdk.finished(6)
    assert [parent_name(sdk, f"inside {number}") for number in range(2)] == ["generator"] * 2
    assert [parent_name(sdk, f"consumer {number}") for number in range(2)] == ["root"] * 2


def test_generators_in_turn_and_closed_in_any_order_leave_no_trace(sdk):
    def numbers(name):
        with flowscope.trace(name):
            yield 1
            with flowscope.trace(f"{name} inside"):
                yield 2

    first, second = numbers("first"), numbers("second")
    assert [next(first), next(second), next(first), next(second)] == [1, 1, 2, 2]
    assert flowscope.current_span() is None
    first.close()
    second.close()
    assert flowscope.current_span() is None
    sdk.finished(4)
    assert parent_name(sdk, "first inside") == "first" and parent_name(sdk, "second inside") == "second"
    assert parent_name(sdk, "first") is None and parent_name(sdk, "second") is None


def test_a_generator_finished_inside_another_span_leaves_that_current(sdk):
    def numbers():
        with flowscope.trace("generator"):
            yield 1

    generator = numbers()
    next(generator)
    with flowscope.trace("outer") as outer:
        assert list(generator) == []
        assert flowscope.current_span() is outer
    assert flowscope.current_span() is None


async def test_a_span_in_an_async_generators_body_stays_inside_and_is_inherited_by_its_tasks(sdk):
    async def child(name):
        await asyncio.sleep(0)
        with flowscope.trace(name):
            pass

    async def numbers():
        with flowscope.trace("generator"):
            await asyncio.gather(child("a"), child("b"))
            yield 1

    with flowscope.trace("root") as root:
        async for _ in numbers():
            assert flowscope.current_span() is root
    sdk.finished(4)
    assert parent_name(sdk, "a") == "generator" and parent_name(sdk, "generator") == "root"


async def test_an_abandoned_async_generator_leaves_no_trace(sdk):
    async def numbers():
        with flowscope.trace("generator"):
            yield 1
            yield 2

    async for _ in numbers():
        break
    gc.collect()
    await asyncio.sleep(0.01)
    assert flowscope.current_span() is None
    assert sdk.one("generator")["status"] == "success"


def test_a_span_around_the_yield_of_a_context_manager_is_current_in_its_block(sdk):
    @contextlib.contextmanager
    def managed():
        with flowscope.trace("managed"):
            yield

    with managed():
        with flowscope.trace("inside"):
            pass
    assert flowscope.current_span() is None
    sdk.finished(2)
    assert parent_name(sdk, "inside") == "managed"


async def test_likewise_for_an_async_context_manager(sdk):
    @contextlib.asynccontextmanager
    async def managed():
        with flowscope.trace("managed"):
            yield

    async with managed():
        with flowscope.trace("inside"):
            pass
    sdk.finished(2)
    assert parent_name(sdk, "inside") == "managed"


def test_a_block_left_in_another_thread_than_it_was_entered_in_raises_nothing(sdk):
    block = flowscope.trace("moved")
    block.__enter__()
    thread = threading.Thread(target=block.__exit__, args=(None, None, None))
    thread.start()
    thread.join()
    assert flowscope.current_span() is None
    assert sdk.one("moved")["status"] == "success"


def test_blocks_left_out_of_order_leave_nothing_current(sdk):
    first, second = flowscope.trace("first"), flowscope.trace("second")
    first.__enter__()
    inner = second.__enter__()
    first.__exit__(None, None, None)
    assert flowscope.current_span() is inner
    second.__exit__(None, None, None)
    assert flowscope.current_span() is None


def test_a_parent_can_be_given_and_none_makes_a_root(sdk):
    with flowscope.trace("root") as root:
        with flowscope.trace("alone", parent=None) as alone:
            pass
    with flowscope.trace("given", parent=root):
        pass
    sdk.finished(3)
    assert parent_name(sdk, "alone") is None and alone.trace_id != root.trace_id
    assert parent_name(sdk, "given") == "root"


def test_context_goes_out_and_in_by_traceparent(sdk):
    headers: dict[str, str] = {}
    with flowscope.trace("client") as client:
        assert flowscope.inject(headers) is headers
    assert headers == {
        "traceparent": f"00-{client.trace_id}-{client.id}-01",
        "baggage": f"flowscope.session={client.session_id}",
    }
    asgi = [(b"host", b"x"), (b"Traceparent", headers["traceparent"].encode())]
    for name, given in (("mapping", {"TraceParent": headers["traceparent"]}), ("pairs", asgi)):
        with flowscope.extract(given), flowscope.trace(name) as server:
            assert (server.trace_id, server.parent_id) == (client.trace_id, client.id)
    with flowscope.trace("by argument", parent=flowscope.extract(headers)) as server:
        assert server.parent_id == client.id


@pytest.mark.parametrize(
    "value",
    ["", "garbage", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", "ff-" + "1" * 32 + "-" + "1" * 16 + "-01", "00-1-2-3"],
)
def test_a_bad_traceparent_changes_nothing(sdk, value):
    with flowscope.trace("outer") as outer, flowscope.extract({"traceparent": value}):
        with flowscope.trace("inner") as inner:
            assert inner.parent_id == outer.id
    with flowscope.trace("root", parent=flowscope.extract({"traceparent": value})) as root:
        assert root.parent_id is None


def test_inject_outside_of_any_span_adds_nothing(sdk):
    assert flowscope.inject({}) == {}
