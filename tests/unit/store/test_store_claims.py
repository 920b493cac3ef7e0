"""Whose a producer's id is, and which numbers are believed."""

from __future__ import annotations

from pathlib import Path

from flowscope.protocol import Header, ProducerInfo, Record
from flowscope_app.store import Committed, Incoming, StoreReader, StoreWriter


def test_an_id_belongs_to_the_process_that_first_numbered_records_under_it(tmp_path: Path) -> None:
    """Another process under the same id keeps numbers of its own, also after the database was opened again."""
    db = str(tmp_path / "claimed.db")

    def send(seq: int, pid: int, name: str) -> Committed:
        record = Record(name, "s", None, "op", "custom", "python", 5, 6, status="success")
        with StoreWriter.open(db) as writer:
            return writer.write(
                [Incoming(Header(producer=ProducerInfo("p", "s", pid=pid), seq=seq, count=1), [record])]
            )

    assert send(1, 100, "a").watermarks == {"p": 1}
    (other,) = send(1, 200, "b").watermarks
    assert other.startswith("p~")
    assert send(2, 200, "c").watermarks == {other: 2}
    last = send(2, 100, "d")
    assert (last.watermarks, last.repeated, last.missing, last.reports) == ({"p": 2}, 0, 0, [])
    with StoreReader(db) as reader:
        assert [report.kind for report in reader.reports()] == ["claimed"]
        assert reader.health().spans == 4


def test_what_only_names_a_producer_takes_no_id_and_changes_no_process(tmp_path: Path) -> None:
    named = Record(
        "x", "s", None, "op", "custom", "python", 5, 6, metadata={"flowscope.producer": "p", "flowscope.pid": 9}
    )
    known = ProducerInfo("p", "s", "app.py", 100, "host")
    first = Record("a", "s", None, "op", "custom", "python", 5, 6)
    with StoreWriter.open(str(tmp_path / "named.db")) as writer:
        writer.write([Incoming(None, [named])])
        for seq in (1, 2):
            committed = writer.write([Incoming(Header(producer=known, seq=seq, count=1), [first])])
            assert committed.watermarks == {"p": seq}
            writer.write([Incoming(None, [named])])
            writer.add_producers([ProducerInfo("p", "s", "other.py", 666, "elsewhere")])


def test_numbers_no_program_counts_to_are_refused_and_stay_free(tmp_path: Path) -> None:
    producer = ProducerInfo("p", "s")
    record = Record("a", "s", None, "op", "custom", "python", 5, 6)
    with StoreWriter.open(str(tmp_path / "leap.db")) as writer:
        for leap in (Header(producer=producer, seq=2**52, count=1), Header(producer=producer, dropped=2**52, count=1)):
            committed = writer.write([Incoming(leap, [record])])
            assert (committed.refused, committed.stored, committed.missing, committed.dropped) == (1, 0, 0, 0)
        assert writer.write([Incoming(Header(producer=producer, count=1), [record])]).stored == 1
