"""What the process does that FlowScope must know of: it ends, it forks, it starts threads. Imports next to nothing."""

from __future__ import annotations

import atexit
import os
import sys

from flowscope import _hooks, _program
from flowscope._guard import guarded

TYPE_CHECKING = False  # typing's own would be the dearest import at the start of an attached program
if TYPE_CHECKING:
    from typing import Any

_STARTS_PROCESSES = ("subprocess", "multiprocessing.spawn", "multiprocessing.pool", "concurrent.futures.process")
_installed = _carrying = False


def install() -> None:
    """Hook exit and fork, once a process."""
    global _installed
    if _installed:
        return
    _installed = True
    atexit.register(_at_exit)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
    _hooks.register("multiprocessing.util", _follow_multiprocessing)
    _hooks.register("threading", _follow_threading)


def carry_to_processes() -> None:
    """Hook what starts processes, once there may be spans to carry: what that takes is dear to import."""
    global _carrying
    if not _carrying:
        _carrying = True
        for name in _STARTS_PROCESSES:
            _hooks.register(name, _follow_processes)


def _runtime() -> Any:
    return sys.modules.get("flowscope._runtime")


def _at_exit() -> None:
    runtime = _runtime()
    if runtime is not None:
        try:
            runtime.shutdown()
        except KeyboardInterrupt:  # whoever waits for the end does not want to wait for this
            return


@guarded
def _before_fork() -> None:
    _program.default_session()
    runtime = _runtime()
    if runtime is not None:
        runtime.before_fork()


@guarded
def _after_fork() -> None:
    runtime = _runtime()
    if runtime is not None:
        runtime.after_fork()


def _follow_threading(_: Any) -> None:
    from flowscope import _carry

    _carry.install()


def _follow_processes(module: Any) -> None:
    from flowscope import _processes

    _processes.follow(module)


def _follow_multiprocessing(util: Any) -> None:
    """A child of multiprocessing ends by os._exit, past atexit: only multiprocessing's own finalizers run there."""
    util.register_after_fork(_before_fork, lambda _: util.Finalize(None, _at_exit, exitpriority=-100))
