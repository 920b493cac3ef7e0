"""One holder of a name at a time: a lock file that says which process it is."""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock, Timeout

from flowscope_app.store.errors import NotWritable, StoreLocked

# Windows locks the first byte of the file against reading too, so the holder's pid stands behind it.
_PID_AT = 1


class PidLock:
    """Held from construction to `release`, or to the end of the process, however that comes.

    Raises Held, or OSError if the file can't be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(path, timeout=0, thread_local=False)
        try:
            self._lock.acquire()
        except Timeout:
            raise Held(self._holder()) from None
        with path.open("r+b", buffering=0) as file:
            file.seek(_PID_AT)
            file.write(b"%d\n" % os.getpid())
            file.truncate()

    def _holder(self) -> int:
        try:
            with self._path.open("rb", buffering=0) as file:
                file.seek(_PID_AT)
                return int(file.read(20))
        except (OSError, ValueError):
            return 0

    def release(self) -> None:
        """Let another in. The file stays: removing it would let two processes hold two locks of one name."""
        self._lock.release()


class Held(Exception):  # noqa: N818 - it says what is so
    """Another process, `pid` (0: not known), holds the lock."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        super().__init__(f"held by pid {pid}")


def writer_lock(db: Path) -> PidLock:
    """The lock of a database's one writer. Raises StoreLocked with the holder's pid, or NotWritable."""
    try:
        return PidLock(db.with_name(db.name + ".lock"))
    except Held as error:
        raise StoreLocked(str(db), error.pid) from None
    except OSError as error:
        raise NotWritable(str(db.parent), error.strerror or str(error)) from None
