"""Nothing that goes wrong inside FlowScope reaches the program: errors are swallowed, and told on request."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing's own would be the dearest import at the start of an attached program
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")


class GoneError(Exception):
    """There is no way out of this process any more; what had to be said is said."""


debug = False
"""Set by init(debug=True)."""
_said: set[str] = set()


def pass_on(error: BaseException) -> None:
    """Raise what is the program's, not ours: Ctrl-C, and what its signal handler raised while our code happened to run.

    Timeouts are made of that. A handler is known by its code in the traceback.
    """
    if isinstance(error, KeyboardInterrupt):
        raise error
    signals = sys.modules.get("_signal")
    trace = error.__traceback__
    if signals is None or trace is None or trace.tb_next is None:
        return
    codes = set(map(_code, filter(callable, map(signals.getsignal, range(1, signals.NSIG))))) - {None}
    while codes and trace is not None:
        if trace.tb_frame.f_code in codes:
            raise error
        trace = trace.tb_next


def _code(handler: Any) -> Any:
    while (
        inner := getattr(handler, "func", None) or getattr(handler, "__func__", None)
    ) is not None:  # partial, method
        handler = inner
    if not hasattr(handler, "__code__"):
        handler = vars(type(handler)).get("__call__")
    return getattr(handler, "__code__", None)


def failed(where: str, error: BaseException) -> None:
    """Swallow `error`, which happened in FlowScope's own `where`; FLOWSCOPE_RAISE=1 (our tests) raises it instead."""
    pass_on(error)
    if os.environ.get("FLOWSCOPE_RAISE") == "1":
        raise error
    log(f"{where}: {type(error).__name__}: {_text(error)}")


def guarded(function: Callable[P, R]) -> Callable[P, R | None]:
    """Decorate a function of ours that the program calls: what it raises is swallowed, and it returns None."""

    def safe(*args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            failed(function.__qualname__, error)
            return None

    for name in ("__module__", "__name__", "__qualname__", "__doc__"):  # functools.wraps, without importing it
        setattr(safe, name, getattr(function, name))
    return safe


def log(text: str) -> None:
    """Write one line on standard error if FLOWSCOPE_DEBUG asks for it."""
    if debug or os.environ.get("FLOWSCOPE_DEBUG", "").strip().lower() in ("1", "on", "true", "yes"):
        _write(text)


def warn_once(text: str) -> None:
    """Write one line on standard error, whatever the settings; the same line never twice in a process."""
    if text not in _said:
        _said.add(text)
        _write(text)


def _write(text: str) -> None:
    try:
        if sys.stderr is not None:
            sys.stderr.write(f"flowscope: {text}\n")
    except Exception:  # closed or broken: then nobody reads it
        pass


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "(its text can't be read)"
