"""Which span is current: one context variable, and how it is carried where context variables don't go."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from sys import modules
from threading import get_ident
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeAlias

from flowscope._guard import pass_on

if TYPE_CHECKING:
    from flowscope._span import Span

# CO_GENERATOR | CO_ASYNC_GENERATOR
_GENERATOR = 0x20 | 0x200
# Who drives generators whose body is meant to surround code outside of it: there the span stays current at the yield.
_SURROUNDING = frozenset(("contextlib", "_pytest.fixtures", "pytest_asyncio.plugin", "anyio.pytest_plugin"))

THREAD_PARENT = "_flowscope_parent"
"""Attribute of a threading.Thread: the attachment that was current where it was started."""


class Attachment:
    """One attach: the span, what was current before it, and the generator frame in whose body it stands, if in one.

    No __init__: this is made for every span, and a call of it would cost more than all it does.
    """

    __slots__ = ("frame", "live", "owner", "previous", "span")
    span: Span
    previous: Attachment | None
    live: bool
    frame: FrameType | _Ended | None
    owner: tuple[int, int]


Token: TypeAlias = Attachment


class _Ended:
    f_back = None


_ENDED = _Ended()
_variable: ContextVar[Attachment | None] = ContextVar("flowscope_span", default=None)
get_attachment = _variable.get
set_attachment = _variable.set
threads: dict[int, threading.Thread] = getattr(threading, "_active", {})


carried = False
"""Whether a thread, or all of the process, was given a span by who started it: until then nobody need look."""
_around: Attachment | None = None
resolve: Callable[[Span | None], Span | None] | None = None
"""Set by integrations whose framework knows what runs: from the innermost attached span to the innermost of all."""


def current() -> Span | None:
    """The innermost span here, attached or known to an instrumented framework; None outside of any."""
    span = attached()
    return span if resolve is None else resolve(span)


def attached() -> Span | None:
    """The innermost span attached here; None outside of any."""
    attachment = get_attachment()
    if attachment is None:
        attachment = _inherited()
        if attachment is None:
            return None
    if attachment.live and attachment.frame is None:
        return attachment.span
    return _look_past(attachment)


def attach(span: Span) -> Token:
    """Make `span` current in this context until detach() of what is returned."""
    token = _attachment(span, get_attachment())
    set_attachment(token)
    return token


def _attachment(span: Span, previous: Attachment | None) -> Attachment:
    made = Attachment()
    made.span = span
    made.previous = previous
    made.live = True
    made.frame = None
    return made


def leave_with(token: Token, frame: FrameType | None) -> None:
    """Make a span that was attached in a generator's body not current while that is suspended."""
    if frame is not None and frame.f_code.co_flags & _GENERATOR:
        driver = frame.f_back
        if driver is None or driver.f_globals.get("__name__") not in _SURROUNDING:
            token.frame = frame
            token.owner = _owner()


def detach(token: Token) -> None:
    """End an attach(). In any order, from any thread and context, without an error and without leaving a trace."""
    if token.frame is not None:
        # A generator may be closed in another context than it ran in: for those it ran in, it stays suspended.
        token.frame = _ENDED
    if get_attachment() is not token:
        token.live = False
        return
    # It stays live: what copied this context while it was attached (a task that outlives the span) has it as parent.
    previous = token.previous
    while previous is not None and not previous.live:
        previous = previous.previous
    set_attachment(previous)


def put_back(variable: ContextVar[Any], token: Any) -> None:
    """Undo a set(), even in a coroutine or generator that is closed from another context than it ran in."""
    try:
        variable.reset(token)
    except ValueError as error:  # the context it ran in keeps what was set; nobody runs there any more
        pass_on(error)


def surround(span: Span) -> None:
    """Make `span` the one around all that this process does."""
    global _around, carried
    _around = _attachment(span, None)
    carried = True


def carry(thing: Any) -> None:
    """Give `thing`, a thread or what one will work on, the span that is current here."""
    global carried
    parent = snapshot()
    if parent is not None:
        carried = True
        setattr(thing, THREAD_PARENT, parent)


def snapshot() -> Attachment | None:
    """What another thread or task must be given to have the same current span."""
    attachment = get_attachment() or _inherited()
    while attachment is not None and not _counts(attachment):
        attachment = attachment.previous
    if resolve is not None:
        span = resolve(None if attachment is None else attachment.span)
        if span is not None and (attachment is None or span is not attachment.span):
            return _attachment(span, attachment)
    return attachment


def _look_past(attachment: Attachment | None) -> Span | None:
    while attachment is not None:
        if _counts(attachment):
            return attachment.span
        attachment = attachment.previous
    return None


def _counts(attachment: Attachment) -> bool:
    if not attachment.live:
        return False
    frame = attachment.frame
    # A suspended generator's frame has nobody below it: whoever asks is its consumer. Another task or thread that
    # asks is not: it has inherited the span from inside the generator.
    return frame is None or frame.f_back is not None or attachment.owner != _owner()


def _owner() -> tuple[int, int]:
    return get_ident(), id(_task())


def _inherited() -> Attachment | None:
    thread = threads.get(get_ident())
    found = None if thread is None else getattr(thread, THREAD_PARENT, None)
    return _around if found is None else found


def thread_name() -> str:
    """The name of this thread; empty if it is none of threading's."""
    thread = threads.get(get_ident())
    try:
        return thread._name  # type: ignore[union-attr, no-any-return]  # .name in short
    except AttributeError:
        return "" if thread is None else thread.name


def task_name() -> str | None:
    """The name of the asyncio task that runs here; None outside of any."""
    task = _task()
    return None if task is None else task.get_name()


def _task() -> Any:
    """The asyncio task that runs here, None if none does."""
    asyncio = modules.get("asyncio")
    try:
        loop = asyncio._get_running_loop()  # type: ignore[union-attr]
        return None if loop is None else asyncio.current_task(loop)  # type: ignore[union-attr]
    except Exception as error:  # half imported, or a loop of another make
        pass_on(error)
        return None
