"""`flowscope sdk verify`: the Python SDK passes every case, a bare client fails those that ask for more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE

from flowscope_app.compliance import load_cases
from flowscope_app.compliance.checks import CHECKS

ROOT = Path(__file__).parents[2]
DRIVER = ROOT / "flowscope_sdk" / "python" / "driver" / "driver.py"
BARE = ROOT / "tests" / "support" / "bare_driver.py"


def verify(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flowscope_app", "sdk", "verify", "--patience", "10", *words],
        capture_output=True,
        text=True,
        timeout=6 * PATIENCE,
    )


def outcomes(table: str) -> dict[str, str]:
    return {words[0]: " ".join(words[1:]) for line in table.splitlines() if "/" in (words := line.split())[0]}


def test_every_case_has_a_name_of_its_own_and_checks_that_there_are() -> None:
    cases = load_cases()
    assert len({case.title for case in cases}) == len(cases)
    assert [name for case in cases for name in case.checks if name not in CHECKS] == []
    assert all(case.why and (case.steps or case.ends) for case in cases)


def test_the_python_sdk_passes_every_case() -> None:
    done = verify("--", sys.executable, str(DRIVER))
    assert done.returncode == 0, [line for line in done.stdout.splitlines() if " FAIL " in line]
    assert len(outcomes(done.stdout)) == len(load_cases())


def test_a_client_that_can_do_little_fails_what_asks_for_more() -> None:
    names = ("encoding/values", "unicode/scripts", "nesting/tree", "sequence/numbers", "w3c/in", "errors/thrown")
    done = verify(*(word for name in names for word in ("--case", name)), "--", sys.executable, str(BARE))
    found = outcomes(done.stdout)
    assert done.returncode == 1
    assert [name for name in names if found[name].startswith("pass")] == ["encoding/values", "nesting/tree"]
    assert "repeat: not known here" in found["sequence/numbers"]
    assert 'status: "success" instead of "error"' in found["errors/thrown"]
    assert done.stdout.splitlines()[-1].startswith("2 of 6 cases passed")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import sys; sys.exit(7)", "the driver ended with 7"),
        ("import sys; sys.stdin.readline(); print('no JSON', flush=True); sys.stdin.read()", "one JSON object a line"),
        ("import sys; sys.stdin.readline(); 1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_driver_that_breaks_is_a_case_that_failed_and_says_how(source: str, said: str) -> None:
    done = verify("--case", "nesting/tree", "--", sys.executable, "-c", source)
    assert done.returncode == 1
    assert said in outcomes(done.stdout)["nesting/tree"], done.stdout


def test_a_command_that_is_none_is_said_in_one_line() -> None:
    for words in (["--"], ["--", "no-such-driver"], ["--case", "none", "--", "x"]):
        done = verify(*words)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1, done.stderr
