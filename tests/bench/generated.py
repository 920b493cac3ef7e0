"""A session as wide and deep as real ones: 24 tracks, agents' calls six deep, 20 operations, 1 % failed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np

from flowscope.protocol import Header, ProducerInfo, Record
from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.spans.table import SPAN_DTYPE, SpanDelta, Track
from flowscope_app.store import Incoming, StoreWriter
from flowscope_app.store.gathering import RUN_SPANS

SESSION, SMALL = "bench", "small"
TRACKS, OPERATIONS, ORIGIN = 24, 20, 1_790_000_000_000_000_000
PROGRAMS = 6
# One call of an agent: parent, share of the call from and to, kind.
CALL = (
    (-1, 0.0, 1.0, Kind.AGENT), (0, 0.01, 0.33, Kind.CHAIN), (1, 0.02, 0.32, Kind.LLM), (0, 0.34, 0.75, Kind.CHAIN),
    (3, 0.35, 0.5, Kind.RETRIEVER), (4, 0.36, 0.4, Kind.EMBEDDING), (4, 0.41, 0.49, Kind.HTTP),
    (3, 0.51, 0.74, Kind.TOOL), (7, 0.52, 0.73, Kind.HTTP), (8, 0.55, 0.6, Kind.OTHER), (0, 0.76, 0.99, Kind.CHAIN),
    (10, 0.77, 0.98, Kind.LLM), (11, 0.78, 0.8, Kind.PROMPT), (11, 0.95, 0.97, Kind.PARSER),
)  # fmt: skip


def session(spans: int) -> SpanDelta:
    """Calls of agents one after the other and, on a third of the tracks, side by side; in order of their ends."""
    chance = np.random.default_rng(7)
    each, size = spans // TRACKS + 1, len(CALL)
    at = np.arange(each)
    call, part = at // size, at % size
    above, begin, end, kind = (np.array(column)[part] for column in zip(*CALL, strict=True))
    rows = np.zeros(each * TRACKS, SPAN_DTYPE)
    for track in range(TRACKS):
        took = (chance.lognormal(0, 0.6, call[-1] + 1) * 1e8).astype(np.int64)
        pause = (chance.random(len(took)) * 4e7 - (2e7 if track % 3 == 0 else 0)).astype(np.int64)
        starts = np.cumsum(took + pause) - took
        mine = rows[track * each : (track + 1) * each]
        mine["start"] = ORIGIN + starts[call] + (begin * took[call]).astype(np.int64)
        mine["end"] = ORIGIN + starts[call] + (end * took[call]).astype(np.int64)
        mine["id64"] = track * each + at + 1
        mine["parent64"] = np.where(above < 0, 0, track * each + call * size + above + 1)
        mine["kind"], mine["op"], mine["track"] = kind, chance.integers(1, OPERATIONS + 1, each), track + 1
        mine["status"] = np.where(chance.random(each) < 0.01, Status.ERROR, Status.SUCCESS)
    rows = rows[np.argsort(rows["end"], kind="stable")][:spans]
    ids = chance.integers(1, 2**63 - 1, each * TRACKS + 1)
    ids[0] = 0
    rows["id64"], rows["parent64"] = ids[rows["id64"]], ids[rows["parent64"]]
    rows["key"] = np.arange(1, spans + 1)
    names = {number: f"operation_{number}" for number in range(1, OPERATIONS + 1)}
    tracks = {
        number + 1: Track(number + 1, f"worker-{number}", "python 3.12", f"p{number % PROGRAMS}")
        for number in range(TRACKS)
    }
    return SpanDelta(rows, names, tracks, spans)


def store(path: Path, found: SpanDelta) -> None:
    """A database from which a window opens the session. What opening does not read, rows and payloads, is left out."""
    with StoreWriter.open(str(path)) as writer:
        writer.write([Incoming(None, [Record("1", SMALL, None, "op", "custom", "python", ORIGIN, ORIGIN + 1_000)])])
    with sqlite3.connect(path, isolation_level=None) as db:
        db.execute("BEGIN")
        spans, rows = len(found.rows), found.rows
        db.execute(
            "INSERT INTO sessions (key, id, name, spans, errors, pending, tokens_in, tokens_out, start_ns, end_ns,"
            " last_ns, gathered) VALUES (2, ?, '', ?, ?, 0, 0, 0, ?, ?, 1, ?)",
            (SESSION, spans, spans // 100, int(rows["start"].min()), int(rows["end"].max()), spans),
        )
        for table in ("names", "producers", "tracks"):  # the small session's go without
            db.execute(f"DELETE FROM {table}")
        db.executemany("INSERT INTO names (key, text) VALUES (?, ?)", found.names.items())
        producers = {track.producer: number for number, track in enumerate(found.tracks.values(), 1)}
        with_numbers = [(number, name, f"{name}.py") for name, number in producers.items()]
        db.executemany(
            "INSERT INTO producers (key, id, program, host, language, runtime, sdk, watermark, dropped)"
            " VALUES (?, ?, ?, '', 'python', '', '', 0, 0)",
            with_numbers,
        )
        db.executemany(
            "INSERT INTO tracks (key, session, producer, thread, label, detail) VALUES (?, 2, ?, ?, ?, ?)",
            [(t.key, producers[t.producer], t.label, t.label, t.detail) for t in found.tracks.values()],
        )
        for first in range(0, spans, RUN_SPANS):
            run = rows[first : first + RUN_SPANS]
            columns = b"".join([run[name].tobytes() for name in SPAN_DTYPE.names or ()])
            db.execute(
                "INSERT INTO runs (session, first, last, spans, columns) VALUES (2, ?, ?, ?, ?)",
                (first + 1, first + len(run), len(run), columns),
            )
        db.execute("COMMIT")
    db.close()


class Messages:
    """The spans as their six programs send them; `lasting` ns instead of as long as they took."""

    def __init__(self, found: SpanDelta, lasting: int = 0) -> None:
        rows = found.rows
        scale = lasting / (int(rows["end"].max()) - ORIGIN) if lasting else 1.0
        self._columns = [rows[name].tolist() for name in ("id64", "parent64", "op", "track", "kind", "status")]
        self._starts = (ORIGIN + (rows["start"] - ORIGIN) * scale).astype(np.int64).tolist()
        self._ends = (ORIGIN + (rows["end"] - ORIGIN) * scale).astype(np.int64).tolist()
        self._sent = [1] * PROGRAMS

    def of(self, first: int, end: int) -> list[Incoming]:
        """The next spans, `first` to `end - 1`, a batch a program."""
        shares: list[list[Record]] = [[] for _ in range(PROGRAMS)]
        for at in range(first, end):
            shares[self._columns[3][at] % PROGRAMS].append(self._record(at))
        items = []
        for number, records in enumerate(shares):
            info = ProducerInfo(f"p{number}", SESSION, f"p{number}.py", 100 + number, "host", "python", "3.12", "")
            items.append(Incoming(Header(1, info, self._sent[number], len(records)), records))
            self._sent[number] += len(records)
        return items

    def _record(self, at: int) -> Record:
        number, parent, op, track, kind, status = (column[at] for column in self._columns)
        failed = status == Status.ERROR
        return Record(
            f"{number:016x}", SESSION, f"{parent:016x}" if parent else None, f"operation_{op}", "custom", "python",
            self._starts[at], max(self._starts[at], self._ends[at]),
            metadata={"flowscope.kind": Kind(kind).label, "flowscope.thread": f"worker-{track}"},
            status="error" if failed else "success", error="failed" if failed else None,
        )  # fmt: skip
