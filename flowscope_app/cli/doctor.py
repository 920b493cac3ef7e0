"""`flowscope doctor`: what is installed, where things are, who listens, what would be instrumented. Never fails."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator

from flowscope_app.cli import checks
from flowscope_app.cli.checks import Finding, Mark
from flowscope_app.cli.options import add_addr, add_db, listen_addr

SIGNS = {Mark.GOOD: "✓", Mark.BAD: "✗", Mark.PLAIN: " "}
PLAIN_SIGNS = {Mark.GOOD: "+", Mark.BAD: "x", Mark.PLAIN: " "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The database and address to look at."""
    add_db(parser)
    add_addr(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what each check finds. A check that breaks is itself a finding, so the rest is still said."""
    sections: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("Installed", checks.installed),
        ("Files", lambda: checks.files(arguments.db)),
        ("Collector", lambda: checks.collector(listen_addr(arguments))),
        ("Environment", checks.environment),
        ("Instrumentation", checks.instrumented),
    ]
    faults = 0
    for title, check in sections:
        findings = list(_guarded(check))
        faults += sum(finding.mark is Mark.BAD for finding in findings)
        print(f"{title}\n" + "\n".join(_lines(findings)) + "\n")
    print(f"{faults} to look at" if faults else "nothing wrong was found")
    return 0


def _guarded(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:
        yield Finding("could not be checked", f"{type(error).__name__}: {error}", Mark.BAD)


def _lines(findings: list[Finding]) -> Iterator[str]:
    signs = SIGNS if _speaks_unicode() else PLAIN_SIGNS
    width = max((len(finding.name) for finding in findings), default=0)
    for finding in findings:
        text = " ".join(finding.text.split())
        yield f"  {signs[finding.mark]} {finding.name:<{width}}  {text}".rstrip()


def _speaks_unicode() -> bool:
    try:
        "".join(SIGNS.values()).encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
