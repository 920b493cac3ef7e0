"""Write a file whole or not at all; what is not a regular file (a pipe, /dev/null) is simply written to."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from flowscope_app.base.errors import FlowScopeError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that becomes `path` when the block ends well, and vanishes when it does not.

    The temporary file lies beside `path`; where `path` is a link, what it leads to is replaced. FlowScopeError if
    the place can't be written.
    """
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            with path.open("wb") as file:  # a folder raises here
                yield file
            return
        with _beside(path.resolve()) as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FlowScopeError(f"{path} can't be written: {error.strerror or error}") from error


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[BinaryIO]:
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(handle, "wb", buffering=1 << 18) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(_mode_for(target))
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _mode_for(target: Path) -> int:
    """The permissions of the file replaced, else what a new file gets (mkstemp's own are 0600)."""
    with contextlib.suppress(OSError):
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
