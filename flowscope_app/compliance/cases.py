"""The language-neutral cases, as they stand in flowscope_sdk/protocol/compliance; integers of any length."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from flowscope_app.base.errors import FlowScopeError

FORMAT = "flowscope-compliance"
VERSION = 1


@dataclass(frozen=True)
class Case:
    """One thing that an SDK must do: what is done to it, and what must come of it."""

    group: str
    name: str
    why: str
    settings: dict[str, str] = field(default_factory=dict)  # FLOWSCOPE_ variables, in small letters without that
    collector: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    others: bool = False  # whether operations that `records` does not name may come
    ends: bool = True  # whether the suite flushes and ends the program behind the steps

    @property
    def title(self) -> str:
        """What it is called on the command line."""
        return f"{self.group}/{self.name}"


def load_cases(patterns: Sequence[str] = ()) -> list[Case]:
    """The cases whose group, name or `group/name` is or matches one of `patterns`, all of them if there are none."""
    found = [case for group in _index() for case in _group(group)]
    if not patterns:
        return found
    chosen = [case for case in found if any(_means(pattern, case) for pattern in patterns)]
    if not chosen:
        raise FlowScopeError(f"no case is called {patterns[0]!r}", "see flowscope sdk verify --list")
    return chosen


def redaction(kind: str) -> list[Any]:
    """The shared cases of what is masked: `secrets` or `plain`."""
    rows: list[Any] = json.loads(_redaction_file().read_text(encoding="utf-8"))[kind]
    return rows


def _means(pattern: str, case: Case) -> bool:
    return pattern == case.group or any(fnmatchcase(text, pattern) for text in (case.name, case.title))


def _index() -> list[str]:
    index = json.loads((_folder() / "index.json").read_text(encoding="utf-8"))
    if index.get("format") != FORMAT or index.get("version") != VERSION:
        raise FlowScopeError(f"{_folder()} does not hold compliance cases of version {VERSION}")
    groups: list[str] = index["groups"]
    return groups


@cache
def _group(name: str) -> tuple[Case, ...]:
    rows = json.loads((_folder() / f"{name}.json").read_text(encoding="utf-8"))
    return tuple(Case(group=name, **row) for row in rows["cases"])


def _folder() -> Path:
    """Inside the package once installed, beside the SDKs in a source checkout."""
    installed = Path(__file__).parent / "cases"
    return installed if installed.is_dir() else _checkout() / "compliance"


def _redaction_file() -> Path:
    installed = Path(__file__).parent / "vectors" / "redaction.json"
    return installed if installed.is_file() else _checkout() / "vectors" / "redaction.json"


def _checkout() -> Path:
    return Path(__file__).resolve().parents[2] / "flowscope_sdk" / "protocol"
