"""What a call cost by its model's list price, worked out away from the GUI thread."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from flowscope_app.analysis import prices
from flowscope_app.analysis.snapshot import Int
from flowscope_app.base import format as fmt
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.notes import NOTED
from flowscope_app.views.inspector.details import SpanFacts

Row = tuple[str, str]
Priced = tuple[int, tuple[Row, ...]]  # the span's key, and what is said of its cost


_PROVIDERS = ("gen_ai.provider.name", "gen_ai.system", "llm.provider")


def pricing(facts: SpanFacts, metadata: Mapping[str, Any], state: ViewState) -> Callable[[], Priced] | None:
    """The work of pricing a call; None where it has no price, or its note, which prices need, is not read yet."""
    if facts.pending or not facts.model or not (facts.tokens_in or facts.tokens_out):
        return None
    note = state.notes.of(np.array([facts.key], np.int64))
    noted = any("cache" in name or name in _PROVIDERS for name in metadata)
    if noted and facts.kind in NOTED and not note["key"][0]:
        return None
    provider = state.notes.providers.get(int(note["provider"][0]), "")
    read, written = note["read"].astype(np.int64), note["written"].astype(np.int64)
    return lambda: (facts.key, _rows(facts, provider, read, written))


def _rows(facts: SpanFacts, provider: str, read: Int, written: Int) -> tuple[Row, ...]:
    def dollars(tokens_out: int) -> float:
        start, given, made = (np.array([value], np.int64) for value in (facts.start, facts.tokens_in, tokens_out))
        return float(prices.cost(facts.model, provider, prices.Usage(start, given, made, read, written))[0])

    given, whole = dollars(0), dollars(facts.tokens_out)
    if math.isnan(whole):
        return (("cost", f"unknown price of {fmt.one_line(facts.model, 80)}"), ("prices", _source()))
    parts = f"in {fmt.dollars(given)}, out {fmt.dollars(whole - given)}"
    return (("cost", f"{fmt.dollars(whole)} ({parts})"), ("prices", _source()))


def _source() -> str:
    found = prices.source()
    return found.package if found.newest is None else f"{found.package} of {found.newest:%Y-%m-%d}"
