"""How a command ends: an exit status and at most one line on standard error, never a traceback."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable

from flowscope_app.base.errors import FlowScopeError

FAILED = 1
INTERRUPTED = 130


def status_of(run: Callable[[], int]) -> int:
    """Call `run` and return the exit status of the process; what it raises is said in one line."""
    try:
        status = run()
        if sys.stdout is not None:  # under pythonw there is none
            sys.stdout.flush()
        return status
    except SystemExit as leaving:  # argparse has said what it had to say
        return leaving.code if isinstance(leaving.code, int) else 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return FAILED
    except FlowScopeError as error:
        _debug()
        say(str(error))
        return FAILED
    except OSError as error:
        _debug()
        say(f"{error.filename or 'input or output'}: {error.strerror or error}")
        return FAILED
    except Exception as error:
        _debug()
        say(f"{type(error).__name__}: {error}; this is a fault in FlowScope, FLOWSCOPE_DEBUG=1 shows where")
        return FAILED


def say(line: str) -> None:
    """One line on standard error, whatever the text holds and wherever standard error leads."""
    text = " ".join(line.split())
    with contextlib.suppress(OSError, ValueError, AttributeError):
        encoding = sys.stderr.encoding or "utf-8"
        print("flowscope: " + text.encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr, flush=True)


def debugging() -> bool:
    """Whether FLOWSCOPE_DEBUG asks for what is hidden otherwise."""
    return os.environ.get("FLOWSCOPE_DEBUG", "").lower() not in ("", "0", "off", "false", "no")


def _debug() -> None:
    if debugging():
        traceback.print_exc()


def _silence_stdout() -> None:
    """The reader of standard output has gone: keep the interpreter's last flush from complaining about it."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
