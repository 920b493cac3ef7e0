"""The log: what a real store has to tell of records that it does not have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from flowscope_app.qtmodels.log_model import MAX_REPORTS, Column, LogModel
from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.rows import Report
from flowscope_app.store import StoreWriter
from flowscope_app.views.log import LogView


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[StoreWriter]:
    with StoreWriter.open(str(tmp_path / "test.db")) as opened:
        yield opened


@pytest.fixture
def view(qtbot: QtBot, writer: StoreWriter, tmp_path: Path) -> Iterator[LogView]:
    queries = Queries(str(tmp_path / "test.db"))
    made = LogView(ViewState(), queries)
    qtbot.addWidget(made)
    made.resize(1060, 420)
    yield made
    made.hide()
    queries.close()


def line(model: LogModel, row: int) -> list[str]:
    return [str(model.index(row, column).data()) for column in list(Column)[1:]]


def test_reports_of_the_store_stand_newest_first(view: LogView, writer: StoreWriter, qtbot: QtBot) -> None:
    writer.report(Report("refused", "start_time: not a time", 3, "support"))
    writer.report(Report("dropped", "its buffer was full", 1204))
    view.show()
    qtbot.waitUntil(lambda: view.model.rowCount() == 2)
    assert line(view.model, 0) == ["Dropped", "1,204", "–", "its buffer was full"]
    assert line(view.model, 1) == ["Refused", "3", "support", "start_time: not a time"]
    assert view.says == ""


def test_what_is_reported_while_it_is_seen_joins(view: LogView, writer: StoreWriter, qtbot: QtBot) -> None:
    writer.report(Report("gap", "records 3 to 4 never came", 2))
    view.show()
    qtbot.waitUntil(lambda: view.model.rowCount() == 1)
    writer.report(Report("filled", "records that were missing came after all", 2))
    qtbot.waitUntil(lambda: view.model.rowCount() == 2)
    assert line(view.model, 0)[0] == "Came after all"


def test_nothing_to_report_is_said_calmly(view: LogView, qtbot: QtBot) -> None:
    view.show()
    assert view.says == "Nothing was refused, dropped or lost"


def test_a_long_reason_stands_on_as_many_lines_as_it_takes_and_three_at_most(
    view: LogView, writer: StoreWriter, qtbot: QtBot
) -> None:
    for words in (1, 30, 100):
        writer.report(Report("refused", "reason " * words))
    view.show()
    qtbot.waitUntil(lambda: view.table.rowHeight(1) > view.table.rowHeight(2))
    spacing = view.table.rowHeight(1) - view.table.rowHeight(2)
    assert view.table.rowHeight(0) <= view.table.rowHeight(2) + 2 * spacing
    view.resize(3_000, 420)
    qtbot.waitUntil(lambda: view.table.rowHeight(1) == view.table.rowHeight(2))
    view.grab()


def test_texts_of_a_program_are_one_bounded_line(qapp: object) -> None:
    model = LogModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, model)
    model.add([Report("odd\nkind", "<img src=x>\n" + "y" * 100_000, 1, "s" * 10_000, "p", 0, 1)], {})
    assert line(model, 0)[0] == "odd kind"
    assert line(model, 0)[3].startswith("<img src=x> y")
    assert all(len(text) <= 300 for text in line(model, 0))


def test_it_keeps_the_newest_of_very_many(qapp: object) -> None:
    model = LogModel()
    for first in (0, 900):
        model.add([Report("refused", f"number {key}", key=key) for key in range(first + 1, first + 901)], {})
    assert model.rowCount() == MAX_REPORTS
    assert line(model, 0)[3] == "number 1800"
    model.add([Report("refused", "known already", key=1800)], {})
    assert line(model, 0)[3] == "number 1800"
