"""What a type checker says of decorated functions: what they were, parameter by parameter."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

from patience import PATIENCE

SOURCE = """
from collections.abc import AsyncIterator, Iterator
import flowscope

@flowscope.trace
def plain(question: str, *, limit: int = 3) -> list[str]: ...
@flowscope.trace("named", kind="tool")
def named(question: str) -> int: ...
@flowscope.trace()
async def coroutine(number: int) -> str: ...
@flowscope.trace
def generator(number: int) -> Iterator[int]: ...
@flowscope.trace
async def stream(number: int) -> AsyncIterator[str]:
    yield ""

class Agent:
    @flowscope.trace
    def method(self, number: int) -> str: ...
    @flowscope.trace("named")
    def named(self, number: int) -> str: ...
    @classmethod
    @flowscope.trace
    def create(cls, name: str) -> "Agent": ...
    @staticmethod
    @flowscope.trace
    def static(number: int) -> bytes: ...
    @flowscope.trace
    async def ask(self) -> float: ...

reveal_type(plain)
reveal_type(named)
reveal_type(coroutine)
reveal_type(generator)
reveal_type(stream)
reveal_type(Agent().method)
reveal_type(Agent().named)
reveal_type(Agent.create)
reveal_type(Agent.static)
reveal_type(Agent().ask)
with flowscope.trace("block") as span:
    reveal_type(span)
async def main() -> None:
    async with flowscope.trace("block", session_id="s") as span:
        reveal_type(span)
plain(3)
plain("x", limit="y")
Agent().method("x")
flowscope.trace("x", kind=3)
"""
REVEALED = [
    "def (question: str, *, limit: int =) -> list[str]",
    "def (question: str) -> int",
    "def (number: int) -> Coroutine[Any, Any, str]",
    "def (number: int) -> Iterator[int]",
    "def (number: int) -> AsyncIterator[str]",
    "def (number: int) -> str",
    "def (number: int) -> str",
    "def (name: str) -> app.Agent",
    "def (number: int) -> bytes",
    "def () -> Coroutine[Any, Any, float]",
    "flowscope._span.Span",
    "flowscope._span.Span",
]
ERRORS = {"plain(3)": "arg-type", 'limit="y"': "arg-type", 'method("x")': "arg-type", "kind=3": ""}


def test_a_type_checker_knows_decorated_functions_for_what_they_were(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text(textwrap.dedent(SOURCE))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(tmp_path / "cache"),
         "--disable-error-code", "empty-body", "app.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    found = re.findall(r'note: Revealed type is "(.*)"', done.stdout)
    plain = [re.sub(r"\b(builtins|typing|collections\.abc)\.", "", each) for each in found]
    assert plain == REVEALED, done.stdout + done.stderr
    lines = SOURCE.splitlines()
    wrong = {lines[int(number) - 1] for number in re.findall(r"app\.py:(\d+): error", done.stdout)}
    assert len(wrong) == len(ERRORS) and all(any(part in line for line in wrong) for part in ERRORS)
