"""The tables. A change here needs a step in `migrations/` and a higher SCHEMA_VERSION."""

from __future__ import annotations

from peewee import (
    SQL,
    BlobField,
    CompositeKey,
    IntegerField,
    Model,
    SchemaManager,
    SqliteDatabase,
    TextField,
)
from playhouse.sqlite_ext import AutoIncrementField

SCHEMA_VERSION = 4
APPLICATION_ID = 0x464C5753  # "FLWS": file(1) and other tools tell the file by it


class Table(Model):
    """What every table shares. Models are never bound to a database: queries name theirs when they run.

    Keys with AUTOINCREMENT are never used twice, so that what a reader remembers by key can't become another's.
    """

    class Meta:
        """Peewee's options."""

        legacy_table_names = False


class Meta(Table):
    """Counters of the whole database, by name: the last change number, what was refused, dropped, superseded."""

    name = TextField(primary_key=True)
    value = IntegerField()

    class Meta:
        """Peewee's options."""

        table_name = "meta"


class Session(Table):
    """A session and its sums. `id` is null while it is hidden: being deleted, or not yet wholly imported."""

    key = AutoIncrementField()
    id = TextField(null=True, unique=True)
    name = TextField(default="")
    spans = IntegerField(default=0)
    errors = IntegerField(default=0)
    pending = IntegerField(default=0)
    tokens_in = IntegerField(default=0)
    tokens_out = IntegerField(default=0)
    start_ns = IntegerField(null=True)  # least start of its spans
    end_ns = IntegerField(null=True)  # greatest end of its finished spans
    last_ns = IntegerField(default=0, index=True)  # when something of it was last committed
    pinned = IntegerField(constraints=[SQL("DEFAULT 0")])  # 1: retention leaves it alone
    indexed = IntegerField(constraints=[SQL("DEFAULT 0")])  # the change number up to which blocks index its spans
    gathered = IntegerField(constraints=[SQL("DEFAULT 0")])  # and up to which runs hold them
    noted = IntegerField(constraints=[SQL("DEFAULT 0")])  # and up to which notes were taken of them

    class Meta:
        """Peewee's options."""

        table_name = "sessions"


class Facet(Table):
    """Which programs, frameworks and languages a session holds."""

    session = IntegerField()
    what = IntegerField()
    text = TextField()

    class Meta:
        """Peewee's options."""

        table_name = "facets"
        primary_key = CompositeKey("session", "what", "text")
        without_rowid = True


class Producer(Table):
    """A process that sends spans, and how far its numbered records are stored."""

    key = AutoIncrementField()
    id = TextField(unique=True)
    program = TextField(default="")
    pid = IntegerField(null=True)
    host = TextField(default="")
    language = TextField(default="")
    runtime = TextField(default="")
    sdk = TextField(default="")
    started_ns = IntegerField(null=True)
    watermark = IntegerField(default=0)  # the highest record number seen; what is missing below stands in gaps
    dropped = IntegerField(default=0)  # by its own account

    class Meta:
        """Peewee's options."""

        table_name = "producers"


class Gap(Table):
    """Records `first` to `last` of a producer never came. They may still: then the gap shrinks."""

    producer = IntegerField()
    first = IntegerField()
    last = IntegerField()

    class Meta:
        """Peewee's options."""

        table_name = "gaps"
        primary_key = CompositeKey("producer", "first")
        without_rowid = True


class Track(Table):
    """A line of execution: a thread or task of a producer, within a session."""

    key = AutoIncrementField()
    session = IntegerField()
    producer = IntegerField()
    thread = TextField()  # thread and task, as the writer tells tracks apart
    label = TextField()
    detail = TextField()

    class Meta:
        """Peewee's options."""

        table_name = "tracks"
        indexes = ((("session", "producer", "thread"), True),)


class Name(Table):
    """Strings that repeat: operations, frameworks, languages, models. A key is never used twice."""

    key = AutoIncrementField()
    text = TextField(unique=True)

    class Meta:
        """Peewee's options."""

        table_name = "names"


class Span(Table):
    """A span without its payload. What SQL asks for has a column; `packed` is all the window wants, in one piece.

    `packed` is one item of `SPAN_DTYPE` (layout: `packing.ROW`), so that a session loads four times as fast as
    column by column. `change` is the number of the row's last change: unique, growing, what readers follow.
    """

    key = IntegerField(primary_key=True)
    session = IntegerField()
    change = IntegerField()
    op = IntegerField()
    track = IntegerField()
    status = IntegerField()
    start_ns = IntegerField()
    end_ns = IntegerField(null=True)
    span_id = TextField()
    parent_id = TextField(null=True)
    packed = BlobField()

    class Meta:
        """Peewee's options."""

        table_name = "spans"
        indexes = (
            (("session", "change"), True),
            (("session", "span_id"), True),
        )


class Payload(Table):
    """What is read only when a span is looked at. JSON is kept as UTF-8 bytes, as it came or `compression.pack`ed."""

    key = IntegerField(primary_key=True)
    input = BlobField(null=True)
    output = BlobField(null=True)
    metadata = BlobField(null=True)
    error = TextField(null=True)

    class Meta:
        """Peewee's options."""

        table_name = "payloads"


class Block(Table):
    """What a run of a session's spans says, change numbers `first` to `last`: `indexing` fills, `matching` asks."""

    key = IntegerField(primary_key=True)
    session = IntegerField()
    first = IntegerField()
    last = IntegerField()
    bits = BlobField()

    class Meta:
        """Peewee's options."""

        table_name = "blocks"
        indexes = ((("session", "first"), True),)


class Run(Table):
    """Spans of a session, change numbers `first` to `last`, column after column: `gathering` fills and reads."""

    key = IntegerField(primary_key=True)
    session = IntegerField()
    first = IntegerField()
    last = IntegerField()
    spans = IntegerField()
    columns = BlobField()

    class Meta:
        """Peewee's options."""

        table_name = "runs"
        indexes = ((("session", "first"), True),)


class Note(Table):
    """Notes of a session's calls, change numbers `first` to `last`: `noting` fills and reads."""

    key = IntegerField(primary_key=True)
    session = IntegerField()
    first = IntegerField()
    last = IntegerField()
    calls = BlobField()
    providers = TextField()

    class Meta:
        """Peewee's options."""

        table_name = "notes"
        indexes = ((("session", "first"), True),)


class ReportRow(Table):
    """What did not get in, and why."""

    key = AutoIncrementField()
    time_ns = IntegerField()
    kind = TextField()
    session = TextField(default="")
    producer = TextField(default="")
    detail = TextField()
    count = IntegerField()

    class Meta:
        """Peewee's options."""

        table_name = "reports"


TABLES: tuple[type[Table], ...] = (
    Meta,
    Session,
    Facet,
    Producer,
    Gap,
    Track,
    Name,
    Span,
    Payload,
    Block,
    Run,
    Note,
    ReportRow,
)


def create(db: SqliteDatabase) -> None:
    """Make the tables of SCHEMA_VERSION in an empty database, in one transaction."""
    db.execute_sql("PRAGMA auto_vacuum = INCREMENTAL")  # only has an effect before the first table
    with db.atomic("IMMEDIATE"):
        for table in TABLES:
            SchemaManager(table, db).create_all()
        db.execute_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
