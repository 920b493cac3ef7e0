"""What keeps the store in order: the search index, and limits on what is kept. Most of it while no spans come."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from flowscope_app.base.format import one_line
from flowscope_app.settings import Settings
from flowscope_app.store import Policy, StoreFault, StoreWriter

LIMITS_EVERY_S = 60.0
STEP_S = 0.02
BUSY_STEP_S = 0.01
SHARE = 0.05
"""Of the time while spans come one upon another: so much slower they are taken, so that a search's tail has an end."""
SWEEP_SHARE = 0.25
"""The same while sessions are deleted. A span is deleted in less than a fifth of the time in which one is stored: so
limits are kept however fast spans come."""
MOST_SAVED_S = 0.05
PAUSE_S = 2.0
"""After a fault, until it is tried again."""

logger = logging.getLogger("flowscope.collector")


class Allowance:
    """How much time work may take while spans come: what the loop would only have waited, and a share of the rest."""

    def __init__(self, share: float = SHARE, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._clock = clock
        self._since = clock()
        self._saved = 0.0

    def earn(self, slack: float) -> float:
        """A turn of the loop is over, in which it waited `slack` seconds. Returns the seconds that may be taken."""
        now = self._clock()
        self._saved = min(MOST_SAVED_S, self._saved + slack + self._share * (now - self._since))
        self._since = now
        return self._saved

    def spend(self, seconds: float) -> None:
        """So much was taken."""
        self._saved -= seconds


def policy_of(settings: Settings) -> Policy:
    """The limits that the settings name."""
    return Policy(
        days=float(settings["retention.days"]),
        max_bytes=float(settings["retention.gigabytes"]) * 1e9,
        sessions=int(settings["retention.sessions"]),
    )


def read_policy() -> Policy:
    """The limits as they stand in the settings file now: the window may have changed them since the last look."""
    return policy_of(Settings.load(set_aside=False))


class Upkeep:
    """Works in steps of some hundredths of a second, each a transaction of its own."""

    def __init__(self, writer: StoreWriter, policy: Callable[[], Policy] = read_policy) -> None:
        self._writer = writer
        self._policy = policy
        self._look_at = time.monotonic()
        self._paused_until = 0.0

    @property
    def busy(self) -> bool:
        """Whether `step` has something to do."""
        now = time.monotonic()
        return now >= self._paused_until and (self._writer.index_behind or now >= self._look_at)

    def step(self, seconds: float = STEP_S) -> bool:
        """Do a little of what is due. True if sessions were hidden, which the store's sweep must now delete."""
        try:
            if time.monotonic() >= self._look_at:
                return self._retire()
            self._writer.index(seconds)
        except StoreFault as error:
            logger.debug("not now: %s", error)
            self._paused_until = time.monotonic() + PAUSE_S
        return False

    def _retire(self) -> bool:
        if self._writer.hidden():  # a sweep is not done, or met a fault: the database is smaller than it looks
            self._look_at = time.monotonic() + PAUSE_S
            return True
        policy = self._policy()
        gone = self._writer.retire(policy, time.time_ns()) if policy else []
        # Where one session was not enough, the next is looked for once this one is swept.
        self._look_at = time.monotonic() + (0.0 if gone else LIMITS_EVERY_S)
        for found in gone:
            logger.warning("session %s was deleted: %s", one_line(found.name or found.id, 80), found.why)
        return bool(gone)
