"""Metrics and plots over a million spans: from the question to figures on the screen, and what the window waits."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from bench_timeline import session
from gui_rig import Watch, until
from PySide6.QtWidgets import QApplication

from flowscope_app import theme
from flowscope_app.analysis import prices
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.shell.turns import keep_turns_short
from flowscope_app.spans.kinds import Kind
from flowscope_app.spans.notes import NOTE_DTYPE, Notes
from flowscope_app.spans.rows import SessionRow
from flowscope_app.spans.table import SpanDelta, SpanTable
from flowscope_app.views.metrics import MetricsView

SPANS = 1_000_000
MODELS = ("gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "own-7b")
TIMES = 5
REST_S = 1.0  # what the view rests after work


def priced(delta: SpanDelta) -> tuple[SpanDelta, Notes]:
    """The timeline's session with models, tokens and notes on its calls of models."""
    chance, rows = np.random.default_rng(3), delta.rows
    llm = np.flatnonzero(rows["kind"] == Kind.LLM)
    rows["model"][llm] = chance.integers(101, 101 + len(MODELS), len(llm))
    rows["tokens_in"][llm] = chance.integers(100, 5_000, len(llm))
    rows["tokens_out"][llm] = chance.integers(10, 900, len(llm))
    rows["framework"] = 99
    names = {**delta.names, 99: "langchain", **dict(enumerate(MODELS, 101))}
    notes = np.zeros(len(llm), NOTE_DTYPE)
    notes["key"] = np.sort(rows["key"][llm])
    return SpanDelta(rows, names, delta.tracks, delta.change), Notes(notes, {}, 1)


def measured(view: MetricsView, watch: Watch, act: Callable[[int], None]) -> str:
    """How long it takes until table and plots show what was asked, all threads' processor time, the longest pause."""
    took = []
    for step in range(TIMES):
        watch.rest(REST_S)
        begun, used = time.perf_counter(), time.process_time()
        act(step)
        until(lambda: view.idle)
        took.append((time.perf_counter() - begun, time.process_time() - used, watch.longest, watch.own))
    wall, used, watch.longest, watch.own = (sorted(column)[TIMES // 2] for column in zip(*took, strict=True))
    return f"{wall * 1e3:.0f} ms, of the processor {used * 1e3:.0f} ms, {watch.told()}"


def main() -> int:
    """Print median ms."""
    keep_turns_short()
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    theme.apply(app, "dark")
    prices.source()
    delta, notes = priced(session(SPANS))
    table = SpanTable()
    table.apply(delta)
    state = ViewState()
    state.set_sessions([SessionRow(1, "bench", "bench")])
    state.choose_session(1)
    view = MetricsView(state)
    view.resize(1200, 420)
    view.show()
    state.set_table(table)
    watch = Watch()
    origin, whole = table.origin, table.latest - table.origin
    slow = table.end - table.start > 20_000_000

    def fresh_spans(step: int) -> None:
        table.version += 1  # as after a delta: nothing that was worked out before holds
        state.set_notes(Notes(notes.rows, {}, step + 2))

    acts: dict[str, Callable[[int], None]] = {
        "new spans, all worked out anew": fresh_spans,
        "another grouping": lambda step: view.corner.choose((step + 1) % 4),
        "another filter": lambda step: state.set_mask(slow if step % 2 else ~slow),
        "another range": lambda step: state.set_range(origin, origin + whole // (step + 2), user=True),
        "another row, plots alone": lambda step: view.table.setCurrentIndex(view.model.index(step % 2, 0)),
    }
    for name, act in acts.items():
        view.corner.choose(0)
        state.set_mask(None)
        state.set_range(0, 0)
        until(lambda: view.idle)
        print(f"metrics.{SPANS:,} spans, {name:<32} {measured(view, watch, act)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
