"""Chrome's trace event format, which Perfetto, chrome://tracing and speedscope open. Written only.

Complete events of one thread must lie within one another or apart, so concurrent spans stand on lines of their own.
Times count from the least start, in microseconds with the nanoseconds behind the point; `otherData` says from when.
https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, BinaryIO

import numpy as np
import orjson

from flowscope.protocol import Record, format_time
from flowscope_app.exchange.contents import Contents, Held
from flowscope_app.exchange.nesting import lines
from flowscope_app.spans.ids import id64
from flowscope_app.spans.kinds import Kind
from flowscope_app.spans.table import SpanTable
from flowscope_app.store.catalogue import program_name

MOST_TEXT = 2_000
"""Characters of an input, output or error that are written; the viewers show them in one line."""

_AT_A_TIME = 64  # records: enough to find their rows quickly, few enough to be held whatever they carry
_ERROR_COLOUR = "terrible"  # one of the names the format knows

Event = dict[str, Any]


def write(contents: Contents, out: BinaryIO) -> int:
    """Write all sessions beside one another; return the number of spans."""
    origin = contents.first_start
    other = {"producer": "FlowScope", "origin": format_time(origin)}
    out.write(b'{"displayTimeUnit":"ms","otherData":' + orjson.dumps(other) + b',"traceEvents":[')
    count = 0
    between = b"\n"
    for number, held in enumerate(contents.held()):
        session = _Session(number, held)
        for event in chain(session.head(), session.events(origin)):
            out.write(between + orjson.dumps(event))
            between = b",\n"
            count += event["ph"] in "XB"
    out.write(b"\n]}\n")
    return count


class _Session:
    """One session's processes, threads and spans as events. Process numbers are unlike those of other sessions."""

    def __init__(self, number: int, session: Held) -> None:
        self._records = session.records
        self._title = session.title
        self.table: SpanTable = session.table
        self._line = lines(self.table)
        self._pids: dict[str, int] = {}
        self._tids: dict[tuple[int, int], int] = {}
        strands = self.table.strands
        for strand, line in sorted(set(zip(self.table.strand.tolist(), self._line.tolist(), strict=True))):
            producer = strands[strand].producer if strand in strands else ""
            self._pids.setdefault(producer, number * 100_000 + len(self._pids) + 1)
            self._tids[strand, line] = len(self._tids) + 1
        self._producer = {strand: track.producer for strand, track in strands.items()}
        self._infos = {info.id: info for info in session.producers}

    def head(self) -> Iterator[Event]:
        """Names of processes and threads."""
        for producer, pid in self._pids.items():
            info = self._infos.get(producer)
            program = (program_name(info) if info is not None else producer) or "unknown program"
            real = f" · pid {info.pid}" if info is not None and info.pid else ""
            yield _meta("process_name", pid, 0, name=f"{program}{real} · {self._title}")
            yield _meta("process_sort_index", pid, 0, sort_index=pid)
        for (strand, line), tid in self._tids.items():
            track = self.table.strands.get(strand)
            label = (track.label if track is not None else "") or "unnamed track"
            pid = self._pids[self._producer.get(strand, "")]
            yield _meta("thread_name", pid, tid, name=f"{label} ({line + 1})" if line else label)
            yield _meta("thread_sort_index", pid, tid, sort_index=tid)

    def events(self, origin: int) -> Iterator[Event]:
        """The spans, in stored order, each with the arrow from a caller on another track."""
        while some := list(islice(self._records, _AT_A_TIME)):
            rows = self.table.rows_with_ids(np.array([id64(record.id) for record in some], np.int64))
            for record, row in zip(some, rows.tolist(), strict=True):
                if row >= 0:  # what came after the session was read is not part of it
                    yield from self._span(record, row, origin)

    def _place(self, row: int) -> tuple[int, int]:
        strand = int(self.table.strand[row])
        return self._pids[self._producer.get(strand, "")], self._tids[strand, int(self._line[row])]

    def _span(self, record: Record, row: int, origin: int) -> Iterator[Event]:
        table = self.table
        (pid, tid), start, end = self._place(row), int(table.start[row]), int(table.end[row])
        event: Event = {
            "ph": "B" if end < 0 else "X",  # what has not ended has a beginning only
            "name": record.operation or "(no name)",
            "cat": Kind(int(table.kind[row])).label,
            "pid": pid,
            "tid": tid,
            "ts": (start - origin) / 1000,
            "args": _args(record),
        }
        if end >= 0:
            event["dur"] = (end - start) / 1000
        if record.status == "error":
            event["cname"] = _ERROR_COLOUR
        yield event
        parent = int(table.parent[row])
        if parent < 0 or table.strand[parent] == table.strand[row]:
            return
        above_pid, above_tid = self._place(parent)
        flow = {"name": "call", "cat": "call", "id": int(table.key[row])}
        called, ended = start, int(table.end[parent])
        at = max(int(table.start[parent]), called if ended < 0 else min(called, ended))
        yield {"ph": "s", **flow, "pid": above_pid, "tid": above_tid, "ts": (at - origin) / 1000}
        yield {"ph": "f", "bp": "e", **flow, "pid": pid, "tid": tid, "ts": (start - origin) / 1000}


def _meta(what: str, pid: int, tid: int, **args: str | int) -> Event:
    return {"ph": "M", "name": what, "pid": pid, "tid": tid, "args": args}


def _args(record: Record) -> dict[str, Any]:
    get = record.metadata.get
    texts = {
        "id": record.id,
        "parent": record.parent_id,
        "session": record.session_id,
        "status": record.status,
        "framework": record.framework,
        "language": record.language,
        "model": get("gen_ai.response.model") or get("gen_ai.request.model"),
        "input_tokens": get("gen_ai.usage.input_tokens"),
        "output_tokens": get("gen_ai.usage.output_tokens"),
        "error": _cut(record.error),
        "input": _cut(record.input),
        "output": _cut(record.output),
    }
    return {name: value for name, value in texts.items() if value is not None}


def _cut(value: str | bytes | None) -> str | None:
    if isinstance(value, bytes):
        value = value[: 4 * MOST_TEXT].decode("utf-8", "replace")
    if value is None or len(value) <= MOST_TEXT:
        return value
    return value[:MOST_TEXT] + " …"
