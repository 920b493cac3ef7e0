"""What a file holds, its records put together to batches that are ready to be written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flowscope.protocol import ProducerInfo, Record
from flowscope_app.exchange.contents import Item, Losses, Note
from flowscope_app.exchange.envelope import FileHeader
from flowscope_app.store import Batch, Entry, batch_of

# One transaction and one step. Larger ones hold up the collector that does the import, and no longer fit a processor's
# cache: they take more time a span.
BATCH_RECORDS = 500
BATCH_BYTES = 4 << 20
ENTRY_BYTES = 1 << 10
"""What a span takes in memory beside its input and output."""

Ready = FileHeader | ProducerInfo | Batch | Note | Losses | None
"""What an Item is, but for records, which come by the thousand."""


def batches(items: Iterable[Item]) -> Iterator[Ready]:
    """The same; what is said of producers comes before the records that stand between two batches."""
    held: list[Entry | Record] = []
    size = 0
    for item in items:
        if not isinstance(item, list | Record):
            yield item
            continue
        held += item if isinstance(item, list) else (item,)
        size += _size(item)
        if len(held) >= BATCH_RECORDS or size >= BATCH_BYTES:
            yield batch_of(held)
            held, size = [], 0
    if held:
        yield batch_of(held)


def size_of(item: Ready) -> int:
    """Bytes of one, about."""
    if not isinstance(item, Batch):
        return 0
    return item.records * ENTRY_BYTES + sum([len(spans.payloads) for spans in item.sessions])


def _size(item: list[Entry] | Record) -> int:
    if isinstance(item, list):
        return sum([ENTRY_BYTES + len(entry.input or b"") + len(entry.output or b"") for entry in item])
    return len(item.input or b"") + len(item.output or b"")
