"""Sessions for the timeline's tests: spans on several tracks, written out or made by chance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.spans.table import NO_END, SPAN_DTYPE, SpanDelta, SpanTable, Track
from flowscope_app.timeline.layout import Layout

T0 = 1_790_000_000_000_000_000  # ns since the epoch


@dataclass(frozen=True)
class S:
    """One span: times in ns after T0, `end` None while pending."""

    key: int
    start: int
    end: int | None
    parent: int = 0
    track: int = 1
    kind: Kind = Kind.CHAIN
    error: bool = False
    op: str = "step"


def delta(spans: list[S], tracks: dict[int, Track] | None = None) -> SpanDelta:
    """The spans as the store hands them out."""
    names: dict[str, int] = {"": 0}
    rows = np.zeros(len(spans), SPAN_DTYPE)
    for at, span in enumerate(spans):
        row = rows[at]
        row["key"] = row["id64"] = span.key
        row["parent64"], row["start"] = span.parent, T0 + span.start
        row["end"] = NO_END if span.end is None else T0 + span.end
        row["op"] = names.setdefault(span.op, len(names))
        row["track"], row["kind"] = span.track, span.kind
        row["status"] = Status.PENDING if span.end is None else Status.ERROR if span.error else Status.SUCCESS
    used = tracks or {span.track: Track(span.track, f"track {span.track}", "", f"p{span.track}") for span in spans}
    return SpanDelta(rows, {number: text for text, number in names.items()}, used, len(spans))


def table_of(spans: list[S], tracks: dict[int, Track] | None = None) -> SpanTable:
    """A table with these spans in rows 0, 1, …"""
    table = SpanTable()
    table.apply(delta(spans, tracks))
    return table


def random_session(seed: int, count: int, *, tracks: int = 3, errors: float = 0.05) -> list[S]:
    """Trees with concurrent siblings, children that outlive their parents, spans of no length, calls across tracks."""
    chance = np.random.default_rng(seed)
    spans: list[S] = []
    for key in range(1, count + 1):
        above = spans[int(chance.integers(0, len(spans)))] if spans and chance.random() < 0.8 else None
        start = int(chance.integers(0, 50 * count))
        track = int(chance.integers(1, tracks + 1))
        if above is not None:
            start = above.start + int(chance.integers(0, max(1, (above.end or 0) - above.start)))
            track = above.track if chance.random() < 0.85 else track
        length = int(chance.choice([0, 1, 10, 200, 3_000]) * chance.random() * 2)
        error = bool(chance.random() < errors)
        spans.append(
            S(key, start, start + length, above.key if above else 0, track, Kind(int(chance.integers(0, 13))), error)
        )
    return spans


def lived(spans: list[S], seed: int) -> list[list[S]]:
    """The same spans as a live session brings them: pending first, ended later, in batches as time passes."""
    chance = np.random.default_rng(seed)
    last = max(span.end or 0 for span in spans) + 1
    batches: list[list[S]] = []
    told: dict[int, bool] = {}
    for now in np.linspace(0, last, 12).astype(int).tolist():
        batch: list[S] = []
        for span in spans:
            if span.end is not None and span.end <= now and not told.get(span.key, False):
                batch.append(span)
                told[span.key] = True
            elif span.start <= now and span.key not in told and chance.random() < 0.6:
                batch.append(replace(span, end=None, error=False))
                told[span.key] = False
        batches.append(batch)
    batches.append([span for span in spans if not told.get(span.key, False)])
    return batches


def check_layout(layout: Layout) -> None:
    """What holds of every layout: all placed once, none overlaps in a lane, children below their parents."""
    table = layout.table
    seen = np.concatenate([lane.rows for lane in layout.lanes] or [np.empty(0, np.int32)])
    assert sorted(seen.tolist()) == list(range(table.n))
    for number, lane in enumerate(layout.lanes):
        rows = lane.rows
        assert all(layout.lane_of(int(row)) == number for row in rows)
        assert (lane.starts == table.start[rows]).all()
        assert (layout.groups.of(rows) == lane.track).all()
        ends = np.where(table.end[rows] == NO_END, 1 << 62, np.maximum(table.end[rows], table.start[rows] + 1))
        assert (ends[:-1] <= lane.starts[1:]).all(), "spans overlap in a lane"
    up = layout.up(slice(None))
    for row in range(table.n):
        above = layout.lanes[layout.lane_of(row)].above
        assert above == (layout.lane_of(int(up[row])) if up[row] >= 0 else -1)
