"""A filter over a million spans: from the query to the mask that every view draws by, and what the window waits."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from filling import fill
from gui_rig import Watch, until
from PySide6.QtWidgets import QApplication
from rig import say

from flowscope_app.qtmodels.feed import Feed
from flowscope_app.qtmodels.filter_controller import FilterController
from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.shell.turns import keep_turns_short

SPANS = 1_000_000
TIMES = 5
REST_S = 0.2  # between two questions
KEY_S = 0.03  # between two keys
QUERIES = {
    "an operation": "op:7",
    "fields": "op:invoke* model:m-1 status:success duration>1ms -op:3",
    "a text that one span says": '"Tuesday. 777{0}"',
    "a text that none says": '"no such words {0}"',
    "a text and a field": 'op:7 "Tuesday. 7{0}77"',
}


def main() -> int:
    """Print median ms."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--spans", type=int, default=SPANS)
    arguments, _ = parser.parse_known_args()
    keep_turns_short()
    app = QApplication.instance() or QApplication(sys.argv[:1])
    with tempfile.TemporaryDirectory(prefix="flowscope-") as folder:
        db = str(Path(folder) / "bench.db")
        fill(db, lambda _number: "bench", arguments.spans)
        state, queries = ViewState(), Queries(db)
        feed = Feed(db, state)
        control, watch = FilterController(state, queries), Watch()
        until(lambda: bool(state.sessions))
        state.choose_session(state.sessions[0].key)
        until(lambda: state.table.n == arguments.spans)
        for what, text in QUERIES.items():
            asked = [text.format(step) for step in range(TIMES)]
            say("filter", f"{arguments.spans:,} spans, {what}", _measured(state, control, watch, asked))
        say("filter", f"{arguments.spans:,} spans, a text while it is typed", _typed(state, control, watch))
        feed.close()
        queries.close()
    del app
    return 0


def _measured(state: ViewState, control: FilterController, watch: Watch, asked: list[str]) -> str:
    """How long it takes until all matches are known, all threads' processor time, and the longest pause."""
    took = []
    for text in asked:
        state.set_filter("")
        watch.rest(REST_S)
        begun, used = time.perf_counter(), time.process_time()
        state.set_filter(text)
        until(lambda: control.idle and not control.searching)
        took.append((time.perf_counter() - begun, time.process_time() - used, watch.longest, watch.own))
    wall, used, watch.longest, watch.own = (sorted(column)[TIMES // 2] for column in zip(*took, strict=True))
    return f"{wall * 1e3:.0f} ms, of the processor {used * 1e3:.0f} ms, {watch.told()}"


def _typed(state: ViewState, control: FilterController, watch: Watch) -> str:
    """A query key by key: from the last one until all matches are known, and the longest pause."""
    state.set_filter("")
    watch.rest(REST_S)
    text = 'op:invoke* "was due on Tuesday. 4321"'
    for end in range(1, len(text) + 1):
        state.set_filter(text[:end])
        pressed = time.perf_counter()
        until(lambda: time.perf_counter() >= pressed + KEY_S)  # noqa: B023
    begun = time.perf_counter()
    until(lambda: control.idle and not control.searching)
    return f"{(time.perf_counter() - begun) * 1e3:.0f} ms after the last key, {watch.told()}"


if __name__ == "__main__":
    sys.exit(main())
