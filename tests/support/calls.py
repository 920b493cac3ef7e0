"""Sessions for the rules, written down call by call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flowscope_app.analysis.findings import Calls
from flowscope_app.analysis.snapshot import Snapshot
from flowscope_app.spans.kinds import Kind, Status

MS = 1_000_000


@dataclass
class Call:
    op: str
    start: int  # ms
    end: int
    parent: int = -1  # row
    kind: Kind = Kind.OTHER
    status: Status = Status.SUCCESS
    prompt: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    first_token: int = 0  # ms
    cost: float = float("nan")
    model: str = ""
    strand: int = 1


def session(*calls: Call) -> Calls:
    """The columns of some calls, rows in the order given."""
    names = {0: ""}
    numbers: dict[str, int] = {"": 0}

    def name(text: str) -> int:
        if text not in numbers:
            numbers[text] = len(numbers)
            names[numbers[text]] = text
        return numbers[text]

    def column(values: list[float], kind: type) -> np.ndarray:
        return np.array(values, kind)

    start = column([call.start * MS for call in calls], np.int64)
    end = column([call.end * MS for call in calls], np.int64)
    spans = Snapshot(
        key=np.arange(1, len(calls) + 1, dtype=np.int64),
        start=start,
        end=end,
        op=column([name(call.op) for call in calls], np.int32),
        model=column([name(call.model) for call in calls], np.int32),
        framework=column([0 for _ in calls], np.int32),
        track=column([call.strand for call in calls], np.int32),
        parent=column([call.parent for call in calls], np.int32),
        strand=column([call.strand for call in calls], np.int32),
        kind=column([call.kind for call in calls], np.int8),
        status=column([call.status for call in calls], np.int8),
        tokens_in=column([call.tokens_in for call in calls], np.int32),
        tokens_out=column([call.tokens_out for call in calls], np.int32),
        pending=column([call.status == Status.PENDING for call in calls], np.bool_),
        names=names,
        now=int(end.max()) if len(calls) else 0,
    )
    return Calls(
        spans=spans,
        first_token=column([call.first_token * MS for call in calls], np.int64),
        prompt=column([call.prompt for call in calls], np.int64),
        cost=column([call.cost for call in calls], np.float64),
    )
