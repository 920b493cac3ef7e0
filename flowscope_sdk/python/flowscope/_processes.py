"""Carries the current span into child processes: by their environment, or in what multiprocessing pickles for them.

What is patched adds no frame to the program's tracebacks, except where a pool refuses work.
"""

from __future__ import annotations

import functools
import os
from typing import Any

from flowscope import _context
from flowscope._guard import failed
from flowscope._propagate import outgoing, remote
from flowscope._span import Remote

_MARK = "_flowscope_original"
_NAME, _SESSION = "TRACEPARENT", "FLOWSCOPE_SESSION"
_ENVIRONMENT = 5
"""Which argument of fork_exec the environment is: a list of NAME=VALUE as bytes, or None for this process's own."""
# In a child that can't import flowscope yet, nothing is carried and nothing fails.
_ADOPT = """
try:
    from flowscope import _processes
    _processes.adopt(parent, session)
except Exception:
    pass
"""


def follow(module: Any) -> None:
    """Patch a module that starts processes or has work done in them."""
    _FOLLOW[module.__name__](module)


def from_environment() -> None:
    """Make the span that TRACEPARENT names the one around all that this process does."""
    adopt(os.environ.get(_NAME, ""), "")


def adopt(parent: str, session: str) -> None:
    """Make `parent`, a traceparent, the span around all that this process does."""
    span = _remote(parent, session)
    if span is not None:
        _context.surround(span)


def _remote(parent: str, session: str) -> Remote | None:
    span = remote(parent)
    if not span._id:
        return None
    span.session_id = session
    return span


def _here() -> tuple[str, str]:
    """The current span's traceparent and session; empty outside of any."""
    parent = outgoing().get("traceparent", "")
    span = _context.current()
    return parent, span.session_id if span is not None and parent else ""


def _follow_subprocess(module: Any) -> None:
    original = getattr(module, "_fork_exec", None)
    if original is None or hasattr(original, _MARK):  # Windows
        return

    def fork_exec(*args: Any) -> Any:
        try:
            given = args[_ENVIRONMENT]
            if given is None or isinstance(given, list):
                args = (*args[:_ENVIRONMENT], _environment(given), *args[_ENVIRONMENT + 1 :])
        except Exception as error:
            failed("fork_exec", error)
        return original(*args)

    setattr(fork_exec, _MARK, original)
    module._fork_exec = fork_exec


def _environment(given: list[bytes] | None) -> list[bytes] | None:
    """What a child gets beside `given`: the current span, unless the program names another, and its session."""
    parent, session = _here()
    if not parent:
        return given
    own = os.environb
    if given is None:
        given = [name + b"=" + value for name, value in own.items()]
    members = dict(entry.split(b"=", 1) for entry in given if b"=" in entry)
    name, session_name = _NAME.encode(), _SESSION.encode()
    if members.get(name) not in (None, own.get(name)):
        return given
    kept = [entry for entry in given if not entry.startswith(name + b"=")]
    kept.append(name + b"=" + parent.encode())
    if session and session_name not in members:
        kept.append(session_name + b"=" + os.fsencode(session))
    return kept


class _Adopted:
    """Pickled here, it is None where it is unpickled, and the span is adopted there."""

    def __reduce__(self) -> Any:
        parent, session = _here()
        return exec, (_ADOPT, {"parent": parent, "session": session})


def _follow_spawn(module: Any) -> None:
    original = module.get_preparation_data
    if hasattr(original, _MARK):
        return

    @functools.wraps(original)
    def get_preparation_data(*args: Any, **kwargs: Any) -> Any:
        data = original(*args, **kwargs)
        if isinstance(data, dict):
            data["flowscope"] = _Adopted()  # what is not known there is not looked at
        return data

    setattr(get_preparation_data, _MARK, original)
    module.get_preparation_data = get_preparation_data


class _Arguments(tuple[Any, ...]):
    """Arguments of a pool's work item: the span of who submitted it is current once a worker takes them."""

    parent: _context.Attachment | None
    wire: tuple[str, str]

    def __iter__(self) -> Any:  # in a thread: as they are handed to the function
        _context.set_attachment(self.parent)
        return super().__iter__()

    def __reduce__(self) -> Any:
        return _arrive, (tuple(super().__iter__()), *self.wire)


def _arguments(args: Any) -> Any:
    try:
        carried = _Arguments(args)
        carried.parent = _context.snapshot()
        carried.wire = _here()
    except Exception as error:
        failed("work item", error)
        return args
    return carried


def _arrive(args: tuple[Any, ...], parent: str, session: str) -> tuple[Any, ...]:
    """In a worker process: make the span of who submitted this current, for it and until the next."""
    try:
        _context.set_attachment(None)
        span = _remote(parent, session)
        if span is not None:
            _context.attach(span)
    except Exception as error:
        failed("work item", error)
    return args


def _follow_executors(module: Any) -> None:
    item = module._WorkItem
    original = item.__init__
    if hasattr(original, _MARK):
        return

    @functools.wraps(original)
    def create(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if isinstance(getattr(self, "args", None), tuple):
            self.args = _arguments(self.args)

    setattr(create, _MARK, original)
    item.__init__ = create


def _follow_pools(module: Any) -> None:
    pool = module.Pool
    if hasattr(pool.apply_async, _MARK):
        return
    apply_async, generation = pool.apply_async, pool._guarded_task_generation

    @functools.wraps(apply_async)
    def carrying(self: Any, func: Any, args: Any = (), *more: Any, **kwargs: Any) -> Any:
        return apply_async(self, func, _arguments(args), *more, **kwargs)

    @functools.wraps(generation)
    def tasks(self: Any, *args: Any, **kwargs: Any) -> Any:
        # Here and now: the tasks are made later, on a thread of the pool's own.
        around = _arguments(())
        return (_with(task, around) for task in generation(self, *args, **kwargs))

    setattr(carrying, _MARK, apply_async)
    pool.apply_async, pool._guarded_task_generation = carrying, tasks


def _with(task: Any, around: Any) -> Any:
    try:
        job, number, function, args, kwargs = task
        carried = _Arguments(args)
        carried.parent, carried.wire = around.parent, around.wire
    except Exception as error:
        failed("work item", error)
        return task
    return job, number, function, carried, kwargs


_FOLLOW = {
    "subprocess": _follow_subprocess,
    "multiprocessing.spawn": _follow_spawn,
    "multiprocessing.pool": _follow_pools,
    "concurrent.futures.process": _follow_executors,
}
