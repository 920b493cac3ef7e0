"""The inspector shows what a span holds, live, and trusts none of it."""

from __future__ import annotations

import json
import time
import traceback

import orjson
import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QGuiApplication, QTextDocument
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLabel, QPushButton, QTextEdit, QWidget

from flowscope_app import theme
from flowscope_app.qtmodels.notes_feed import NotesFeed
from flowscope_app.views.inspector import InspectorView
from flowscope_app.views.inspector.panel import TABS

CHAT = {
    "messages": [
        {"role": "system", "content": "You are a support agent."},
        {"role": "user", "content": "Where is my refund?"},
        {"role": "assistant", "tool_calls": [
            {"id": "c1", "function": {"name": "lookup_order", "arguments": '{"order_id": 4417}'}}]},
        {"role": "tool", "tool_call_id": "c1", "status": "error", "content": "429 RateLimitError: slow down"},
    ]
}  # fmt: skip
USAGE = {
    "gen_ai__request__model": "gpt-4o-mini",
    "gen_ai__usage__input_tokens": 812,
    "gen_ai__usage__output_tokens": 88,
    "gen_ai__usage__cache_read__input_tokens": 512,
    "gen_ai__request__temperature": 0.2,
    "flowscope__first_token_ns": 182_000_000,
}


@pytest.fixture
def open_view(stage):
    def open_it(*records, select=None):
        stage.open(*records)
        view = InspectorView(stage.state, stage.queries)
        stage.show(view)
        choose(stage, view, select or records[0].id)
        return view

    return open_it


def choose(stage, view, name):
    stage.state.select(stage.key(name))
    loaded(stage, view, name)


def loaded(stage, view, name):
    stage.qtbot.waitUntil(lambda: view.details() is not None and view.details().payload.span_id == name)


def said(view):
    return [(card.bubble.who, card.text(), card.bubble.figure) for card in view.chat.cards()]


def enabled(view):
    return [name for at, name in enumerate(TABS) if view.tabs.isTabEnabled(at)]


def test_a_models_call_is_a_chat_with_its_key_facts(stage, record, open_view):
    answer = {"role": "assistant", "content": "Up to 30 days."}
    view = open_view(
        record("ChatOpenAI", "llm", CHAT, answer, start=1.2, end=1.67, parent="answer", **USAGE),
        record("answer", "chain", end=2),
    )
    assert [(who, text) for who, text, _figure in said(view)] == [
        ("system", "You are a support agent."),
        ("user", "Where is my refund?"),
        ("assistant → tool lookup_order", '{"order_id": 4417}'),
        ("tool lookup_order", "429 RateLimitError: slow down"),
        ("assistant", "Up to 30 days."),
    ]
    assert said(view)[3][2] == "429 RateLimitError" and said(view)[4][2] == "88 tok"
    assert all(figure.startswith("≈") for _who, _text, figure in said(view)[:3])
    assert view.header.line() == "gpt-4o-mini · 470 ms · first token 182 ms"
    facts = dict(view.facts.rows())
    assert facts["input / output"] == "812 / 88 tokens (512 cached)"
    assert facts["temperature"] == "0.2" and facts["parent"] == "answer" and "cost" not in facts
    assert facts["started"].endswith("+1.20 s")
    assert enabled(view) == ["messages", "output", "metadata", "raw"] and view.tabs.count() == 5


def test_the_parent_is_a_link(stage, record, open_view):
    view = open_view(record("child", parent="top"), record("top", "chain", {"a": 1}))
    QTest.mouseClick(view.facts.link, Qt.MouseButton.LeftButton)
    assert stage.state.selected == stage.key("top")
    loaded(stage, view, "top")
    assert dict(view.facts.rows())["children"] == "1"


def test_streamed_text_grows_and_the_reader_stays_where_they_are(stage, record, open_view):
    def streaming(words):
        result = {"role": "assistant", "content": "word " * words}
        return record("ChatOpenAI", "llm", "Tell me", result, end=None, flowscope__first_token_ns=1_000_000)

    view = open_view(streaming(800))
    view.resize(400, 420)
    bar = view.chat.verticalScrollBar()
    stage.qtbot.waitUntil(lambda: bar.maximum() > 0 and bar.value() == bar.maximum())
    card, before = view.chat.cards()[-1], bar.maximum()
    assert card.text().endswith("▍") and card.bubble.figure.endswith("▍")
    assert "streaming" in view.header.line()
    stage.write(streaming(1_000))
    stage.qtbot.waitUntil(lambda: len(card.text()) > 4_900)
    assert view.chat.cards()[-1] is card
    stage.qtbot.waitUntil(lambda: bar.maximum() > before and bar.value() == bar.maximum())
    bar.setValue(10)
    stage.write(streaming(1_500))
    stage.qtbot.waitUntil(lambda: len(card.text()) > 7_400)
    QTest.qWait(0)
    assert bar.value() == 10
    stage.write(record("ChatOpenAI", "llm", "Tell me", "word " * 10))
    stage.qtbot.waitUntil(lambda: "▍" not in view.chat.cards()[-1].text())
    assert view.header.line().startswith("1.00 s")


def test_long_messages_fold_and_long_chats_too(stage, record, open_view):
    turns = [{"role": "user" if n % 2 else "assistant", "content": f"turn {n}"} for n in range(500)]
    turns[0] = {"role": "system", "content": "rule " * 2_000}
    view = open_view(record("call", "llm", {"messages": turns}, "ok"))
    cards = view.chat.cards()
    assert len(cards) < 60 and cards[-1].text() == "ok" and len(cards[0].text()) < 1_000
    more = [button.text() for button in view.chat.findChildren(QPushButton) if button.isVisibleTo(view)]
    assert sorted(more) == ["455 messages more", "show all (10 kB)"]
    cards[0].findChild(QPushButton).click()
    assert len(cards[0].text()) == 10_000
    next(b for b in view.chat.findChildren(QPushButton) if "messages more" in b.text()).click()
    assert len(view.chat.cards()) == len(cards) + 100


def test_retrieved_documents_show_their_scores(stage, record, open_view):
    documents = [
        {"page_content": f"text {n}", "metadata": {"source": f"{n}.md", "score": 0.9 - n / 10}} for n in range(3)
    ]
    view = open_view(record("search", "retriever", {"query": "refunds"}, {"documents": documents}))
    assert said(view)[:2] == [("query", "refunds", ""), ("1  0.md", "text 0", "0.900")]


def test_other_spans_show_input_and_output(stage, record, open_view):
    view = open_view(record("tool", "tool", {"order": 4417}, "plain\ntext"))
    assert view.current_tab() == "messages" and view.tabs.tabText(0) == "In / Out"
    assert view.pages.currentWidget() is view.pair
    assert view.pair.given.tree.model.value() == {"order": 4417}
    assert view.pair.result.text.edit.text() == "plain\ntext"


def test_a_recorded_null_is_no_output(stage, record, open_view):
    made = record("tool", "tool", {"a": 1}, error="ValueError: x")
    made.output = b"null"
    view = open_view(made)
    assert "output" not in enabled(view)


def test_json_packed_into_one_line_is_opened(stage, record, open_view):
    packed = json.dumps({"order_id": "4417", "item": "Espresso machine", "status": "refunded", "n": 1.10})
    message = {"type": "tool", "name": "lookup", "content": packed, "tool_call_id": "c"}
    view = open_view(record("lookup", "tool", {"order_id": "4417"}, {"output": message}))
    (_who, arguments, _), (who, text, _) = said(view)
    assert arguments == '{"order_id": "4417"}' and who == "tool lookup"
    assert text.splitlines()[1] == '  "order_id": "4417",' and json.loads(text) == json.loads(packed)


def test_what_a_program_cut_itself_is_said(stage, record, open_view):
    cut = {"output": {"length": 5_000_000, "sha256": "0" * 64}}
    view = open_view(record("tool", "tool", {"a": 1}, "beginning", flowscope__truncated=cut))
    notices = [label.text() for label in view.pair.findChildren(QLabel) if label.isVisible()]
    assert any("kept only the beginning of 5.0 MB" in text for text in notices)


def fail(text="no such order"):
    def inner():
        raise KeyError(text)

    try:
        try:
            inner()
        except KeyError as error:
            json.loads("{")
            raise RuntimeError("unreached") from error
    except ValueError:
        return traceback.format_exc()
    return ""


def test_an_error_shows_the_users_own_frames_first(stage, record, open_view):
    trace = fail()
    meta = {"flowscope__exception__type": "JSONDecodeError", "flowscope__exception__stacktrace": trace}
    view = open_view(record("tool", "tool", {"a": 1}, error="JSONDecodeError: Expecting property name", **meta))
    assert view.current_tab() == "error" and view.tabs.marked() == TABS.index("error")
    names = [
        widget.accessibleName() for widget in view.error.findChildren(QWidget) if " line " in widget.accessibleName()
    ]
    assert names and "test_inspector.py" in names[0] and not any("/json/" in name for name in names)
    fold = next(b for b in view.error.findChildren(QPushButton) if "library frame" in b.text())
    fold.click()
    names = [
        widget.accessibleName() for widget in view.error.findChildren(QWidget) if " line " in widget.accessibleName()
    ]
    assert any("/json/" in name for name in names)
    copy = next(b for b in view.error.findChildren(QAbstractButton) if b.accessibleName().startswith("Copy the error"))
    copy.click()
    assert QGuiApplication.clipboard().text() == trace


def test_the_chosen_tab_stays_where_it_has_content(stage, record, open_view):
    view = open_view(
        record("one", "llm", "a", "b"),
        record("empty", "task"),
        record("bad", "tool", {"a": 1}, error="ValueError: x"),
        record("two", "llm", "c", "d"),
    )
    assert view.current_tab() == "messages"
    choose(stage, view, "empty")
    assert enabled(view) == ["metadata", "raw"] and view.current_tab() == "metadata"
    choose(stage, view, "bad")
    assert view.current_tab() == "error"
    QTest.mouseClick(view.tabs, Qt.MouseButton.LeftButton, pos=view.tabs.tabRect(TABS.index("raw")).center())
    choose(stage, view, "two")
    assert view.current_tab() == "raw"
    view.show_tab("output")
    choose(stage, view, "bad")
    assert view.current_tab() == "error"
    choose(stage, view, "one")
    assert view.current_tab() == "output"


def test_raw_is_the_whole_record_and_copies_it(stage, record, open_view):
    made = record("call", "chain", {"deep": {"a": [1, None]}}, "out", parent="p", x=1)
    made.input = b'{"n": 1180591620717411303424, "deep": 1e400}'  # numbers that a decoder would bend
    view = open_view(made)
    view.show_tab("raw")
    copied = json.loads(view.raw.copied(), parse_float=str)
    assert copied["id"] == "call" and copied["parent_id"] == "p" and copied["output"] == "out"
    assert copied["input"] == {"n": 2**70, "deep": "1e400"}
    assert copied["status"] == "success" and copied["start_time"].startswith("2027-01-15T")
    assert copied["metadata"] == {"flowscope.kind": "chain", "x": 1}
    model = view.raw.tree.model
    assert [model.index(row, 0).data().split(":")[0] for row in range(3)] == ["id", "session_id", "parent_id"]


@pytest.mark.parametrize("tab", ["messages", "output", "raw"])
def test_fifty_megabytes_open_without_freezing_the_window(stage, record, tab, qapp):
    big = record("big", "tool", {"rows": [{"i": n} for n in range(400_000)]}, "")
    big.output = orjson.dumps("y" * 50_000_000)
    stage.open(record("small"), big)
    view = InspectorView(stage.state, stage.queries)
    stage.show(view)
    choose(stage, view, "small")
    view.show_tab(tab)
    stage.state.select(stage.key("big"))
    begun = time.thread_time()
    orjson.loads(big.input)
    to_read_it = time.thread_time() - begun
    longest, last = 0.0, time.thread_time()
    while view.details() is None or view.details().payload.span_id != "big":
        qapp.processEvents()
        now = time.thread_time()
        longest, last = max(longest, now - last), now
    view.grab()
    longest = max(longest, time.thread_time() - last)
    assert longest < 20 * to_read_it  # a freeze was over a hundred times as long; a frame is what it should take
    if tab == "output":
        assert view.output.text.notice() == "showing the first 200 kB of 50 MB"


def test_one_unbroken_line_is_laid_out_in_pieces_and_copied_whole(stage, record, open_view):
    view = open_view(record("tool", "tool", {"a": 1}, "x" * 100_000))
    edit = view.pair.result.text.edit
    assert max(len(line) for line in edit.toPlainText().split("\n")) == 2_000
    edit.selectAll()
    edit.copy()
    assert QGuiApplication.clipboard().text() == "x" * 100_000


HOSTILE = "<img src=file:///etc/passwd><h1>big</h1>\u202egnp.exe\x1b[31m\x00\x07 &amp; <a href='file:///'>x</a>"


def test_no_text_of_a_trace_is_read_as_html(stage, record, open_view, monkeypatch):
    asked = []
    monkeypatch.setattr(QTextDocument, "loadResource", lambda *a: asked.append(a))
    chat = {"messages": [{"role": HOSTILE, "name": HOSTILE, "content": HOSTILE},
                         {"role": "tool", "name": HOSTILE, "content": HOSTILE, "status": "error"}]}  # fmt: skip
    frame = f'  File "/u/{HOSTILE}.py", line 3, in {HOSTILE}\n    {HOSTILE}\n'
    trace = f"Traceback (most recent call last):\n{frame}{HOSTILE}: x\n"
    meta = {
        "flowscope__exception__type": HOSTILE,
        "flowscope__exception__stacktrace": trace,
        "gen_ai__request__model": HOSTILE,
    }
    view = open_view(
        record("a", "llm", chat, HOSTILE, error=HOSTILE, operation=HOSTILE, parent="b", **meta),
        record("b", "tool", {HOSTILE: HOSTILE}, HOSTILE, operation=HOSTILE),
    )
    for name in ("a", "b"):
        choose(stage, view, name)
        for tab in TABS:
            view.show_tab(tab)
            view.grab()
            for label in view.findChildren(QLabel):
                assert label.textFormat() == Qt.TextFormat.PlainText
                assert not {"\u202e", "\x1b", "\x00"} & set(label.text())
            for edit in view.findChildren(QTextEdit):
                assert "<img" not in edit.toPlainText() or "<img" in edit.toHtml().replace("&lt;", "<")
                assert edit.document().toHtml().count("<img") == 0 and "\u202e" not in edit.toPlainText()
                assert (
                    edit.loadResource(int(QTextDocument.ResourceType.ImageResource.value), QUrl("file:///etc/passwd"))
                    is None
                )
            for widget in view.findChildren(QWidget):
                assert "<img" not in widget.toolTip()
    assert asked == []


def test_selection_without_content_says_what_to_do(stage, record):
    view = InspectorView(stage.state, stage.queries)
    stage.show(view)
    assert view.note.title() == ""  # the middle of the window says how to get one
    stage.open(record("a"))
    stage.qtbot.waitUntil(lambda: view.note.title() == "Nothing selected")
    stage.state.select(987_654)
    assert view.note.title() == "This span is gone"


def test_every_control_has_a_name_and_both_themes_draw(stage, record, open_view):
    view = open_view(record("call", "llm", CHAT, "hi", **USAGE))
    for tab in TABS:
        view.show_tab(tab)
        unnamed = [
            b for b in view.findChildren(QAbstractButton) if b.isVisible() and not (b.accessibleName() or b.text())
        ]
        assert unnamed == []
    view.show_tab("messages")
    dark = view.grab().toImage().pixelColor(QPoint(2, 2))
    theme.set_mode("light")
    light = view.grab().toImage().pixelColor(QPoint(2, 2))
    assert dark == theme.DARK.panel and light == theme.LIGHT.panel


def test_a_call_says_what_it_cost_or_that_its_price_is_unknown(stage, record, open_view):
    feed = NotesFeed(stage.state, stage.queries)
    asked = {"gen_ai__usage__input_tokens": 1_000_000, "gen_ai__usage__output_tokens": 100_000}
    view = open_view(
        record(
            "known", **asked, gen_ai__request__model="gpt-4o", gen_ai__provider__name="openai",
            gen_ai__usage__cache_read__input_tokens=500_000,
        ),
        record("own", **asked, gen_ai__request__model="own-7b"),
    )  # fmt: skip
    feed._ask()
    stage.qtbot.waitUntil(lambda: stage.state.notes.change > 0)
    stage.state.select(stage.key("known"))
    stage.qtbot.waitUntil(lambda: "cost" in dict(view.facts.rows()))
    facts = dict(view.facts.rows())
    assert facts["cost"] == "$2.88 (in $1.88, out $1.00)"
    assert facts["prices"].startswith("genai-prices ")
    stage.state.select(stage.key("own"))
    stage.qtbot.waitUntil(lambda: dict(view.facts.rows()).get("cost") == "unknown price of own-7b")
