"""From the program's threads to the collector: live, in order, bounded, and honest about what was lost."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time

import orjson
import pytest
from patience import PATIENCE

import flowscope
from flowscope import _runtime
from flowscope._sender import TICK_NS
from flowscope.protocol.times import parse_time


def test_a_span_that_lasts_is_shown_before_it_ends(sdk):
    with flowscope.trace("long", input={"q": 1}) as span:
        sdk.wait_for(lambda: span.id in sdk.spans)
        pending = sdk.spans[span.id]
        assert pending["status"] == "pending" and pending["end_time"] is None and pending["input"] == {"q": 1}
        span.output = "done"
    record = sdk.one("long")
    assert record["status"] == "success" and record["output"] == "done"
    assert record["start_time"] == pending["start_time"]


def test_a_span_that_is_over_at_once_is_sent_once(sdk):
    for _ in range(100):
        with flowscope.trace("short"):
            pass
    sdk.finished(100)
    sdk.drain()
    before = [sdk.spans[record["id"]] for record in sdk.records if record["end_time"] is None]
    assert len(sdk.records) == 100 + len(before)
    for span in before:  # but one during which the program did not get its turn is shown, as any that lasts
        assert parse_time(span["end_time"]) - parse_time(span["start_time"]) >= 0.9 * TICK_NS


def test_a_streamed_output_grows_while_it_streams(sdk):
    with flowscope.trace("llm") as span:
        span.stream("Once")
        sdk.wait_for(lambda: (sdk.spans.get(span.id) or {}).get("output") == "Once")
        span.stream(" upon a time")
        sdk.wait_for(lambda: sdk.spans[span.id]["output"] == "Once upon a time")
        assert sdk.spans[span.id]["status"] == "pending"
    assert sdk.one("llm")["output"] == "Once upon a time"


def test_a_streamed_answer_shows_its_reasoning_and_tool_calls_as_they_grow(sdk):
    with flowscope.trace("llm", kind="llm") as span:
        span.stream_reasoning("The weather? ")
        span.stream_reasoning("Ask.")
        span.stream("Let me look.")
        span.stream_tool_call(0, '{"city": ', id="call_1", name="weather")
        span.stream_tool_call(1, "{}", id="call_2", name="clock")
        span.stream_tool_call(0, '"Oslo"}')
        grown = {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "The weather? Ask."},
                {"type": "text", "content": "Let me look."},
                {"type": "tool_call", "id": "call_1", "name": "weather", "arguments": '{"city": "Oslo"}'},
                {"type": "tool_call", "id": "call_2", "name": "clock", "arguments": "{}"},
            ],
        }
        sdk.wait_for(lambda: (sdk.spans.get(span.id) or {}).get("output") == grown)
        assert 0 < sdk.spans[span.id]["metadata"]["gen_ai.response.time_to_first_chunk"] < PATIENCE
        span.output = "done"
    assert sdk.one("llm")["output"] == "done"


def test_a_long_stream_comes_whole_and_its_pending_states_stay_within_their_rate(sdk):
    piece, begun = "x" * 1000, time.monotonic()
    with flowscope.trace("llm") as span:
        for _ in range(900):
            span.stream(piece)
            sdk.receive(0.001)
    assert len(sdk.one("llm")["output"]) == 900_000
    growing = sum(len(record["output"] or "") for record in sdk.records[:-1])
    assert growing <= 1_100_000 * (time.monotonic() - begun + 0.1)


def test_a_decorated_generator_shows_what_it_has_yielded_so_far(sdk):
    @flowscope.trace
    def pieces():
        yield "a"
        yield "b"

    generator = pieces()
    next(generator)
    sdk.wait_for(lambda: any(span["output"] == ["a"] for span in sdk.spans.values()))
    list(generator)
    assert sdk.one("pieces")["output"] == ["a", "b"]


def test_headers_number_the_records_and_name_the_producer(sdk):
    for number in range(1200):
        with flowscope.trace(f"work {number}"):
            pass
    sdk.finished(1200)
    expected = 1
    for header in sdk.headers:
        assert (header.version, header.seq, header.dropped, header.compression) == (1, expected, 0, "none")
        assert 0 < header.count <= 512
        expected += header.count
    assert expected == len(sdk.records) + 1
    (producer,) = {header.producer.id for header in sdk.headers}
    first = sdk.headers[0].producer
    assert first.language == "python" and first.sdk.startswith("flowscope-python/") and first.session_id == "test"
    assert first.pid > 0 and first.host == socket.gethostname() and first.runtime.startswith("CPython 3.")
    assert first.proven and producer == first.id


def test_batches_stay_near_a_mebibyte(sdk):
    for _ in range(20):
        with flowscope.trace("big", input="x" * 300_000):
            pass
    sdk.finished(20)
    assert len(sdk.headers) >= 5 and max(sdk.sizes) < (1 << 20) + 400_000


def test_spans_wait_for_a_listener_that_comes_later(setup, make_listener, free_addr):
    setup(addr=free_addr)
    for number in range(10):
        with flowscope.trace(f"early {number}"):
            pass
    assert flowscope.flush(0.2) is False
    listener = make_listener(free_addr)
    assert len(listener.finished(10)) == 10
    assert listener.headers[0].seq == 1 and listener.headers[-1].dropped == 0


def test_a_listener_that_goes_and_comes_again_is_found_again(setup, make_listener, free_addr):
    setup(addr=free_addr)
    first = make_listener(free_addr)
    with flowscope.trace("first"):
        pass
    first.one("first")
    first.close()
    with flowscope.trace("second"):
        pass
    second = make_listener(free_addr)
    assert second.one("second")["status"] == "success"


def test_flush_says_whether_all_is_handed_over(sdk):
    with flowscope.trace("open") as span:
        with flowscope.trace("done"):
            pass
        assert flowscope.flush() is True
        sdk.wait_for(lambda: span.id in sdk.spans)
        assert sdk.spans[span.id]["status"] == "pending" and sdk.one("done")["status"] == "success"


def told(listener):
    """How many spans have come, or are said to have been dropped."""
    return len(listener.spans) + max((header.dropped for header in listener.headers), default=0)


def test_unsent_spans_stay_within_the_buffer_and_the_oldest_go_counted(setup, make_listener, free_addr):
    setup(addr=free_addr, buffer=200_000)
    number = 0
    for number in range(2_000):
        with flowscope.trace(f"work {number}", input="x" * 1_000):
            pass
        if number % 100 == 0:
            flowscope.flush(0.0)
    flowscope.flush(0.2)
    sender = _runtime.activate().sender
    assert sender._backlog_bytes <= 200_000
    listener = make_listener(free_addr)
    with flowscope.trace("last"):
        pass
    listener.one("last")
    listener.wait_for(lambda: told(listener) == 2_001)
    assert listener.headers[-1].dropped > 1_500
    assert sum(header.count for header in listener.headers) == listener.headers[-1].seq + listener.headers[-1].count - 1


def test_what_was_dropped_is_told_even_when_nothing_follows(setup, make_listener, free_addr):
    setup(addr=free_addr, buffer=20_000)
    for _ in range(200):
        with flowscope.trace("work", input="x" * 1_000):
            pass
    flowscope.flush(0.1)
    listener = make_listener(free_addr)
    listener.wait_for(lambda: bool(listener.headers))
    flowscope.shutdown()
    listener.wait_for(lambda: told(listener) == 200)


def test_several_addresses_share_the_load_and_one_that_is_absent_takes_none(setup, make_listener, tmp_path):
    addrs = [f"ipc://{tmp_path}/{name}" for name in "abc"]
    listeners = [make_listener(addr) for addr in addrs[:2]]
    setup(addr=",".join(addrs))
    emitted = 0
    while not all(listener.spans for listener in listeners) and emitted < 10_000:  # each connects when it gets to it
        emitted += _one_span_and_all_there_is(listeners)
    before = [len(listener.spans) for listener in listeners]
    for _ in range(20):
        emitted += _one_span_and_all_there_is(listeners)
    for listener, had in zip(listeners, before, strict=True):
        listener.wait_for(lambda listener=listener, had=had: len(listener.spans) >= had + 5)
    deadline = time.monotonic() + PATIENCE
    while sum(len(listener.spans) for listener in listeners) < emitted and time.monotonic() < deadline:
        for listener in listeners:
            listener.receive(0.05)
    assert sum(len(listener.spans) for listener in listeners) == emitted


def _one_span_and_all_there_is(listeners):
    """Make and send a span; 1, the number made."""
    with flowscope.trace("work"):
        pass
    assert flowscope.flush(PATIENCE)
    for listener in listeners:
        while listener.receive(0.0):
            pass
    return 1


def test_what_leaves_the_machine_is_compressed(setup, make_listener, free_addr):
    address = "127."
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        address = probe.getsockname()[0]
    if address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    addr = free_addr.replace("127.0.0.1", address)
    listener = make_listener(addr)
    setup(addr=addr)
    with flowscope.trace("work", input="x" * 10_000):
        pass
    assert listener.one("work")["input"] == "x" * 10_000
    assert listener.headers[0].compression == "gzip" and listener.sizes[0] < 2_000


def test_a_recording_is_a_session_file(setup, tmp_path):
    path = tmp_path / "run one.flowscope"
    setup(addr=f"file://{path}", session_id="recorded")
    with flowscope.trace("first", input={"password": "hunter2"}):
        pass
    assert flowscope.flush(PATIENCE)
    with flowscope.trace("second"):
        flowscope.shutdown(PATIENCE)
    lines = [orjson.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert lines[0]["flowscope"] == "session" and lines[0]["version"] == 1
    records = {line["operation"]: line for line in lines if "id" in line}
    assert records["first"]["session_id"] == "recorded" and records["first"]["input"] == {"password": "[redacted]"}
    assert records["second"]["status"] == "pending"
    assert {line["producer"]["program"] for line in lines if line.get("flowscope") == "producer"}
    assert path.stat().st_mode & 0o077 == 0


def test_a_second_recording_to_the_same_file_is_appended(setup, tmp_path):
    path = tmp_path / "run.flowscope"
    for number in range(2):
        setup(addr=f"file://{path}")
        with flowscope.trace(f"work {number}"):
            pass
        flowscope.shutdown(PATIENCE)
    lines = [orjson.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert [line["operation"] for line in lines if "id" in line] == ["work 0", "work 1"]
    assert sum(line.get("flowscope") == "session" for line in lines) == 1


def test_a_file_that_is_no_recording_is_never_touched(run_python, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    program = run_python(
        "import flowscope\nwith flowscope.trace('x'): pass\nprint('done')", env={"FLOWSCOPE_ADDR": f"file://{path}"}
    )
    assert (program.status, program.out, path.read_text()) == (0, "done\n", "mine")
    assert len(program.err.splitlines()) == 1 and "no FlowScope session file" in program.err


def test_a_recording_that_cannot_be_written_is_said_once(run_python, tmp_path):
    source = """
        import flowscope
        for _ in range(1000):
            with flowscope.trace("work"): pass
        print("done")
    """
    program = run_python(source, env={"FLOWSCOPE_ADDR": f"file://{tmp_path}/no/such/folder/x.flowscope"})
    assert (program.status, program.out) == (0, "done\n") and len(program.err.splitlines()) == 1


def test_many_threads_at_once_lose_nothing(sdk):
    def work(name):
        for number in range(500):
            with flowscope.trace(f"{name} {number}", input={"n": number}):
                pass

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spans = sdk.finished(4000)
    assert len({span["id"] for span in spans}) == 4000 and sdk.headers[-1].dropped == 0


def test_a_span_in_a_signal_handler_does_no_harm(sdk):
    import signal

    def handle(*_):
        with flowscope.trace("in handler"):
            pass
        signal.setitimer(signal.ITIMER_REAL, 0.001)

    before = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        end = time.monotonic() + 0.5
        made = 0
        while time.monotonic() < end:
            with flowscope.trace("outside"):
                made += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert flowscope.flush(PATIENCE)

    def outside():
        return sum(span["operation"] == "outside" for span in sdk.spans.values())

    sdk.wait_for(lambda: outside() + max((header.dropped for header in sdk.headers), default=0) >= made)
    sdk.one_of("in handler")


def test_metadata_set_past_the_setters_does_not_stop_the_rest(sdk):
    with flowscope.trace("odd") as span:
        span.metadata["x"] = object
        span.operation = "odd \ud800"
        span.error = "lone \udfff"
    with flowscope.trace("next"):
        pass
    assert sdk.one("next")["status"] == "success"
    assert sdk.spans[span.id]["metadata"]["x"] == "object" and sdk.spans[span.id]["operation"].startswith("odd")


def test_a_disk_that_fills_ends_the_recording_with_one_line(run_python, tmp_path):
    source = """
        import flowscope, resource, signal, os
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        for number in range(50):
            with flowscope.trace("work", input=os.urandom(2000).hex()):
                pass
            flowscope.flush(60)
        print("done")
    """
    program = run_python(source, env={"FLOWSCOPE_ADDR": f"file://{tmp_path}/x.flowscope"})
    assert (program.status, program.out) == (0, "done\n")
    assert len(program.err.splitlines()) == 1 and "tracing is off" in program.err
    whole = gzip.decompress((tmp_path / "x.flowscope").read_bytes())  # what is in it can be read
    assert whole.endswith(b"}\n") and whole.count(b'"operation":"work"') >= 1


def test_spans_that_nobody_takes_stay_within_the_buffer_and_a_little(run_python, free_addr):
    source = """
        import flowscope
        from flowscope import _transport  # what the background thread imports counts before

        def resident():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * 4096

        value = {"question": "x" * 150, "context": ["y" * 60] * 2}
        with flowscope.trace("first"):
            pass
        flowscope.flush(0.5)
        base, most = resident(), 0
        for number in range(200_000):
            with flowscope.trace("work", input=value) as span:
                span.output = value
            if number % 5_000 == 0:
                most = max(most, resident())
        print((most - base) // (1 << 20))
    """
    environment = {"FLOWSCOPE_ADDR": free_addr, "FLOWSCOPE_BUFFER": "8MiB"}
    assert int(run_python(source, env=environment, check=True).out) <= 8 + 20
