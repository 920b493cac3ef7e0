"""What the collector says on standard error: each thing once, however often it happens."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from flowscope_app.base.format import one_line
from flowscope_app.store import Report

REPEAT_AFTER_S = 60.0
MAX_REMEMBERED = 200
MAX_PER_MINUTE = 20

logger = logging.getLogger("flowscope.collector")

_SENTENCES = {
    "refused": "refused {count}: {detail}",
    "dropped": "{count} dropped: {detail}",
    "gap": "{count} missing: {detail}",
    "filled": "{count} came late: {detail}",
    "connection": "{detail}",
    "limited": "{detail}",
    "claimed": "{detail}",
}


class Voice:
    """Says reports as lines of the log, the same line at most once a minute, and not more than twenty a minute."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}
        self._minute = 0.0
        self._lines = 0

    def reports(self, reports: Iterable[Report]) -> None:
        """Say each report that was not said lately; the store has all of them."""
        now = time.monotonic()
        for report in reports:
            key = f"{report.kind} {report.detail}"
            if now - self._said.get(key, -REPEAT_AFTER_S) < REPEAT_AFTER_S:
                continue
            if len(self._said) >= MAX_REMEMBERED:
                self._said.clear()
            self._said[key] = now
            if self._allowed(now):
                noun = "1 record" if report.count == 1 else f"{report.count} records"
                text = _SENTENCES.get(report.kind, "{detail}").format(count=noun, detail=report.detail)
                logger.warning("%s", one_line(text, 500))

    def _allowed(self, now: float) -> bool:
        if now - self._minute >= 60.0:
            self._minute, self._lines = now, 0
        self._lines += 1
        if self._lines == MAX_PER_MINUTE:
            logger.warning("more is not said here for a minute; `flowscope doctor` and the window show all of it")
        return self._lines < MAX_PER_MINUTE
