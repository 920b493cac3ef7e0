"""Work done ahead in a thread: a file is decoded while what came before is written."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable
from queue import Empty, Full, Queue
from typing import Generic, TypeVar

CHUNKS = 4
"""Chunks that are ready at most, beside the one being made."""
CHUNK_ITEMS = 64
CHUNK_BYTES = 1 << 18
LARGE = 4 << 20
"""Bytes of a chunk after which nothing is made before it is used up."""
WAIT_S = 0.02

T = TypeVar("T")


def ahead(items: Iterable[T], size: Callable[[T], int]) -> Generator[T | None, None, None]:
    """The same items, made in a thread of their own; None now and then while none is ready.

    `size` is about how many bytes an item holds: of large ones fewer are made ahead. What making them raises is raised
    here, after the items before it. The thread has ended when this is exhausted or closed.
    """
    work = _Work(items, size)
    try:
        while (chunk := work.next()) is not None:
            yield from chunk or (None,)
    finally:
        work.end()
    if work.error is not None:
        raise work.error


class _Work(Generic[T]):
    """The thread and what it has made."""

    def __init__(self, items: Iterable[T], size: Callable[[T], int]) -> None:
        self.error: BaseException | None = None
        self._items, self._size = items, size
        self._ready: Queue[list[T]] = Queue(CHUNKS)
        self._stopping = False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flowscope-decode", daemon=True)
        self._thread.start()

    def next(self) -> list[T] | None:
        """The next chunk: empty if none is ready yet, None after the last."""
        over = self._done.is_set()  # asked first: nothing comes after it
        try:
            return self._ready.get(timeout=0 if over else WAIT_S)
        except Empty:
            return None if over else []

    def end(self) -> None:
        """Stop the thread and wait for it."""
        self._stopping = True
        self._thread.join()

    def _run(self) -> None:
        chunk: list[T] = []
        held = 0
        try:
            for item in self._items:
                chunk.append(item)
                held += self._size(item)
                if len(chunk) >= CHUNK_ITEMS or held >= CHUNK_BYTES:
                    if not self._hand_over(chunk, held):
                        return
                    chunk, held = [], 0
        except BaseException as error:
            self.error = error
        finally:
            self._hand_over(chunk, 0)
            self._done.set()

    def _hand_over(self, chunk: list[T], held: int) -> bool:
        """False if nobody wants it any more. After large items it waits until they are used up."""
        while not self._stopping:
            try:
                self._ready.put(chunk, timeout=WAIT_S)
                break
            except Full:
                continue
        while held > LARGE and not self._ready.empty() and not self._stopping:
            time.sleep(WAIT_S)
        time.sleep(0)  # who writes has its turn between two chunks, not only when the interpreter thinks of it
        return not self._stopping
