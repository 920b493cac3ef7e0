"""A million children of one span, all the way from the writer to what the window draws from."""

from __future__ import annotations

import numpy as np
import pytest

from flowscope.protocol import Record
from flowscope_app.spans.table import SpanTable
from flowscope_app.store import Incoming, StoreReader, StoreWriter

CHILDREN = 1_000_000
BATCH = 20_000
START = 1_790_000_000_000_000_000


@pytest.mark.slow
def test_a_million_children_of_one_span_are_stored_and_shown(writer: StoreWriter, reader: StoreReader) -> None:
    def child(number: int) -> Record:
        at = START + number
        return Record(f"{number:016x}", "s", "f" * 16, "op", "custom", "python", at, at + 5, status="success")

    parent = Record("f" * 16, "s", None, "root", "custom", "python", START, START + CHILDREN + 5, status="success")
    for first in range(1, CHILDREN, BATCH):
        records = [child(number) for number in range(first, first + BATCH)]
        writer.write([Incoming(None, [*records, parent] if first == CHILDREN // 2 + 1 else records)])
    (row,) = reader.sessions()
    assert row.spans == CHILDREN + 1
    table, change, more = SpanTable(), 0, True
    while more:
        delta = reader.spans_since(row.key, change)
        table.apply(delta)
        change, more = delta.change, delta.more
    (root,) = np.flatnonzero(table.parent == -1).tolist()
    assert (table.n, table.op_name(root)) == (CHILDREN + 1, "root")
    assert len(table.children(root)) == CHILDREN
    assert np.count_nonzero(table.depth == 1) == CHILDREN
