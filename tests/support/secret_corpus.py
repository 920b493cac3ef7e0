"""Secrets of every make, none of them real, each in something that a program might pass around; and what is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

_FILE = Path(__file__).parents[2] / "flowscope_sdk" / "protocol" / "vectors" / "redaction.json"
_CASES = orjson.loads(_FILE.read_bytes())

# What is captured, and the part that must be gone: the same for every SDK.
SECRETS: dict[str, tuple[Any, str]] = {case["name"]: (case["value"], case["secret"]) for case in _CASES["secrets"]}
PLAIN: list[Any] = _CASES["plain"]
