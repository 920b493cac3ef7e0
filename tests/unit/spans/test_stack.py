"""Stack traces of Python and Node, the user's own frames told from the libraries'."""

import json
import traceback

import pytest

from flowscope_app.spans.stack import parse


def _raise_from():
    try:
        json.loads("{")
    except ValueError as error:
        raise RuntimeError("no such order\nand a second line") from error


def test_a_chain_of_python_exceptions_last_raised_first():
    with pytest.raises(RuntimeError) as caught:
        _raise_from()
    last, cause = parse("".join(traceback.format_exception(caught.value)))
    assert last.raised == "RuntimeError: no such order\nand a second line" and last.relation == ""
    assert last.frames[0].name == "_raise_from" and last.frames[0].own
    assert last.frames[0].code.startswith("raise RuntimeError")
    assert cause.relation == "caused by" and cause.raised.startswith("json.decoder.JSONDecodeError")
    assert cause.frames[0].package == "python" and cause.frames[-1].own


def test_packages_of_both_worlds():
    text = """Traceback (most recent call last):
  File "/home/u/bot.py", line 3, in handle
    agent.invoke(x)
  File "/home/u/.venv/lib/python3.11/site-packages/langchain_core/runnables/base.py", line 10, in invoke
    return self.f(x)
           ^^^^^^^^^
  File "/home/u/tools.py", line 7, in lookup_order
    raise RateLimitError(429)
tools.RateLimitError: 429
"""
    (trace,) = parse(text)
    assert [(frame.own, frame.package) for frame in trace.frames] == [
        (True, ""), (False, "langchain_core"), (True, "")
    ]  # fmt: skip
    node = """TypeError: boom
    at Object.<anonymous> (/home/u/app.js:3:9)
    at Module._compile (node:internal/modules/cjs/loader:1105:14)
    at async run (file:///home/u/node_modules/@langchain/core/dist/x.js:12:3)
    at C:\\work\\app.js:9:1"""
    (trace,) = parse(node)
    assert trace.raised == "TypeError: boom"
    assert [frame.package for frame in trace.frames] == ["", "node", "@langchain/core", ""]
    assert trace.frames[3].line == 9


def test_exception_groups():
    try:
        raise ExceptionGroup("two", [_raised(ValueError("a")), _raised(KeyError("b"))])
    except ExceptionGroup as group:
        top, one, two = parse("".join(traceback.format_exception(group)))
    assert top.raised.startswith("ExceptionGroup: two")
    assert (one.raised, one.relation) == ("ValueError: a", "one of") and two.raised == "KeyError: 'b'"


def _raised(error):
    try:
        raise error
    except Exception as caught:
        return caught


def test_recursion_keeps_both_ends():
    frames = "".join(f'  File "/u/a.py", line {n}, in f\n    f()\n' for n in range(1, 10_001))
    (trace,) = parse("Traceback (most recent call last):\n" + frames + "RecursionError: too deep\n")
    assert len(trace.frames) <= 2_000 and trace.frames[0].line == 10_000 and trace.frames[-1].line == 1


@pytest.mark.parametrize(
    "text", ["", "just words", "File x", "\x00\x01", "Traceback (most recent call last):\n", "| + |"]
)
def test_what_is_no_trace_is_none(text):
    assert parse(text) == []
