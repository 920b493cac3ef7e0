"""What one stream of numbered batches has in flight: kept until acknowledged, sent again when it may be lost. Pure."""

from __future__ import annotations

from collections import deque

PATIENCE = 1.0
"""Seconds without progress before the collector is asked how far it is; doubles up to MAX_PATIENCE."""
MAX_PATIENCE = 30.0


class Outgoing:
    """A message as it goes out, and the numbers of its records: `seq` to `last`."""

    # No dataclass: one compiles code, and that would change the exit status of a program interrupted meanwhile.
    __slots__ = ("at", "frames", "last", "seq", "size")

    def __init__(self, seq: int, last: int, frames: list[bytes], at: float) -> None:
        self.at = at
        self.seq = seq
        self.last = last
        self.frames = frames
        self.size = sum(map(len, frames))


class Window:
    """Numbers batches from 1 and holds each until the collector says that it is stored.

    Every number below `next` was acknowledged, or its batch is held, or was given up by `forget_sent`. Times are
    monotonic seconds, given by the caller.
    """

    def __init__(self) -> None:
        self.next = 1
        self.size = 0  # bytes held
        self._held: deque[Outgoing] = deque()
        self._sent = 0  # how many of them, from the first, are on their way
        self._epoch: str | None = None
        self._since = 0.0
        self._patience = PATIENCE
        self._asked = False

    @property
    def first(self) -> int:
        """The number of the oldest record that can still be sent."""
        return self._held[0].seq if self._held else self.next

    @property
    def empty(self) -> bool:
        """Whether nothing is held."""
        return not self._held

    @property
    def in_flight(self) -> bool:
        """Whether something was sent and not acknowledged."""
        return self._sent > 0

    def waits(self, now: float) -> float:
        """Seconds for which the oldest batch has been held, 0 if there is none."""
        return max(0.0, now - self._held[0].at) if self._held else 0.0

    def add(self, count: int, frames: list[bytes], now: float) -> None:
        """Hold a batch of `count` records, the first of which gets number `next`."""
        batch = Outgoing(self.next, self.next + count - 1, frames, now)
        self._held.append(batch)
        self.next += count
        self.size += batch.size

    def due(self) -> Outgoing | None:
        """What is to be sent now, if anything; `sent` says that it was."""
        return self._held[self._sent] if self._sent < len(self._held) else None

    def sent(self, now: float) -> None:
        """What `due` gave is on its way."""
        if not self._sent:
            self._since = now
        self._sent += 1

    def rewind(self) -> None:
        """What is on its way may be lost: send all of it again."""
        self._sent = 0
        self._patience = PATIENCE
        self._asked = False

    def acknowledged(self, watermark: int, epoch: str, now: float) -> None:
        """The collector of `epoch` has stored all records up to number `watermark`.

        Another epoch is another process: what the one before had read and not stored is gone.
        """
        if epoch != self._epoch:
            if self._epoch is not None:
                self.rewind()
            self._epoch = epoch
            self._progress(now)
        while self._held and self._held[0].last <= watermark:
            self._drop_first()
            self._progress(now)

    def forget_sent(self) -> None:
        """Nobody acknowledges here: what was handed over counts as delivered."""
        while self._sent:
            self._drop_first()

    def stalled(self, now: float) -> bool:
        """Whether to ask the collector how far it is, as nothing has moved for long. Asked again ever less often."""
        if not self._sent or now - self._since < self._patience:
            return False
        self._since = now
        self._patience = min(2 * self._patience, MAX_PATIENCE)
        self._asked = True
        return True

    def answered(self) -> None:
        """The collector has said how far it is. If it was asked and got no further, it lacks what was sent.

        Or it can't write just now: so what is sent again is waited for twice as long.
        """
        if self._asked:
            self._asked = False
            self._sent = 0

    def _progress(self, now: float) -> None:
        self._since = now
        self._patience = PATIENCE
        self._asked = False

    def _drop_first(self) -> None:
        self.size -= self._held.popleft().size
        self._sent = max(0, self._sent - 1)
