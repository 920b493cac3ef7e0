"""Sessions and spans on disk: one writer, any number of readers, one SQLite file."""

from flowscope_app.store.abandon import OpenProducer
from flowscope_app.store.decoding import decode_entries, decode_texts
from flowscope_app.store.entries import Entry, name_producer
from flowscope_app.store.errors import (
    Damaged,
    ForeignDatabase,
    NewerSchema,
    NoStore,
    NotWritable,
    StoreError,
    StoreFault,
    StoreLocked,
    UnsupportedUrl,
)
from flowscope_app.store.imports import Import
from flowscope_app.store.preparing import Batch, Prepared, batch_of
from flowscope_app.store.reader import StoreReader
from flowscope_app.store.retention import Expiring, Policy
from flowscope_app.store.rows import (
    Committed,
    Health,
    Incoming,
    Payload,
    ProducerRow,
    Report,
    SessionRow,
)
from flowscope_app.store.writer import StoreWriter

__all__ = [
    "Batch",
    "Committed",
    "Damaged",
    "Entry",
    "Expiring",
    "ForeignDatabase",
    "Health",
    "Import",
    "Incoming",
    "NewerSchema",
    "NoStore",
    "NotWritable",
    "OpenProducer",
    "Payload",
    "Policy",
    "Prepared",
    "ProducerRow",
    "Report",
    "SessionRow",
    "StoreError",
    "StoreFault",
    "StoreLocked",
    "StoreReader",
    "StoreWriter",
    "UnsupportedUrl",
    "batch_of",
    "decode_entries",
    "decode_texts",
    "name_producer",
]
