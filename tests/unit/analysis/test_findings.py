"""Each rule finds what it is for, and keeps quiet where the same shape means something else."""

from __future__ import annotations

from typing import Any

from calls import Call, session

from flowscope_app.analysis.findings import Finding, find
from flowscope_app.spans.kinds import Kind, Status

LLM, TOOL, RETRIEVER, AGENT = Kind.LLM, Kind.TOOL, Kind.RETRIEVER, Kind.AGENT
ERROR = Status.ERROR


def found(rule: str, *calls: Call) -> list[Finding]:
    return [finding for finding in find(session(*calls)) if finding.rule == rule]


def one(rule: str, *calls: Call) -> Finding:
    (finding,) = found(rule, *calls)
    return finding


def tool(start: int, end: int, **more: Any) -> Call:
    return Call("search", start, end, 0, TOOL, **more)


def llm(start: int, end: int, parent: int = 0, **more: Any) -> Call:
    return Call("chat", start, end, parent, LLM, **more)


def test_calls_one_after_the_other_could_run_together() -> None:
    finding = one("sequential", Call("agent", 0, 300), tool(0, 100), tool(101, 181), tool(182, 292))
    assert finding.title == "3 calls of search one after the other under agent"
    assert finding.rows.tolist() == [1, 2, 3]
    assert finding.lost_ns == 180 * 10**6  # all but the longest


def test_calls_that_overlap_or_have_another_call_between_them_are_left_alone() -> None:
    root = Call("agent", 0, 300)
    assert not found("sequential", root, tool(0, 100), tool(50, 150))
    assert not found("sequential", root, llm(0, 100), tool(101, 150), llm(151, 250))
    assert not found("sequential", root, tool(0, 100, prompt=7), tool(101, 200, prompt=7))


def test_the_same_loop_in_many_places_is_one_finding_with_the_worst_place_first() -> None:
    calls: list[Call] = []
    for place in range(3):
        at, root = place * 1000, place * 3
        calls += [
            Call("agent", at, at + 600),
            Call("search", at, at + 100 * (place + 1), root, TOOL),
            Call("search", at + 100 * (place + 1), at + 200 * (place + 1), root, TOOL),
        ]
    finding = one("sequential", *calls)
    assert finding.title == "Up to 2 calls of search one after the other under agent, 3 times"
    assert finding.rows.tolist()[:2] == [7, 8]


def test_a_look_up_for_each_thing_is_told_once_and_not_as_a_sequence_too() -> None:
    lookups = [Call("fetch", 10 * step, 10 * step + 9, 0, RETRIEVER) for step in range(12)]
    session_ = (Call("enrich", 0, 130), *lookups)
    assert one("n+1", *session_).title == "12 look-ups by fetch in one run of enrich"
    assert not found("sequential", *session_)
    assert not found("n+1", Call("enrich", 0, 130), *lookups[:4])


def test_the_same_prompt_again_costs_time_and_money() -> None:
    again = [llm(100 * step, 100 * step + 90, prompt=5, cost=0.01, model="m") for step in range(3)]
    finding = one("repeated prompt", Call("agent", 0, 400), *again, llm(300, 390, prompt=6, model="m"))
    assert finding.title == "The same prompt sent to chat 3 times"
    assert (finding.concern, finding.rows.tolist()) == ("dear", [1, 2, 3])
    assert finding.lost_ns == 180 * 10**6
    assert abs(finding.lost_usd - 0.02) < 1e-9


def test_a_call_seen_in_the_framework_and_in_the_sdk_is_one_call() -> None:
    calls = [Call("agent", 0, 100), llm(0, 90, prompt=5), Call("chat", 5, 85, 1, LLM, prompt=5)]
    assert not found("repeated prompt", *calls)


def test_attempts_after_failures_are_retries_and_no_swallowed_error() -> None:
    failed = [llm(step * 100, step * 100 + 20, prompt=5, status=ERROR) for step in range(2)]
    calls = (Call("agent", 0, 400), *failed, llm(200, 380, prompt=5))
    finding = one("retries", *calls)
    assert finding.title == "chat failed and was tried again twice"
    assert finding.lost_ns == 200 * 10**6
    assert finding.rows.tolist() == [1, 2, 3]
    assert not found("swallowed error", *calls)


def test_retries_in_vain_are_said_to_be() -> None:
    failed = [llm(step * 100, step * 100 + 20, prompt=5, status=ERROR) for step in range(3)]
    assert one("retries", Call("agent", 0, 400, status=ERROR), *failed).title == (
        "chat failed and was tried again twice, in vain"
    )


def test_an_error_whose_caller_ended_well_is_swallowed() -> None:
    finding = one("swallowed error", Call("agent", 0, 100), tool(0, 50, status=ERROR))
    assert finding.title == "search failed, and agent ended as if it had not"
    assert finding.concern == "wrong"
    assert not found("swallowed error", Call("agent", 0, 100, status=ERROR), tool(0, 50, status=ERROR))


def test_a_first_token_that_was_long_in_coming() -> None:
    finding = one("slow first token", llm(0, 2600, -1, first_token=1800))
    assert finding.title == "1.80 s until the first token in a stream of chat"
    assert not found("slow first token", llm(0, 20_000, -1, first_token=1800))  # soon, for so long a stream
    quick = [llm(100 * step, 100 * step + 90, -1, first_token=20) for step in range(6)]
    assert one("slow first token", *quick, llm(700, 1100, -1, first_token=300)).rows.tolist() == [6]


def test_a_context_that_grows_from_call_to_call() -> None:
    turns = [llm(10 * step, 10 * step + 9, -1, tokens_in=200 * 2**step) for step in range(5)]
    finding = one("growing context", *turns)
    assert finding.title == "The input of chat grew from 200 tok to 3.2k tok in 5 calls"
    assert not found("growing context", *turns[:3])
    other = [llm(10 * step, 10 * step + 9, -1, tokens_in=200 * 2**step, strand=step) for step in range(5)]
    assert not found("growing context", *other)  # five programs, not one that goes on


def test_a_pause_with_nothing_running() -> None:
    finding = one("nothing running", Call("agent", 0, 1000), tool(0, 100), tool(700, 900))
    assert finding.title == "600 ms in agent with nothing running"
    assert finding.rows.tolist() == [0]
    assert "before search" in finding.advice
    assert not found("nothing running", Call("agent", 0, 1000), tool(0, 100), tool(50, 690), tool(700, 900))


def test_most_of_the_cost_in_one_call() -> None:
    cheap = [llm(10 * step, 10 * step + 9, -1, cost=0.001) for step in range(6)]
    finding = one("cost", *cheap, llm(100, 190, -1, cost=0.094, tokens_in=9000, tokens_out=200))
    assert finding.title == "94% of the cost is one call of chat"
    assert finding.rows.tolist() == [6]
    assert not found("cost", *cheap, llm(100, 190, -1, cost=float("nan")))


def test_errors_stand_first_and_then_what_costs_most() -> None:
    calls = [
        Call("agent", 0, 1000),
        tool(0, 100),
        tool(101, 181),
        llm(182, 190, status=ERROR),
        llm(700, 990, prompt=1),
    ]
    assert [finding.rule for finding in find(session(*calls))] == ["swallowed error", "nothing running", "sequential"]


def test_nothing_is_found_in_a_session_without_spans_or_with_one() -> None:
    assert find(session()) == []
    assert find(session(Call("agent", 0, 10))) == []
