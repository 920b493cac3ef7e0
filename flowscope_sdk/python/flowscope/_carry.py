"""Carries the current span into threads and executors, where context variables don't go by themselves."""

from __future__ import annotations

import functools
import threading
from typing import Any

from flowscope import _context, _hooks
from flowscope._guard import failed

_MARK = "_flowscope_original"
_WORKERS = ("concurrent.futures.thread", "multiprocessing.pool")


def install() -> None:
    """Patch `Thread.start` and the executors' work items.

    Nothing else of a context is carried, and no frame is added to what a target or function sees.
    """
    if not hasattr(threading.Thread.start, _MARK):
        _patch(threading.Thread, "start", _start)
    _hooks.register(_WORKERS[0], _follow_executors)


def _patch(owner: Any, name: str, replacement: Any) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def patched(self: Any, *args: Any, **kwargs: Any) -> Any:
        return replacement(original, self, *args, **kwargs)

    setattr(patched, _MARK, original)
    setattr(owner, name, patched)


def _start(original: Any, thread: Any) -> Any:
    try:
        # A pool's worker lives on with other work: that carries its own span.
        if getattr(getattr(thread, "_target", None), "__module__", None) not in _WORKERS:
            _context.carry(thread)
    except Exception as error:
        failed("Thread.start", error)
    return original(thread)


def _follow_executors(module: Any) -> None:
    item = getattr(module, "_WorkItem", None)
    if item is not None and hasattr(item, "run") and not hasattr(item.run, _MARK):
        _patch(item, "__init__", _create)
        _patch(item, "run", _run)


def _create(original: Any, item: Any, *args: Any, **kwargs: Any) -> None:
    original(item, *args, **kwargs)
    try:
        _context.carry(item)
    except Exception as error:
        failed("_WorkItem.__init__", error)


def _run(original: Any, item: Any, *args: Any, **kwargs: Any) -> Any:
    parent = getattr(item, _context.THREAD_PARENT, None)
    if parent is None:
        return original(item, *args, **kwargs)
    before = _context.get_attachment()
    _context.set_attachment(parent)
    try:
        return original(item, *args, **kwargs)
    finally:
        _context.set_attachment(before)
