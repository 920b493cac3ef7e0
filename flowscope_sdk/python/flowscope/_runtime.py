"""The SDK's state in this process, from the first span to exit; and start_span, which everything goes through."""

from __future__ import annotations

import _thread
import os
from collections.abc import Mapping
from itertools import count
from random import Random
from sys import modules
from threading import get_ident
from time import monotonic, monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any

from flowscope import _capture, _config, _context, _guard
from flowscope._capture import PLAIN, dumps, snapshot
from flowscope._guard import failed, guarded, log, pass_on
from flowscope._intake import SPAN_COST, Intake
from flowscope._program import default_session
from flowscope._sampling import OperationFilter
from flowscope._span import NOOP, Span, Unrecorded, Unsampled, plain

if TYPE_CHECKING:
    from flowscope._sender import Sender

CURRENT: Any = object()
"""Default of start_span's `parent`: the span that is current where it is called."""

_current = _context.get_attachment
_threads = _context.threads
_LEVELS = {"full": 0, "metadata": 1, "errors": 2}
_MAX_SESSION = 256
# Seconds that a fork waits for them: on a busy machine they take a second or two, on a slow one more. A child of a fork
# in their midst could import nothing, for ever.
_IMPORTS = 30.0
# Below a span of this process that began this lately, times count from its own: a thread may stand still between two
# clocks, and a child whose clocks were read so would outlast its parent.
_SAME_CLOCK_NS = 60_000_000_000


class Runtime:
    """Everything one process has of FlowScope while it is on; a forked child makes its own."""

    def __init__(self, config: _config.Config) -> None:
        from flowscope._sender import Sender

        self.config = config
        self.closed = config.addr == "off"
        self.session_id = config.session_id or default_session()
        self.random = Random(os.urandom(16))
        self.random_bits = self.random.getrandbits
        # Random bits and a counter: neighbours in time are neighbours in an index, and one call is atomic.
        self.next_id = count(self.random.getrandbits(39) << 24 | 1).__next__
        self.level = _LEVELS[config.capture]
        self.sample = config.sample
        self.max_value = config.max_value
        self.filter = OperationFilter(config.include, config.exclude) if config.include or config.exclude else None
        self.sender = Sender(config, self.session_id)
        self.intake = Intake(config.buffer, self.sender.start)
        self.sender.intake = self.intake
        if self.closed:
            self.intake.close()


_runtime: Runtime | None = None
_making = _thread.RLock()
_changes: dict[str, Any] = {}
# What earlier settings sent through, for exit to wait for.
_retired: list[Sender] = []


def start_span(
    operation: str,
    *,
    kind: str = "custom",
    framework: str = "custom",
    parent: Any = CURRENT,
    input: Any = ...,
    metadata: Mapping[str, Any] | None = None,
    session_id: str | None = None,
    start_ns: int | None = None,
) -> Span:
    """Begin a span without making it current. `parent` None makes a root. Never raises; NOOP where FlowScope is off."""
    return begin(operation, kind, framework, parent, input, metadata, session_id, start_ns)


def begin(
    operation: str,
    kind: str,
    framework: str,
    parent: Any,
    given: Any,
    metadata: Mapping[str, Any] | None,
    session_id: str | None,
    start_ns: int | None = None,
) -> Span:
    """start_span() for callers in a hurry: by position."""
    # Every line of this is paid by the program for every span: it is one piece, and asks for nothing twice.
    try:
        runtime = _runtime or activate()
        if runtime.closed:
            return NOOP
        if parent is CURRENT:
            attachment = _current()  # current() in short
            if _context.resolve is not None:
                parent = _context.current()
            elif attachment is None:
                parent = _context.current() if _context.carried else None
            elif attachment.live and attachment.frame is None:
                parent = attachment.span
            else:
                parent = _context.current()
        if operation.__class__ is not str:
            operation = str(operation)
        span = Span()
        if parent is None:
            if runtime.sample < 1.0 and runtime.random.random() >= runtime.sample:
                return Unsampled(runtime.random_bits(128), runtime.next_id())
            span._parent = span._depth = 0
            span.session_id = runtime.session_id
            span._trace = runtime.random_bits(128)
        else:
            if not parent.is_recording:
                if parent.blocks:
                    return parent  # type: ignore[no-any-return]
                parent = parent.through
                if parent is None:
                    return begin(operation, kind, framework, None, given, metadata, session_id, start_ns)
            span._parent = parent._id
            span._depth = parent._depth + 1  # which of two spans is inner: instrumentation/_nesting.py asks
            span.session_id = parent.session_id or runtime.session_id
            span._trace = parent._trace
        if runtime.filter is not None and not runtime.filter.keeps(operation):
            return Unrecorded(through=parent)
        if session_id is not None:
            span.session_id = str(session_id)[:_MAX_SESSION] or runtime.session_id
        span._id = runtime.next_id()
        span.operation = operation
        span.kind = kind
        span.framework = framework
        span._metadata = None if metadata is None else plain(metadata)
        span.end_ns = span.error = span._output = span._stream = span._error_info = span._task = None
        span.status = "pending"
        span._level = level = runtime.level
        span._shown = 0
        size = SPAN_COST
        if given is ... or level == 1:
            span._input = None
        else:
            try:  # snapshot() in short
                data = dumps(given, None, PLAIN)
                span._input = data = b"%b" % data if len(data) <= runtime.max_value else snapshot(given)
            except BaseException as error:
                pass_on(error)
                span._input = data = snapshot(given)
            size += len(data)
        try:
            span._thread = _threads[get_ident()]._name  # type: ignore[attr-defined]  # .name in short
        except Exception as error:  # none of threading's, or one that was made without its constructor
            pass_on(error)
            span._thread = _context.thread_name()
        if "asyncio" in modules:
            span._task = _context.task_name()
        span._clock = clock = monotonic_ns()
        if parent is not None and parent._clock and 0 <= clock - parent._clock < _SAME_CLOCK_NS:
            span.start_ns = parent.start_ns + clock - parent._clock
        else:
            span.start_ns = time_ns()
        if start_ns is not None:
            span._clock -= span.start_ns - start_ns
            span.start_ns = start_ns
        span._intake = intake = runtime.intake
        span._cost = size
        if level == 2:
            span._queued = False
            span._cost = 0
        else:
            span._queued = True
            if intake.bytes < intake.wake_at:  # put() in short
                intake.bytes += size
                intake.append(span)
            else:
                intake.put(span, size)
        return span
    except Exception as error:
        failed("start_span", error)
        return NOOP


def activate() -> Runtime:
    """The runtime, made now if there is none yet."""
    global _runtime
    if _runtime is None:
        with _making:  # two threads may have their first spans at once
            if _runtime is None:
                _runtime = _make()
    return _runtime


def _make() -> Runtime:
    config = _config.load(_changes)
    _capture.limit = config.max_value
    _guard.debug = config.debug
    runtime = Runtime(config)
    if not runtime.closed:
        from flowscope import _lifecycle

        _lifecycle.install()
        _lifecycle.carry_to_processes()
        if "TRACEPARENT" in os.environ:
            from flowscope import _processes

            _processes.from_environment()
    from flowscope.protocol import hide_key

    log(f"session {runtime.session_id} to {hide_key(config.addr)}")
    return runtime


@guarded
def configure(changes: Mapping[str, Any]) -> None:
    """Apply settings given to init(); what was recorded under the earlier ones is sent first, in the background."""
    global _runtime
    with _making:
        _changes.update({name: value for name, value in changes.items() if value is not None})
        before, _runtime = _runtime, _make()
    if before is not None and not before.closed:
        before.closed = True
        before.sender.close(before.config.flush_timeout, wait=False)
        _retired.append(before.sender)


@guarded
def flush(timeout: float | None = None) -> bool:
    """Send all there is; True once it is stored, False after `timeout` seconds."""
    runtime = _runtime
    if runtime is None or runtime.closed:
        return True
    return runtime.sender.flush(runtime.config.flush_timeout if timeout is None else max(0.0, timeout))


@guarded
def shutdown(timeout: float | None = None) -> None:
    """Send what there is, within `timeout` seconds, and record nothing from now on (until init())."""
    runtime = _runtime
    if runtime is None:
        return
    if not runtime.closed:
        runtime.closed = True
        _retired.append(runtime.sender)
    deadline = monotonic() + (runtime.config.flush_timeout if timeout is None else max(0.0, timeout))
    while _retired:
        _retired.pop().close(max(0.0, deadline - monotonic()))


def before_fork() -> None:
    """Wait for the background thread's imports: a lock on a module that is being imported stays locked in the child."""
    if _runtime is not None:
        _runtime.sender.wait_for_imports(_IMPORTS)


def after_fork() -> None:
    """In a forked child: a producer of its own. The parent's open spans and unsent ones stay the parent's."""
    global _runtime, _making
    _making = _thread.RLock()  # another thread of the parent may have held it
    _retired.clear()
    before = _runtime
    if before is None:
        return
    before.intake.close()
    before.intake.items.clear()
    if not before.closed:
        _runtime = Runtime(before.config)
        _runtime.session_id = before.session_id
