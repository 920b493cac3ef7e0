"""How programs end: as they would without FlowScope, at once if nobody listens, with all delivered if somebody does."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import textwrap
import time

import pytest
from patience import OUTLASTS, PATIENCE

from flowscope import _transport
from flowscope.protocol import ProducerInfo, parse_addr

# Each program with what it prints and its exit status, the same traced and untraced, with and without a listener.
PROGRAMS = {
    "falls off its end": ("print('out')", "out\n", 0),
    "sys.exit": ("import sys; print('out'); sys.exit(3)", "out\n", 3),
    "uncaught exception": ("print('out'); raise ValueError('boom')", "out\n", 1),
    "os._exit": ("import os; print('out', flush=True); os._exit(4)", "out\n", 4),
    "system exit with text": ("print('out'); raise SystemExit('bye')", "out\n", 1),
    "killed": ("import os, signal; print('out', flush=True); os.kill(os.getpid(), signal.SIGKILL)", "out\n", -9),
    "terminated": ("import os, signal; print('out', flush=True); os.kill(os.getpid(), signal.SIGTERM)", "out\n", -15),
    "keyboard interrupt": (
        "import os, signal; print('out', flush=True); os.kill(os.getpid(), signal.SIGINT)",
        "out\n",
        -2,
    ),
    "daemon threads that trace for ever": (
        """
        import threading, time
        def forever():
            while True:
                with flowscope.trace("daemon"):
                    time.sleep(0.001)
        for _ in range(3):
            threading.Thread(target=forever, daemon=True).start()
        time.sleep(0.05)
        print("out")
        """,
        "out\n",
        0,
    ),
    "a thread that outlives the main one": (
        """
        import threading, time
        def later():
            time.sleep(0.2)
            with flowscope.trace("late"):
                print("late")
        threading.Thread(target=later).start()
        print("out")
        """,
        "out\nlate\n",
        0,
    ),
    "an executor left open": (
        """
        from concurrent.futures import ThreadPoolExecutor
        pool = ThreadPoolExecutor(2)
        def work():
            with flowscope.trace("pooled"):
                return 1
        pool.submit(work)
        print("out")
        """,
        "out\n",
        0,
    ),
    "spans in an exit handler": (
        """
        import atexit
        def handler():
            with flowscope.trace("at exit"):
                print("handler")
        atexit.register(handler)
        print("out")
        """,
        "out\nhandler\n",
        0,
    ),
    "spans left open": ("kept = flowscope.trace('open'); kept.__enter__(); print('out')", "out\n", 0),
    "a generator never finished": (
        """
        @flowscope.trace
        def numbers():
            yield 1
            yield 2
        generator = numbers()
        print(next(generator))
        """,
        "1\n",
        0,
    ),
    "asyncio": (
        """
        import asyncio
        @flowscope.trace
        async def work():
            await asyncio.sleep(0.01)
            return "out"
        print(asyncio.run(work()))
        """,
        "out\n",
        0,
    ),
}
START = "import flowscope\nwith flowscope.trace('first', input={'a': 1}):\n    pass\n"


def source(name: str) -> str:
    return START + textwrap.dedent(PROGRAMS[name][0])


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("where", ["off", "nobody", "listener"])
def test_a_program_ends_as_it_would_without(run_python, make_listener, free_addr, name, where):
    if where == "listener":
        make_listener(free_addr)
    program = run_python(source(name), env={"FLOWSCOPE_ADDR": "off" if where == "off" else free_addr})
    assert (program.out, program.status) == PROGRAMS[name][1:]
    if name == "uncaught exception":
        assert program.err.endswith("ValueError: boom\n") and "flowscope/_" not in program.err
    elif name == "system exit with text":
        assert program.err == "bye\n"
    elif name != "keyboard interrupt":
        assert program.err == ""


DELIVERED = {
    "falls off its end": {"first"},
    "sys.exit": {"first"},
    "uncaught exception": {"first"},
    "a thread that outlives the main one": {"first", "late"},
    "an executor left open": {"first", "pooled"},
    "spans in an exit handler": {"first", "at exit"},
    "spans left open": {"first", "open"},
    "a generator never finished": {"first", "numbers"},
    "asyncio": {"first", "work"},
}


@pytest.mark.parametrize("name", DELIVERED)
def test_a_short_program_delivers_everything_before_it_ends(run_python, make_listener, free_addr, name):
    listener = make_listener(free_addr)
    run_python(source(name), env={"FLOWSCOPE_ADDR": free_addr})
    listener.wait_for(lambda: {span["operation"] for span in listener.spans.values()} >= DELIVERED[name])


def test_a_program_that_makes_many_spans_and_ends_delivers_all_of_them(run_python, make_listener, free_addr):
    listener = make_listener(free_addr)
    many = """
        import flowscope
        for number in range(5000):
            with flowscope.trace("work", input={"n": number}):
                pass
    """
    run_python(many, env={"FLOWSCOPE_ADDR": free_addr}, check=True)
    assert len(listener.finished(5000)) == 5000 and listener.headers[-1].dropped == 0


def test_an_address_that_never_answers_holds_nobody_up(run_python):
    # 192.0.2.0/24 is reserved for documentation: packets to it go nowhere, without an answer.
    program = run_python(source("falls off its end"), env={"FLOWSCOPE_ADDR": "tcp://192.0.2.1:3569"})
    assert program.status == 0


def test_a_listener_that_takes_nothing_holds_exit_no_longer_than_the_timeout(run_python, make_listener, free_addr):
    make_listener(free_addr)  # connected to, and never read
    many = """
        import flowscope, time
        for number in range(200):
            with flowscope.trace("work", input=str(number) * 100_000):
                pass
            time.sleep(0.001)
        print("out")
    """
    program = run_python(many, env={"FLOWSCOPE_ADDR": free_addr, "FLOWSCOPE_FLUSH_TIMEOUT": "0.5"})
    assert (program.status, program.out, program.err) == (0, "out\n", "")


def test_something_else_on_the_port_holds_nobody_up(run_python):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        program = run_python(source("falls off its end"), env={"FLOWSCOPE_ADDR": address})
    assert program.status == 0


def test_time_in_which_the_thread_stood_still_is_no_time_of_looking_for_an_answer(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(_transport, "monotonic", lambda: now[0])
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = parse_addr(f"tcp://127.0.0.1:{mute.getsockname()[1]}")
        push = _transport.connect(address, ProducerInfo("p"), 1 << 20)

        def look(times, seconds):
            for _ in range(times):
                now[0] += seconds
                push.poll()

        look(3, 60.0)
        assert not push.hopeless()
        look(60, 0.01)
        assert push.hopeless()
        push.close(0.0)


def test_a_handler_of_sigterm_that_exits_cleanly_delivers(tmp_path, make_listener, free_addr, monkeypatch):
    listener = make_listener(free_addr)
    app = tmp_path / "app.py"
    app.write_text(
        textwrap.dedent("""
        import flowscope, signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
        with flowscope.trace("served"):
            print("ready", flush=True)
            while True:
                with flowscope.trace("tick"):
                    time.sleep(0.001)
        """)
    )
    monkeypatch.setenv("FLOWSCOPE_ADDR", free_addr)
    monkeypatch.setenv("FLOWSCOPE_FLUSH_TIMEOUT", str(OUTLASTS))
    monkeypatch.delenv("FLOWSCOPE_RAISE")
    process = subprocess.Popen([sys.executable, str(app)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    listener.receive(PATIENCE)
    process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        listener.receive(0.05)
    assert process.poll() == 7
    process.stdout.close()
    assert listener.one("served")["error"] == "SystemExit: 7"


def test_the_program_sees_no_thread_of_ours(run_python, free_addr):
    program = """
        import flowscope, threading, sys
        with flowscope.trace("work"):
            pass
        flowscope.flush(0.3)
        print(threading.active_count(), [thread.name for thread in threading.enumerate()], "asyncio" in sys.modules)
    """
    assert run_python(program, env={"FLOWSCOPE_ADDR": free_addr}, check=True).out == "1 ['MainThread'] False\n"


def test_randomness_and_environment_of_the_program_are_untouched(run_python, free_addr):
    program = """
        import os, random, flowscope
        before = dict(os.environ)
        random.seed(1)
        with flowscope.trace("work", metadata={"x": 1}):
            pass
        flowscope.flush(0.2)
        print(random.random(), dict(os.environ) == before)
    """
    import random

    expected = f"{random.Random(1).random()} True\n"
    assert run_python(program, env={"FLOWSCOPE_ADDR": free_addr}, check=True).out == expected


def test_warnings_as_errors_and_development_mode_find_nothing(run_python, make_listener, free_addr):
    listener = make_listener(free_addr)
    for options in (("-W", "error", "-X", "dev"), ("-I",)):
        program = run_python(source("asyncio"), *options, env={"FLOWSCOPE_ADDR": free_addr})
        assert (program.status, program.out, program.err) == (0, "out\n", "")
    listener.finished(4)
