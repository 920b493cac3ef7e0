"""Hostile little programs, run without FlowScope and with it: what they print, raise and return is the same.

Without means: a module in its place that does nothing. Tracebacks are part of what is compared.
"""

from __future__ import annotations

import os
import stat
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

NOTHING = """
    class Span:
        def __setattr__(self, name, value): pass
        def __getattr__(self, name): return lambda *_, **__: None
    class Trace:
        def __enter__(self): return Span()
        def __exit__(self, *_): pass
        async def __aenter__(self): return Span()
        async def __aexit__(self, *_): pass
        def __call__(self, function): return function
    def trace(operation=None, /, **_):
        return operation if callable(operation) or isinstance(operation, (classmethod, staticmethod)) else Trace()
    suppressed = Trace
"""

# Each is a function of the program; what it raises is printed with its traceback.
CASES = {
    "values whose own code raises": """
        class Bad:
            def __init__(self, error): self.error = error
            def __repr__(self): raise self.error
            __str__ = __len__ = __iter__ = __bool__ = __hash__ = __repr__
            def __getattr__(self, name): raise self.error
            @property
            def prop(self): raise self.error
        @flowscope.trace
        def take(value): return value
        for error in (ValueError("x"), SystemExit(5), RecursionError("deep"), MemoryError(), GeneratorExit()):
            bad = Bad(error)
            with flowscope.trace("bad", input=[bad], metadata={"bad": bad}) as span:
                span.output = {"bad": bad}
                span.set("bad", bad)
            print(take(bad) is bad, type(error).__name__)
    """,
    "an iterator that must not be consumed": """
        @flowscope.trace
        def take(values): return values
        values = iter(range(3))
        print(list(take(values)), list(take(x for x in "ab")))
        with open(__file__) as file:
            take(file)
            print(file.tell(), file.readline().strip())
        lock = threading.Lock()
        take(lock)
        print(lock.locked())
    """,
    "values without end or bottom": """
        cycle = []
        cycle.append(cycle)
        deep = []
        for _ in range(10_000):
            deep = [deep]
        class Node:
            @property
            def next(self): return Node()
        long = "x" * 20_000_000
        for value in (cycle, deep, Node(), long, float("nan"), 10**5000, "\\ud800", b"\\xff\\x00", {1: {None: ()}}):
            with flowscope.trace("value", input=value) as span:
                span.output = value
        print("taken")
    """,
    "arrays, models and dataclasses": """
        import dataclasses
        @dataclasses.dataclass
        class Point:
            x: int
            y: object = dataclasses.field(default_factory=threading.Lock)
        half = object.__new__(Point)
        try:
            import numpy, pydantic
            class Model(pydantic.BaseModel):
                a: int = 1
            more = [numpy.zeros((2, 2)), numpy.float64("nan"), Model()]
        except ImportError:
            more = []
        for value in (Point(1), half, *more):
            with flowscope.trace("value", input=value) as span:
                span.output = value
        print("taken")
    """,
    "an exception through decorated functions": """
        @flowscope.trace
        def outer(number): return inner(number)
        @flowscope.trace("named")
        def inner(number): return 1 // number
        outer(0)
    """,
    "an exception from coroutines and generators": """
        @flowscope.trace
        async def work(): raise LookupError("async")
        @flowscope.trace
        def numbers():
            yield 1
            raise LookupError("in a generator")
        @flowscope.trace
        async def stream():
            yield 1
            raise LookupError("in a stream")
        async def read():
            async for _ in stream(): pass
        for run in (lambda: asyncio.run(work()), lambda: list(numbers()), lambda: asyncio.run(read())):
            try:
                run()
            except LookupError:
                print(traceback.format_exc())
    """,
    "an exception with a broken text": """
        class Broken(Exception):
            def __str__(self): raise ValueError("no text")
            __repr__ = __str__
        try:
            with flowscope.trace("broken"):
                raise Broken
        except Broken as error:
            print(type(error).__name__, error.__traceback__.tb_next, error.__context__)
    """,
    "causes and groups": """
        @flowscope.trace
        def work():
            try:
                raise KeyError("first")
            except KeyError as error:
                raise ExceptionGroup("both", [ValueError(1), error]) from error
        work()
    """,
    "generators closed early, dropped and never finished": """
        @flowscope.trace
        def numbers(name):
            try:
                yield 1
                yield 2
            finally:
                print("closed", name)
        early = numbers("early")
        print(next(early), early.close())
        dropped = numbers("dropped")
        next(dropped)
        del dropped
        kept = globals()["kept"] = numbers("kept")
        print(next(kept))
        numbers("never begun")
    """,
    "send, throw and return": """
        @flowscope.trace
        def echo():
            said = None
            while said != "stop":
                try:
                    said = yield said
                except ValueError as error:
                    said = f"caught {error}"
            return "done"
        generator = echo()
        next(generator)
        print(generator.send("a"), generator.throw(ValueError("b")))
        try:
            generator.send("stop")
        except StopIteration as stop:
            print(stop.value)
    """,
    "a task that is cancelled, one that times out, a group that fails": """
        @flowscope.trace
        async def sleep():
            try:
                async with flowscope.trace("inside"):
                    await asyncio.sleep(60)
            except asyncio.CancelledError:
                print("cancelled")
                raise
        async def fail(): raise ValueError("one of the group")
        async def main():
            task = asyncio.create_task(sleep())
            await asyncio.sleep(0)
            task.cancel()
            print(await asyncio.gather(task, return_exceptions=True))
            try:
                async with asyncio.timeout(0.01):
                    await sleep()
            except TimeoutError:
                print("timed out")
            async with asyncio.TaskGroup() as group:
                group.create_task(sleep())
                group.create_task(fail())
        asyncio.run(main())
    """,
    "a signal in the middle of a span": """
        def handler(*_):
            with flowscope.trace("handler"):
                raise InterruptedError("from the handler")
        signal.signal(signal.SIGALRM, handler)
        @flowscope.trace
        def work(number): return number
        gc.collect()
        gc.disable()  # Python itself loses what a handler raises inside of a finalizer
        for _ in range(20):
            try:
                with flowscope.trace("interrupted"):
                    signal.setitimer(signal.ITIMER_REAL, 0.003)
                    while True:
                        with flowscope.trace("tick", input=[dict(a=1)] * 20, metadata={"a": [1]}):
                            work(1)
            except InterruptedError as error:
                print(error)
        gc.enable()
    """,
    "recursion without end": """
        @flowscope.trace
        def endless(): return endless()
        try:
            endless()
        except RecursionError as error:
            print(type(error).__name__)
    """,
    "a fork in the middle of a span": """
        with flowscope.trace("forking") as span:
            pid = os.fork()
            if pid == 0:
                span.output = "child"
                os._exit(3)
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """,
    "attributes of functions and classes": """
        class Agent:
            @flowscope.trace
            def method(self, a, /, b: int = 2, *c, d, **e) -> str: "doc"
            @classmethod
            @flowscope.trace
            def make(cls): return cls.__name__
            @flowscope.trace
            @staticmethod
            def static(x): return x
        import inspect, pickle
        print(inspect.signature(Agent.method), Agent.method.__doc__, Agent.make(), Agent.static(4))
        Agent().method(1, 2, 3, d=4, wrong=5)
        Agent().method()
    """,
    "threads that raise": """
        threading.excepthook = lambda args: print(args.exc_type.__name__, args.exc_value)
        @flowscope.trace
        def fail(): raise ValueError("in a thread")
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        for number in range(2):
            threading.Thread(target=lambda: [time.sleep(0.001) for _ in iter(int, 1)], daemon=True).start()
    """,
}
# How it ends: printed on standard error by Python itself, with an exit status of its own.
ENDS = {
    "uncaught": "work_that_fails()",
    "sys.exit": "sys.exit('bye')",
    "os._exit": "sys.stdout.flush(); os._exit(7)",
    "terminated": "sys.stdout.flush(); os.kill(os.getpid(), signal.SIGTERM)",
}
PROGRAM = """
import asyncio, gc, os, signal, sys, threading, time, traceback
import flowscope
{cases}
for case in [{names}]:
    print("--", case.__name__)
    try:
        case()
    except Exception:
        print(traceback.format_exc())

@flowscope.trace
def work_that_fails():
    with flowscope.trace("inside"):
        raise ValueError("at the end")

sys.stdout.flush()
with flowscope.trace("last"):
    {end}
"""


def program(end: str) -> str:
    cases = "".join(
        f"def case_{number}():\n{textwrap.indent(textwrap.dedent(case).strip(), '    ')}\n"
        for number, case in enumerate(CASES.values())
    )
    names = ", ".join(f"case_{number}" for number in range(len(CASES)))
    return PROGRAM.format(cases=cases, names=names, end=ENDS[end])


@pytest.fixture(scope="module")
def without() -> dict[str, tuple[str, str, int]]:
    """What the program does without FlowScope, by how it ends."""
    return {}


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody may write to."""
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    yield folder
    folder.chmod(stat.S_IRWXU)


WHERE = ["off", "absent", "taking nothing", "recording", "full disk", "read-only home"]


@pytest.mark.parametrize(
    ("end", "where"),
    [*(("uncaught", where) for where in WHERE), *((end, "absent") for end in ENDS if end != "uncaught")],
)
def test_a_program_is_the_same_with_and_without(
    run_python: Callable[..., Any],
    make_listener: Callable[[str], Any],
    free_addr: str,
    tmp_path: Path,
    closed: Path,
    without: dict[str, tuple[str, str, int]],
    where: str,
    end: str,
) -> None:
    env = {"FLOWSCOPE_FLUSH_TIMEOUT": "0.5", "HOME": os.environ.get("HOME", "/")}
    if end not in without:
        stub = tmp_path / "stub"
        stub.mkdir()
        (stub / "flowscope.py").write_text(textwrap.dedent(NOTHING))
        plain = run_python(program(end), env={**env, "PYTHONPATH": str(stub)})
        without[end] = said(plain, tmp_path)
        assert plain.out.count("-- case_") == len(CASES), plain.err
    if where == "taking nothing":
        make_listener(free_addr)  # connected to, and never read
    addr = {
        "off": "off",
        "recording": f"file://{tmp_path}/out.flowscope",
        "full disk": "file:///dev/full",
    }.get(where, free_addr)
    if where == "read-only home":
        env |= {"HOME": str(closed), "FLOWSCOPE_HOME": str(closed), "TMPDIR": str(closed)}
    done = run_python(program(end), env={**env, "FLOWSCOPE_ADDR": addr})
    out, err, status = said(done, tmp_path)
    if where == "full disk":  # what can't be recorded is said, in one line
        err = "".join(line for line in err.splitlines(keepends=True) if not line.startswith("flowscope: can't record"))
    assert (out, err, status) == without[end]


def said(done: Any, folder: Path) -> tuple[str, str, int]:
    return done.out.replace(str(folder), "."), done.err.replace(str(folder), "."), done.status
