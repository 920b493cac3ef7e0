"""Whether a value is as a case says: plain values mean themselves, objects with a `$` member say more."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "object": (dict,),
    "array": (list,),
    "boolean": (bool,),
}
_LONGEST = 120


def mismatch(wanted: Any, found: Any) -> str:
    """What is wrong with `found`, "" if nothing is."""
    if isinstance(wanted, dict):
        for name, test in _TESTS.items():
            if name in wanted:
                return test(wanted[name], found)
    if isinstance(wanted, bool) or isinstance(found, bool) or wanted is None:
        same = wanted is found
    else:
        same = wanted == found
    return "" if same else f"{shown(found)} instead of {shown(wanted)}"


def members(wanted: dict[str, Any], found: Any) -> str:
    """What is wrong with the members of `found` that `wanted` names."""
    if not isinstance(found, dict):
        return f"{shown(found)} instead of an object"
    for name, each in wanted.items():
        fault = mismatch(each, found.get(name))
        if fault:
            return f"{name}: {fault}"
    return ""


def shown(value: Any) -> str:
    """A value as a person reads it in one line."""
    text = compact(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"


def compact(value: Any) -> str:
    """Its JSON without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _any(wanted: list[Any], found: Any) -> str:
    faults = [mismatch(each, found) for each in wanted]
    return "" if "" in faults else faults[0]


def _matches(pattern: str, found: Any) -> str:
    if isinstance(found, str) and re.search(pattern, found, re.DOTALL):
        return ""
    return f"{shown(found)} does not match {pattern}"


def _type(name: str, found: Any) -> str:
    if isinstance(found, _TYPES[name]) and (name == "boolean" or not isinstance(found, bool)):
        return ""
    return f"{shown(found)} is no {name}"


def _absent(_: Any, found: Any) -> str:
    return "" if found is None else f"{shown(found)} is there"


def _present(_: Any, found: Any) -> str:
    return "is missing" if found is None else ""


def _lacks(texts: list[str], found: Any) -> str:
    text = compact(found)
    return next((f"{each!r} is in {shown(found)}" for each in texts if each in text), "")


def _longest(most: int, found: Any) -> str:
    length = len(compact(found).encode("utf-8", "surrogatepass"))
    return "" if length <= most else f"{length:,} bytes of JSON, more than {most:,}"


def _all(wanted: list[Any], found: Any) -> str:
    return next((fault for each in wanted if (fault := mismatch(each, found))), "")


_TESTS: dict[str, Callable[[Any, Any], str]] = {
    "$any": _any,
    "$all": _all,
    "$matches": _matches,
    "$type": _type,
    "$absent": _absent,
    "$present": _present,
    "$has": members,
    "$lacks": _lacks,
    "$longest": _longest,
}
