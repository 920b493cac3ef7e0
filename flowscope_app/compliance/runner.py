"""Plays a case: the driver does, the collector suffers, and what came is compared with what should have."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from flowscope_app.compliance.cases import Case, redaction
from flowscope_app.compliance.checks import CHECKS
from flowscope_app.compliance.driver import Driver, DriverError
from flowscope_app.compliance.evidence import Evidence
from flowscope_app.compliance.matching import compact, members, mismatch
from flowscope_app.compliance.stand_in import StandIn

WITHIN = 15.0
"""Seconds that anything may take of which a case says nothing else."""
SESSION = "compliance"
_SETTLING = 1.0
_END: tuple[dict[str, Any], ...] = (
    {"do": "flush", "seconds": 10, "answer": {"flushed": True}},
    {"exit": "return", "status": 0},
)


@dataclass(frozen=True)
class Outcome:
    """What came of a case: `why` it failed, "" if it did not; `seconds` that it took."""

    case: Case
    why: str
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether the SDK did what the case asks for."""
        return not self.why


class _CaseError(Exception):
    """The case has failed; one line."""


def play_all(
    cases: Sequence[Case], command: Sequence[str], patience: float = 1.0, at_once: int = 8
) -> Iterator[Outcome]:
    """The outcomes, in the order of the cases; some are played beside one another.

    Everything may take `patience` times as long as its case says.
    """
    with ThreadPoolExecutor(max(1, at_once)) as pool:
        yield from pool.map(lambda case: play(case, command, patience), cases)


def play(case: Case, command: Sequence[str], patience: float = 1.0) -> Outcome:
    """Start a driver and a collector, play the case and judge it."""
    begun = time.monotonic()
    why = _play(case, command, patience)
    return Outcome(case, why, time.monotonic() - begun)


def _play(case: Case, command: Sequence[str], patience: float) -> str:
    with StandIn(**case.collector) as collector:
        settings = {
            "addr": collector.addr,
            "session": SESSION,
            "auto": "none",
            "flush_timeout": f"{10 * patience:g}",
            **case.settings,
        }
        driver = Driver(command, settings)
        try:
            for step in _steps(case):
                _take(step, driver, collector, patience)
            # Who counts as sent what is handed over may be ahead of what has come.
            collector.wait_for(lambda evidence: not _verdict(case, evidence), _SETTLING * patience)
            with collector.changed:
                return _verdict(case, collector.evidence)
        except (_CaseError, DriverError) as failure:
            return str(failure)
        finally:
            driver.close()


def _steps(case: Case) -> Iterator[dict[str, Any]]:
    for step in case.steps:
        if "redaction" in step:
            for at, row in enumerate(redaction(step["redaction"])):
                yield {"do": "trace", "tree": {"operation": f"case {at}", "input": _value(row)}}
            yield {"await": "records", "count": at + 1, "then": step["redaction"]}
        else:
            yield step
    if case.ends:
        yield from _END


def _take(step: dict[str, Any], driver: Driver, collector: StandIn, patience: float) -> None:
    within = float(step.get("within", WITHIN)) * patience
    if "do" in step:
        command = {name: value for name, value in step.items() if name not in ("answer", "within")}
        if step["do"] == "flush" and step.get("answer") != {"flushed": False}:  # else it lasts that long
            command["seconds"] *= patience
        fault = members(step.get("answer", {}), driver.ask(command, within))
        if fault:
            raise _CaseError(f"answer to {step['do']}: {fault}")
    elif "collector" in step:
        collector.act(step["collector"])
    elif "await" in step:
        _await(step, collector, within)
    elif "exit" in step:
        _exit(step, driver, within)
    else:
        raise _CaseError(f"the suite knows no step {sorted(step)}")


def _await(step: dict[str, Any], collector: StandIn, within: float) -> None:
    what, count = step["await"], step.get("count", 1)
    awaited: dict[str, Callable[[Evidence], int]] = {
        "records": lambda evidence: sum(each.get("status") != "pending" for each in evidence.records.values()),
        "pending": lambda evidence: len(evidence.records),
        "taken": lambda evidence: sum(len(message.records) for message in evidence.messages),
        "beat": lambda evidence: sum(heard.get("cmd") == "beat" for _, heard in evidence.heard),
        "hello": lambda evidence: sum(heard.get("cmd") == "hello" for _, heard in evidence.heard),
    }
    if not collector.wait_for(lambda evidence: awaited[what](evidence) >= count, within):
        came = awaited[what](collector.evidence)
        fault = collector.evidence.faults[0] if collector.evidence.faults else f"{came:,} of {count:,} {what} came"
        raise _CaseError(f"{fault} within {within:g} s" if not collector.evidence.faults else fault)
    if "then" in step:
        with collector.changed:
            _judge_redaction(step["then"], collector.evidence)


def _exit(step: dict[str, Any], driver: Driver, within: float) -> None:
    begun = time.monotonic()
    if step["exit"] == "terminate":
        driver.terminate()
    else:
        driver.tell({"do": "exit", "how": step["exit"], "status": step.get("status", 0)})
    status = driver.ended(within)
    took = time.monotonic() - begun
    fault = mismatch(step.get("status", 0), status)
    if fault:
        raise _CaseError(f"exit by {step['exit']}: status {fault}{driver.complaint()}")
    if took > within:
        raise _CaseError(f"exit by {step['exit']} took {took:.1f} s, more than {within:g}")


def _verdict(case: Case, evidence: Evidence) -> str:
    try:
        _judge(case, evidence)
    except _CaseError as failure:
        return str(failure)
    return ""


def _judge(case: Case, evidence: Evidence) -> None:
    if evidence.faults:
        raise _CaseError(evidence.faults[0])
    for wanted in case.records:
        _judge_record(wanted, evidence)
    named = [wanted["operation"] for wanted in case.records]
    strange = [
        each for each in evidence.records.values() if all(mismatch(name, each.get("operation")) for name in named)
    ]
    if case.records and strange and not case.others:
        raise _CaseError(f"a record of {strange[0].get('operation')!r} came")
    for name in case.checks:
        fault = CHECKS[name](evidence)
        if fault:
            raise _CaseError(f"{name}: {fault}")


def _judge_record(wanted: dict[str, Any], evidence: Evidence) -> None:
    """A record of that operation, as often as `times` says (once), with members and metadata as they should be."""
    rest = dict(wanted)
    operation, times, parent = rest.pop("operation"), rest.pop("times", 1), rest.pop("parent", ...)
    found = [each for each in evidence.records.values() if not mismatch(operation, each.get("operation"))]
    if len(found) != times:
        raise _CaseError(f"{len(found):,} records of {str(operation)[:60]!r} came, not {times:,}")
    metadata = rest.pop("metadata", {})
    for each in found:
        fault = members(rest, each) or members(metadata, each.get("metadata"))
        if fault:
            raise _CaseError(f"{str(operation)[:60]!r}: {fault}")
        if parent is not ...:
            _judge_parent(parent, each, evidence)


def _judge_parent(wanted: str | None, record: dict[str, Any], evidence: Evidence) -> None:
    parent = record.get("parent_id")
    known = evidence.records.get(str(parent))
    found = None if parent is None else (known["operation"] if known else parent)
    if found != wanted:
        raise _CaseError(f"{record['operation']!r} has the parent {found!r}, not {wanted!r}")


def _judge_redaction(kind: str, evidence: Evidence) -> None:
    came = {record["operation"]: record for record in evidence.records.values()}
    for at, row in enumerate(redaction(kind)):
        found = came.get(f"case {at}", {}).get("input")
        if kind == "secrets" and row["secret"] in compact(found):
            raise _CaseError(f"{row['name']}: the secret left the process")
        if kind == "plain" and found != _value(row):
            raise _CaseError(mismatch(_value(row), found))


def _value(row: Any) -> Any:
    return row["value"] if isinstance(row, dict) and "value" in row else row
