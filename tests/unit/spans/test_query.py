"""The filter language: what it means, where it says that it is wrong, what it offers."""

from datetime import datetime

import numpy as np
import pytest

from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.spans.query import FIELDS, QueryError, parse, term, tokens
from flowscope_app.spans.query_complete import complete
from flowscope_app.spans.query_match import evaluate
from flowscope_app.spans.table import SPAN_DTYPE, SpanDelta, SpanTable, Track

MS = 1_000_000
ORIGIN = int(datetime(2026, 11, 22, 9, 41).timestamp()) * 1_000_000_000
NAMES = {1: "ChatOpenAI", 2: "lookup_order", 3: "Größe prüfen", 4: "gpt-4o-mini", 5: "claude-sonnet", 6: "langchain",
         7: "python", 8: 'say "hi", *now*', 9: "javascript", 10: "java"}  # fmt: skip
ROWS = [  # op, kind, status, start ms, end ms, model, tokens, language
    (1, Kind.LLM, Status.SUCCESS, 0, 452, 4, (800, 88), 7),
    (2, Kind.TOOL, Status.ERROR, 100, 480, 0, (0, 0), 9),
    (3, Kind.CHAIN, Status.SUCCESS, 500, 501, 0, (0, 0), 10),
    (1, Kind.LLM, Status.PENDING, 600, None, 5, (2000, 0), 7),
    (8, Kind.OTHER, Status.SUCCESS, 61_000, 64_000, 0, (0, 0), 7),
]


@pytest.fixture
def table():
    rows = np.zeros(len(ROWS), SPAN_DTYPE)
    for at, (op, kind, status, start, end, model, tok, language) in enumerate(ROWS):
        rows[at] = (at + 10, at + 1, 0, ORIGIN + start * MS, -1 if end is None else ORIGIN + end * MS,
                    op, 6, language, model, 1 if at < 2 else 2, *tok, kind, status)  # fmt: skip
    made = SpanTable()
    tracks = {1: Track(1, "support_bot.py", "MainThread", "p"), 2: Track(2, "eval", "", "q")}
    made.apply(SpanDelta(rows, NAMES, tracks, 1))
    return made


def rows(table, text, found=None):
    return np.flatnonzero(evaluate(parse(text), table, ORIGIN + 2_000 * MS, found)).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("   ", [0, 1, 2, 3, 4]),
        ("status:error", [1]),
        ("status:failed", [1]),
        ("-status:error", [0, 2, 3, 4]),
        ("status:pending,error", [1, 3]),
        ("status:*r*", [1]),
        ("kind:llm", [0, 3]),
        ("KIND:LLM status:success", [0]),
        ("op:lookup", [1]),
        ("op=lookup", []),
        ("op=lookup_order", [1]),
        ("op:*order", [1]),
        ("op:chat?penai", [0, 3]),
        ("model:gpt*", [0]),
        ("model:gpt*,claude*", [0, 3]),
        ("-model:*", [1, 2, 4]),
        ("framework:langchain", [0, 1, 2, 3, 4]),
        ("framework:lang", []),
        ("language:java", [2]),
        ("language:java*", [1, 2]),
        ("program:support_bot.py", [0, 1]),
        ("duration>400ms", [0, 3, 4]),
        ("duration>=0.452s duration<1s", [0]),
        ("duration<2ms", [2]),
        ("duration>1m", []),
        ("tokens>1k", [3]),
        ("tokens>888", [3]),
        ("tokens>=888", [0, 3]),
        ("tokens_out>0", [0]),
        ("start>1.5s", [4]),
        ("start<200ms", [0, 1]),
        ("start>=09:42", [4]),
        ("start<09:41:00.55", [0, 1, 2]),
        ("lookup", [1]),
        ("GPT", [0]),
        ("größe", [2]),
        ("GRÖSSE", [2]),
        ('"Größe prüfen"', [2]),
        ("-chat -lookup", [2, 4]),
        ('op:"say \\"hi\\", *now*"', [4]),
        ('op:"*"', [4]),
        ("kind:tool,retriever -status:success", [1]),
        ("-", [0, 3]),
    ],
)
def test_matches(table, text, expected):
    assert rows(table, text) == expected


def test_a_term_made_for_a_name_matches_just_that_name(table):
    for key in (1, 2, 3, 8):
        matched = rows(table, term("op", NAMES[key]))
        assert matched == [row for row in range(table.n) if table.op[row] == key]
    assert rows(table, term("op", "ChatOpenAI", negated=True)) == [1, 2, 4]


def test_free_text_also_matches_what_the_store_found(table):
    assert parse('refund "two words" refund').texts == ("refund", "two words")
    assert rows(table, "refund", {"refund": np.array([11, 14, 999])}) == [1, 4]
    assert rows(table, "-refund", {"refund": np.array([11, 14])}) == [0, 2, 3]


def test_an_empty_table_matches_nothing():
    for text in ("", "status:error", "op:x", "refund", "duration>1s", "start>09:41", "program:x"):
        assert len(evaluate(parse(text), SpanTable(), 0)) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("duration>abc", "duration>abc: expected a time like 400ms at character 10"),
        ("kind:llm duration>400", "duration>400: expected a time like 400ms at character 19"),
        ("duration>", "duration>: expected a time like 400ms at character 10"),
        ("duration:2s", "duration:2s: write > or < as in duration>400ms at character 9"),
        ("tokens>many", "tokens>many: expected a number like 500 or 1.5k at character 8"),
        ("start>25:00", "start>25:00: expected a time like 1.5s or 09:41 at character 7"),
        ("status:broken", "status:broken: expected success, error, pending or abandoned at character 8"),
        ("status:error,broken", "status:error,broken: expected success, error, pending or abandoned at character 14"),
        ("kind:", "kind:: expected a kind like llm, tool or retriever at character 6"),
        ("kind>llm", "kind>llm: write : as in kind:llm at character 5"),
        ("-colour:red", "-colour:red: no field “colour”; quote it to search for the text at character 2"),
        ('say "hi', '"hi: this quote is not closed at character 5'),
        ('op:"a\\"', 'op:"a\\": this quote is not closed at character 4'),
    ],
)
def test_an_invalid_query_says_where(text, message):
    with pytest.raises(QueryError) as error:
        parse(text)
    assert str(error.value) == message


def test_tokens_for_colouring_cover_what_is_wrong_too():
    found = [(text.start, text.length, text.type) for text in tokens('status:error -kind:x "re fund" duration>abc')]
    assert found == [
        (0, 6, "field"), (6, 1, "operator"), (7, 5, "value"),
        (13, 1, "negation"), (14, 4, "field"), (18, 1, "operator"), (19, 1, "error"),
        (21, 9, "text"), (31, 8, "field"), (39, 1, "operator"), (40, 3, "error"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ['"', '-"', "::::", "a:b:c", '\\"', "-", "--x", 'op:",', "op:,", ",", "💥:x", "duration>-1s"]
)
def test_any_text_is_tokenised_and_refused_only_by_its_own_error(text):
    tokens(text)
    try:
        parse(text)
    except QueryError as error:
        assert 0 <= error.position <= len(text)


def options(text, table=None, cursor=None):
    found = complete(text, len(text) if cursor is None else cursor, table)
    return found.start, [option.insert for option in found.options]


def test_completes_fields_and_values_the_session_has(table):
    assert options("sta") == (0, ["status:", "start>"])
    assert options("x -du") == (3, ["duration>"])
    assert options("status:", table) == (7, ["success", "error", "pending"])
    assert options("kind:l", table) == (5, ["llm", "tool"])
    assert options("model:g", table) == (6, ["gpt-4o-mini"])
    assert options("model:gpt-4o-mini,c", table) == (18, ["claude-sonnet"])
    assert options("op:say", table) == (3, ['"say \\"hi\\", *now*"'])
    assert options("program:", table) == (8, ["eval", "support_bot.py"])
    assert options("duration>1", table) == (9, ["100ms", "1s", "10s"])
    assert options("nothing:", table)[1] == [] and options('"kin', table)[1] == [] and options("", table)[1] == []


def test_every_field_has_an_example_that_parses():
    for field in FIELDS.values():
        assert parse(field.example).terms[0].field == field.name


def test_a_million_rows_take_no_time_to_speak_of(table):
    many = np.zeros(1_000_000, SPAN_DTYPE)
    many["key"] = np.arange(1_000_000) + 1
    many["id64"] = many["key"]
    many["start"] = ORIGIN + many["key"]
    many["op"] = many["key"] % 3 + 1
    big = SpanTable()
    big.apply(SpanDelta(many, NAMES, {}, 1))
    mask = evaluate(parse("op:lookup duration>1ms -status:error chat tokens<5"), big, ORIGIN)
    assert len(mask) == 1_000_000
