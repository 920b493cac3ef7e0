"""`flowscope sdk verify`: plays the compliance cases with an SDK's driver program and prints what came of each."""

from __future__ import annotations

import argparse
import sys
import time

from flowscope_app.base.errors import FlowScopeError
from flowscope_app.cli import outcome
from flowscope_app.compliance import Case, Outcome, load_cases, play_all

_NAME_WIDTH = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, with which cases, and the command that starts the driver."""
    actions = parser.add_subparsers(dest="action", metavar="verify", required=True)
    verify = actions.add_parser("verify", help="play the cases with a driver, print a table of what came of each")
    verify.add_argument("--case", metavar="NAME", action="append", default=[], help="only this group or case; a glob")
    verify.add_argument(
        "--patience", metavar="N", type=float, default=1.0, help="N times as long for everything, on a slow machine"
    )
    verify.add_argument("--list", action="store_true", help="only print what the cases are and why")
    verify.add_argument("command", metavar="CMD", nargs=argparse.REMAINDER, help="behind --: what starts the driver")


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0 only if every case has passed."""
    cases = load_cases(arguments.case)
    if arguments.list:
        for case in cases:
            print(f"{case.title:<{_NAME_WIDTH}}  {case.why}")
        return 0
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise FlowScopeError("which driver?", "flowscope sdk verify -- CMD, see docs/sdk-compliance.md")
    return _verify(cases, command, max(1.0, arguments.patience))


def _verify(cases: list[Case], command: list[str], patience: float) -> int:
    begun = time.monotonic()
    failed = 0
    for found in play_all(cases, command, patience):
        failed += not found.passed
        print(_line(found), flush=True)
    passed = len(cases) - failed
    print(f"{passed} of {len(cases)} cases passed in {time.monotonic() - begun:.0f} s")
    if failed:
        outcome.say(f"{failed} of {len(cases)} cases failed")
    return 1 if failed else 0


def _line(found: Outcome) -> str:
    result = "pass" if found.passed else "FAIL"
    why = " ".join(found.why.split())
    text = f"{found.case.title:<{_NAME_WIDTH}}  {result:<4}  {found.seconds:5.1f} s  {why}".rstrip()
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
