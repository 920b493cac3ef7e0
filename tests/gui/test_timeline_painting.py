"""What the timeline paints, pixel by pixel, and that painting harms nothing."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication
from timeline_sessions import T0, S, random_session, table_of

from flowscope_app import theme
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.spans.rows import SessionRow
from flowscope_app.timeline.drawlist import DIM, ERROR, PENDING
from flowscope_app.timeline.rows import BAR, HEADER
from flowscope_app.views.timeline import TimelineView
from flowscope_app.views.timeline.labels import Labels
from flowscope_app.views.timeline.paints import Paints

MS = 1_000_000


@pytest.fixture
def state():
    made = ViewState()
    made.set_sessions([SessionRow(1, "s", "session")])
    made.choose_session(1)
    return made


@pytest.fixture(params=["dark", "light"])
def view(request, state, qtbot, qapp):
    theme.apply(qapp, request.param)
    made = TimelineView(state, None)
    qtbot.addWidget(made)
    made.resize(1_060, 420)
    made.show()
    qtbot.waitExposed(made)
    return made


def colour(view, x, y):
    """The colour at a point of the view box."""
    point = view.canvas.mapFromScene(view.canvas.box.mapToScene(QPointF(x, y)))
    image = view.canvas.grab().toImage()
    return image.pixelColor(point * image.devicePixelRatio()).name()


def count(view, wanted):
    image = view.canvas.grab().toImage()
    return sum(
        image.pixelColor(x, y).name() == wanted for x in range(image.width()) for y in range(24, image.height(), 2)
    )


def show(view, state, spans, start, end):
    state.set_table(table_of(spans))
    state.set_range(T0 + start * MS, T0 + end * MS, user=True)


def test_bars_have_their_kinds_colour_errors_theirs_and_the_rest_is_panel(view, state):
    show(
        view, state, [S(1, 0, 500 * MS, kind=Kind.LLM, op="a"), S(2, 600 * MS, 900 * MS, error=True, op="b")], 0, 1_000
    )
    paints, width = Paints(theme.current()), view.canvas.item.scene_shown.view.width
    assert colour(view, width * 0.4, 26) == paints.bar(0, Kind.LLM).fill.name()
    assert colour(view, width * 0.8, 26) == paints.bar(ERROR, 0).fill.name()
    assert colour(view, width * 0.55, 30) == theme.current().panel.name()
    assert colour(view, 300, 10) == theme.current().raised.name()


def test_corners_are_round(view, state):
    show(view, state, [S(1, 100 * MS, 500 * MS, kind=Kind.LLM, op="a")], 0, 1_000)
    left = round(view.canvas.item.scene_shown.view.x(T0 + 100 * MS))
    fill = Paints(theme.current()).bar(0, Kind.LLM).fill.name()
    assert colour(view, left, 24) != fill
    assert colour(view, left, 32) == fill


def test_one_error_among_thousands_is_seen_from_afar(view, state):
    spans = [S(key, key * 1_000, key * 1_000 + 900, error=key == 7_777) for key in range(1, 20_000)]
    show(view, state, spans, 0, 20)
    assert count(view, Paints(theme.current()).bar(ERROR, 0).fill.name()) >= 8


def pixels(view):
    """The canvas as it is painted: (height, width) of RGB in one number."""
    image = view.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return np.array(image.constBits()).view(np.uint32).reshape(image.height(), -1) & 0xFFFFFF


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 150), st.sampled_from([1, 2, 7, 100]), st.floats(0, 1))
def test_every_error_has_a_pixel_of_its_colour_at_every_zoom(view, state, seed, number, closer, where):
    spans = random_session(seed, number, tracks=1, errors=0.1)
    table = table_of(spans)
    state.set_table(table)
    whole = table.latest - table.origin + 1
    begin = table.origin + int(where * (whole - whole // closer))
    state.set_range(begin, begin + max(10, whole // closer), user=True)
    red = QColor(Paints(theme.current()).bar(ERROR, 0).fill).rgb() & 0xFFFFFF
    painted, scene = pixels(view), view.canvas.item.scene_shown
    origin = view.canvas.mapFromScene(view.canvas.box.mapToScene(QPointF(0, 0)))
    for row in np.flatnonzero(table.status == Status.ERROR).tolist():
        x, top = scene.view.x(int(table.start[row])), scene.top_of(row) - scene.top
        if 0 <= x < scene.view.width and top > HEADER and top + BAR < scene.height:
            left, y = origin.x() + round(x), origin.y() + top
            near = painted[y : y + BAR, max(0, left - 3) : left + 5]
            assert (near == red).any(), (row, x, top)


def test_the_selected_bar_is_outlined_and_filled(view, state):
    show(view, state, [S(1, 100 * MS, 500 * MS, kind=Kind.LLM, op="a")], 0, 1_000)
    state.select(1)
    tokens, scene = theme.current(), view.canvas.item.scene_shown
    left, right = (scene.view.x(T0 + time * MS) for time in (100, 500))
    assert colour(view, (left + right) / 2, 30) == tokens.selection.name()
    assert colour(view, (left + right) / 2, 23) == tokens.accent.name()


def test_calls_that_took_no_time_are_in_the_overview_too_and_the_failed_one_as_such(view, state, qtbot):
    state.set_table(table_of([S(key, 5, 5, error=key == 3) for key in range(1, 9)]))
    qtbot.waitUntil(lambda: view.overview.bars.density is not None)
    image = view.overview.grab().toImage()
    seen = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}
    assert theme.current().error.name() in seen


def test_a_call_to_another_track_is_a_dashed_curve(view, state):
    spans = [S(1, 0, 900 * MS, op="a"), S(2, 400 * MS, 800 * MS, 1, track=2, op="b")]
    show(view, state, spans, 0, 1_000)
    item, seen = view.canvas.item, count(view, theme.current().accent.name())
    assert item.scene_shown.links_seen().tolist() == [1]
    assert seen > 0


def test_a_theme_that_comes_on_is_painted(view, state, qapp):
    show(view, state, [S(1, 0, 500 * MS, op="a")], 0, 1_000)
    before = colour(view, 900, 200)
    theme.apply(qapp, "light" if theme.current().dark else "dark")
    assert colour(view, 900, 200) == theme.current().panel.name() != before


def test_a_stretch_of_time_with_nothing_in_it_is_empty_ground(view, state):
    show(view, state, [S(1, 0, 10 * MS, op="a"), S(2, 900 * MS, 910 * MS, op="b")], 400, 500)
    assert len(view.canvas.item.scene_shown.bars) == 0
    assert colour(view, 300, 30) == theme.current().panel.name()


@pytest.mark.parametrize("tokens", [theme.DARK, theme.LIGHT], ids=lambda tokens: tokens.name)
def test_text_on_every_bar_can_be_read(qapp, tokens):
    paints = Paints(tokens)
    for kind in Kind:
        for style in (0, PENDING, ERROR):
            paint = paints.bar(style, kind)
            assert theme.contrast(paint.text, paint.fill) >= 4.5, (kind, style)
        dim = paints.bar(DIM, kind)
        assert theme.contrast(dim.text, dim.fill) >= 3, kind


@pytest.mark.parametrize("tokens", [theme.DARK, theme.LIGHT], ids=lambda tokens: tokens.name)
def test_a_kind_that_this_version_does_not_know_is_painted_as_other(qapp, tokens):
    assert Paints(tokens).bar(0, 99).fill == Paints(tokens).bar(0, Kind.OTHER).fill


def test_painting_takes_no_reference_from_none(view, state):
    """PySide6 6.12.0 loses one at each drawing call, and Python 3.11 ends when none is left."""
    spans = [
        S(1, 0, None, op="agent"),
        *(S(key, key * MS, (key + 1) * MS, 1, error=key % 9 == 0) for key in range(2, 300)),
    ]
    show(view, state, spans, 0, 400)
    state.select(5)
    view.grab()
    before = sys.getrefcount(None)
    for step in range(20):
        state.set_range(T0 + step * MS, T0 + (400 + step) * MS, user=True)
        view.grab()
    assert sys.getrefcount(None) > before - 20


def test_an_error_while_painting_is_reported_and_ends_nothing(view, state, qtbot, monkeypatch):
    show(view, state, [S(1, 0, 500 * MS, op="a")], 0, 1_000)

    def fail(*_args):
        raise RuntimeError("on purpose")

    with qtbot.captureExceptions() as caught, monkeypatch.context() as patch:
        patch.setattr(view.canvas.item, "_grid", fail)
        view.grab()
    assert str(caught[0][1]) == "on purpose"


HOSTILE = [
    "<img src='file:///etc/passwd'>",
    "a\nb\tc\x00d\x1b[31m",
    "\u202egnp.exe",
    "x" * 1_000_000,
    "\ud800",
    "🤖" * 300,
    "",
]


def test_any_name_is_painted_on_one_line_and_as_it_is(view, state):
    spans = [S(key, key * 100 * MS, (key * 100 + 90) * MS, op=name) for key, name in enumerate(HOSTILE, 1)]
    show(view, state, spans, 0, 900)
    view.grab()
    labels, table = Labels(theme.ui_font(12)), state.table
    for row, name in enumerate(HOSTILE):
        text = labels.bar(table, row, int(table.end[row]), 5_000)
        assert "\n" not in text and "\x1b" not in text and "\u202e" not in text and "\ud800" not in text
        assert len(text) < 200
        assert text.startswith(name[:4]) or name[:1] not in "<x"
    assert "<img" in labels.bar(table, 0, int(table.end[0]), 5_000)


def test_labels_say_as_much_as_there_is_room_for(qapp):
    table = table_of([S(1, 0, 452 * MS, op="ChatOpenAI"), S(2, 0, None, op="answer")])
    labels = Labels(theme.ui_font(12))
    wide = labels.width("ChatOpenAI 452 ms")
    assert labels.bar(table, 0, T0 + 452 * MS, wide) == "ChatOpenAI 452 ms"
    assert labels.bar(table, 0, T0 + 452 * MS, wide - 1) == "ChatOpenAI"
    assert labels.bar(table, 0, T0 + 452 * MS, labels.width("ChatOp…")).endswith("…")
    assert labels.bar(table, 0, T0 + 452 * MS, 5) == ""
    assert labels.bar(table, 1, T0 + 1_840 * MS, 500) == "answer running 1.84 s"


@pytest.mark.parametrize(
    "spans",
    [
        [S(1, 0, 0)],
        [S(1, 0, None)],
        [S(key, 5, 5) for key in range(1, 300)],
        [S(1, 0, 7 * 86_400_000 * MS), S(2, 10, 1_010, 1)],
        [S(1, 1_000 * MS, 2), S(2, 5, 1)],
        [S(1, -1_000_000_000_000 * MS, 5 * MS), S(2, 0, 5 * MS)],
    ],
    ids=["an instant", "pending only", "all at once", "a week and a microsecond", "ends before starts", "a clock jump"],
)
def test_odd_sessions_are_painted_at_any_zoom(view, state, spans):
    state.set_table(table_of(spans))
    view.fit_all()
    QApplication.processEvents()
    for _ in range(60):
        view.zoom_in()
        view.canvas.item.scene_shown.bars.hit(10, 30)
    view.grab()
    for _ in range(140):
        view.zoom_out()
    assert QColor(colour(view, 5, 200)).isValid()
    assert 0 < view.canvas.item.scene_shown.bars.count.sum() <= len(spans)
