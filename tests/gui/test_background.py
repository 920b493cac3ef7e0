"""Work off the GUI thread: the newest question is answered, and what nobody asks any more ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from patience import PATIENCE, PATIENCE_MS
from pytestqt.qtbot import QtBot

from flowscope_app.qtmodels.background import Background, checkpoint


def test_work_that_is_superseded_ends_at_its_next_step_and_is_never_answered(qtbot: QtBot) -> None:
    work: Background[str] = Background()
    answers: list[str] = []
    work.done.connect(answers.append)
    begun, go_on, ended, steps = threading.Event(), threading.Event(), threading.Event(), []

    def long() -> str:
        try:
            begun.set()
            go_on.wait(PATIENCE)
            checkpoint()
            steps.append("the next step")
            return "the first question's"
        finally:
            ended.set()

    work.ask(lambda: long, at_once=True)
    assert begun.wait(PATIENCE)
    work.ask(lambda: lambda: "the second's", at_once=True, instead=True)
    qtbot.waitUntil(lambda: bool(answers), timeout=PATIENCE_MS)
    go_on.set()
    assert ended.wait(PATIENCE)
    work.ask(lambda: lambda: "the third's", at_once=True)
    qtbot.waitUntil(lambda: len(answers) == 2, timeout=PATIENCE_MS)
    assert answers == ["the second's", "the third's"]
    assert not steps and work.idle


def test_without_being_superseded_the_work_under_way_is_answered_first(qtbot: QtBot) -> None:
    work: Background[int] = Background()
    answers: list[int] = []
    work.done.connect(answers.append)
    for number in range(3):  # the second waits, and the third takes its place
        work.ask(_answer(number), at_once=True)
    qtbot.waitUntil(lambda: work.idle and len(answers) == 2, timeout=PATIENCE_MS)
    assert answers == [0, 2]


def _answer(number: int) -> Callable[[], Callable[[], Any]]:
    return lambda: lambda: number
