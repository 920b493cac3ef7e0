"""`make matrix`: the integrations' tests with every row of versions, oldest to newest, as one table a group.

python tests/matrix/run.py [NAME ...] [--write docs/matrix.md]     NAME: a row or a group; all of them by default
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

from environments import ROOT, ROWS, SDK, Row, Unavailable, environment, rows

RIGHT = "✓"
WRONG = "✗"
INTRODUCTION = """\
# What was seen to work with what

`make matrix` runs the tests of each integration with these versions, one row of them after the other, each in a virtual
environment of its own, and writes this page. The versions stand in `tests/matrix/rows.toml`, what a cell runs in
`tests/sdk/instrumentation/`. ✓ is right; a word says why something can't be: mostly that a version does not have it.
"""


@dataclass
class Group:
    """Rows that run the same tests."""

    name: str
    title: str
    tests: list[str]


@dataclass
class Outcome:
    """What one row came to: by cell ✓, ✗ or the word that says why not."""

    row: Row
    cells: dict[str, str] = field(default_factory=dict)
    why: str = ""
    """Why the row could not be run at all."""
    log: str = ""


def groups() -> list[Group]:
    """The groups of the data file."""
    with ROWS.open("rb") as file:
        return [Group(name, **about) for name, about in tomllib.load(file)["group"].items()]


def run_row(row: Row, group: Group) -> Outcome:
    """Run the tests of a row's group in its environment."""
    outcome = Outcome(row)
    try:
        python = environment(row.name, row.pins, row.python)
    except Unavailable as reason:
        outcome.why = str(reason)
        return outcome
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        inner = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSCOPE_")}
        paths = [str(SDK), str(ROOT / "tests" / "support")]
        done = subprocess.run(
            [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *group.tests],
            cwd=ROOT,
            env={**inner, "PYTHONPATH": os.pathsep.join(paths), "HOME": folder},
            capture_output=True,
            text=True,
            check=False,
        )
        outcome.log = done.stdout + done.stderr
        if report.exists():
            outcome.cells = read_report(report)
    if not outcome.cells:
        outcome.why = "the tests do not start"
    return outcome


def read_report(report: Path) -> dict[str, str]:
    """The cells of a JUnit report: one a test function, or one a parameter where those are named."""
    cells: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        said = RIGHT
        skipped, wrong = case.find("skipped"), [*case.iter("failure"), *case.iter("error")]
        if wrong:
            said = WRONG
        elif skipped is not None:
            said = skipped.get("message") or "skipped"
        cell = cell_name(case.get("name") or "")
        before = cells.get(cell, RIGHT)
        cells[cell] = said if before == RIGHT or said == WRONG else before
    return cells


def cell_name(test: str) -> str:
    """What a test shows, as a person reads it."""
    name, _, parameter = test.partition("[")
    if name == "test_the_same_runs_parents_inputs_outputs_and_errors":
        name = f"same as LangChain's tracer: {parameter.rstrip(']')}"
    return name.removeprefix("test_").replace("_", " ")


def table(outcomes: list[Outcome]) -> str:
    """Cells down, rows across, in Markdown."""
    ran = [outcome for outcome in outcomes if outcome.cells]
    names = list(dict.fromkeys(name for outcome in reversed(ran) for name in outcome.cells))
    lines = [
        "| | " + " | ".join(outcome.row.name for outcome in ran) + " |",
        "|---|" + "---|" * len(ran),
        *(f"| {name} | " + " | ".join(outcome.cells.get(name, "") for outcome in ran) + " |" for name in names),
    ]
    return "\n".join([*lines, *(f"\n{each.row.name}: {each.why}." for each in outcomes if not each.cells)])


def versions(outcomes: list[Outcome]) -> str:
    """What each row pins."""
    return "\n".join(
        f"- {each.row.name}: {', '.join(pin.replace('==', ' ') for pin in each.row.pins)}" for each in outcomes
    )


def page(results: list[tuple[Group, list[Outcome]]], before: str) -> str:
    """The page in docs/; of groups that were not run now it keeps what it said `before`."""
    sections = {part.partition("\n")[0]: f"## {part.strip()}\n" for part in before.split("\n## ")[1:]}
    for group, outcomes in results:
        sections[group.title] = f"## {group.title}\n\n{versions(outcomes)}\n\n{table(outcomes)}\n"
    known = [group.title for group in groups() if group.title in sections]
    return "\n".join([INTRODUCTION, *(sections[title] for title in known)])


def main() -> int:
    """Print a table a group; 1 if a cell is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("names", nargs="*", help="rows or groups (default: all)")
    parser.add_argument("--write", metavar="FILE", help="write the tables into this page too")
    parser.add_argument("--log", metavar="FOLDER", help="keep each row's test output here")
    options = parser.parse_args()
    known = {name for row in rows() for name in (row.name, row.group)}
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"there is no row or group {unknown[0]!r}; there are {', '.join(row.name for row in rows())}")

    results: list[tuple[Group, list[Outcome]]] = []
    wrong = 0
    for group in groups():
        outcomes: list[Outcome] = []
        for row in rows():
            if row.group == group.name and (not options.names or {row.name, row.group} & {*options.names}):
                outcomes.append(outcome := run_row(row, group))
                wrong += report(outcome, options.log)
        if outcomes:
            print(f"\n{group.title}\n{table(outcomes)}\n", flush=True)
            results.append((group, outcomes))
    if options.write:
        target = Path(options.write)
        before = target.read_text(encoding="utf-8") if target.exists() else ""
        target.write_text(page(results, before), encoding="utf-8")
    return 1 if wrong else 0


def report(outcome: Outcome, folder: str | None) -> int:
    """Say how a row went; how many of its cells are wrong."""
    bad = [name for name, said in outcome.cells.items() if said == WRONG]
    right = sum(said == RIGHT for said in outcome.cells.values())
    without = len(outcome.cells) - right - len(bad)
    print(
        f"{outcome.row.name}: {outcome.why or f'{right} right, {len(bad)} wrong, {without} not to be had'}", flush=True
    )
    for name in bad:
        print(f"    wrong: {name}", flush=True)
    if bad:
        print("\n".join(f"    {line}" for line in outcome.log.splitlines() if re.match("(E  |FAILED|ERROR)", line)))
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"{outcome.row.name}.log").write_text(outcome.log, encoding="utf-8")
    return len(bad) + (outcome.why == "the tests do not start")


if __name__ == "__main__":
    sys.exit(main())
