"""The findings' tab: what a program's run shows, and the way to the spans."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from pytestqt.qtbot import QtBot

from flowscope_app.qtmodels.findings_model import FindingsModel, FoundRole
from flowscope_app.qtmodels.notes_feed import NotesFeed
from flowscope_app.views.findings import FindingsView


@pytest.fixture
def view(stage: Any) -> FindingsView:
    stage.notes = NotesFeed(stage.state, stage.queries)
    made = FindingsView(stage.state, stage.queries)
    QAbstractItemModelTester(made.model, QAbstractItemModelTester.FailureReportingMode.Fatal, made)
    stage.show(made, 900, 360)
    return made


def titles(view: FindingsView) -> list[str]:
    model: FindingsModel = view.model
    return [str(model.index(row).data()) for row in range(model.rowCount())]


def click(view: FindingsView, row: int) -> None:
    place = view.list.visualRect(view.model.index(row)).center()
    QTest.mouseClick(view.list.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_a_click_goes_to_the_span_that_shows_it_and_another_to_the_next(
    stage: Any, record: Any, view: FindingsView, qtbot: QtBot
) -> None:
    stage.open(
        record("agent", "agent", start=0, end=10),
        record("one", "tool", "Paris", "12 C", parent="agent", start=1, end=4, operation="weather"),
        record("two", "tool", "Rome", "18 C", parent="agent", start=4, end=8, operation="weather"),
    )
    qtbot.waitUntil(lambda: titles(view) == ["2 calls of weather one after the other under agent"])
    assert view.model.index(0).data(FoundRole).lost == "3.00 s"
    click(view, 0)
    assert stage.state.selected == stage.key("one") and not stage.state.follow
    begin, end = stage.state.range
    assert begin < int(stage.state.table.start[0]) and end > int(stage.state.table.end[0])  # all that agent did
    click(view, 0)
    assert stage.state.selected == stage.key("two")
    QTest.keyClick(view.list, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert stage.state.selected == stage.key("one")


def test_a_call_that_needed_the_answer_before_it_is_not_said_to_be_slow_for_nothing(
    stage: Any, record: Any, view: FindingsView, qtbot: QtBot
) -> None:
    stage.open(
        record("agent", "agent", start=0, end=10),
        record("one", "llm", "Outline a report", "1. The harbour of Bergen", parent="agent", start=1, end=4,
               operation="write"),
        record("two", "llm", "Expand: 1. The harbour of Bergen", "...", parent="agent", start=4, end=8,
               operation="write"),
    )  # fmt: skip
    qtbot.waitUntil(lambda: view.idle and view.says == "Nothing stands out")


def test_what_comes_in_shows_while_the_program_runs(stage: Any, record: Any, view: FindingsView, qtbot: QtBot) -> None:
    stage.open(record("agent", "agent", start=0, end=10))
    qtbot.waitUntil(lambda: view.says == "Nothing stands out")
    stage.write(record("bad", "tool", parent="agent", start=1, end=2, error="boom", operation="search"))
    qtbot.waitUntil(lambda: titles(view) == ["search failed, and agent ended as if it had not"])
    assert view.model.index(0).data(FoundRole).spans == "1 span"


def test_the_same_prompt_is_told_by_what_the_calls_were_asked(
    stage: Any, record: Any, view: FindingsView, qtbot: QtBot
) -> None:
    told = {"gen_ai__request__model": "gpt-4o", "gen_ai__usage__input_tokens": 1000, "gen_ai__provider__name": "openai"}
    calls = [
        record(f"c{n}", "llm", {"messages": [{"role": "user", "content": text}]}, "ok", start=n, end=n + 0.9,
               operation="ChatOpenAI", **told)
        for n, text in enumerate(["same", "same", "other", "same"])
    ]  # fmt: skip
    stage.open(*calls)
    qtbot.waitUntil(lambda: titles(view) == ["The same prompt sent to ChatOpenAI 3 times"])
    assert view.model.index(0).data(FoundRole).lost.startswith("$0.00")


def test_without_a_session_it_says_so(view: FindingsView) -> None:
    assert view.says == "No session chosen"
