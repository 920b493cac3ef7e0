"""A session's columns with what the notes of its calls add: first tokens, prompts, costs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from flowscope_app.analysis import prices
from flowscope_app.analysis.findings import Calls
from flowscope_app.analysis.snapshot import Int, Int32, Snapshot
from flowscope_app.spans.columns import Loaded
from flowscope_app.spans.notes import Notes
from flowscope_app.spans.table import NO_END

Float = NDArray[np.float64]


def with_notes(snapshot: Snapshot, notes: Notes) -> Calls:
    """The columns that rules and costs need."""
    noted = notes.of(snapshot.key)
    return Calls(spans=snapshot, first_token=noted["first"], prompt=noted["prompt"], cost=costs(snapshot, notes))


def costs(snapshot: Snapshot, notes: Notes) -> Float:
    """US dollars of each span; NaN where no price is known or no tokens are told."""
    cost = np.full(snapshot.n, np.nan)
    rows = np.flatnonzero((snapshot.model != 0) & ((snapshot.tokens_in > 0) | (snapshot.tokens_out > 0)))
    rows = rows[~snapshot.pending[rows]]
    tokens_in, tokens_out = snapshot.tokens_in[rows], snapshot.tokens_out[rows]
    key, start, model = snapshot.key[rows], snapshot.start[rows], snapshot.model[rows]
    cost[rows] = _dollars(key, start, model, tokens_in, tokens_out, snapshot.names, notes)
    return cost


def total_cost(loaded: Loaded, notes: Notes) -> tuple[float | None, int]:
    """US dollars of a session's calls with a known price, None where none has one; and how many have none."""
    column = {name: values[: loaded.n] for name, values in loaded.columns.items()}
    used = (column["model"] != 0) & ((column["tokens_in"] > 0) | (column["tokens_out"] > 0)) & (column["end"] != NO_END)
    rows = np.flatnonzero(used)
    key, start, model, tokens_in, tokens_out = (
        column[name][rows] for name in ("key", "start", "model", "tokens_in", "tokens_out")
    )
    dollars = _dollars(key, start, model, tokens_in, tokens_out, loaded.names, notes)
    known = np.isfinite(dollars)
    return (float(dollars[known].sum()) if known.any() else None), int((~known).sum())


def _dollars(
    key: Int, start: Int, model: Int32, tokens_in: Int32, tokens_out: Int32, names: Mapping[int, str], notes: Notes
) -> Float:
    """US dollars of calls that have ended and used tokens of a model; NaN where no price is known."""
    cost = np.full(len(key), np.nan)
    if not len(key):
        return cost
    noted = notes.of(key)
    pairs = (model.astype(np.int64) << 32) + noted["provider"]  # both are positive
    for pair in np.unique(pairs).tolist():
        chosen, (number, provider) = np.flatnonzero(pairs == pair), divmod(pair, 1 << 32)
        usage = prices.Usage(
            start=start[chosen],
            tokens_in=tokens_in[chosen].astype(np.int64),
            tokens_out=tokens_out[chosen].astype(np.int64),
            cache_read=noted["read"][chosen].astype(np.int64),
            cache_write=noted["written"][chosen].astype(np.int64),
        )
        cost[chosen] = prices.cost(names.get(number, ""), notes.providers.get(provider, ""), usage)
    return cost
