"""A session's columns with what the notes of its calls add: first tokens, prompts, costs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from flowscope_app.analysis import prices
from flowscope_app.analysis.findings import Calls
from flowscope_app.analysis.snapshot import Snapshot
from flowscope_app.spans.notes import Notes

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
    if not len(rows):
        return cost
    noted = notes.of(snapshot.key[rows])
    pairs = (snapshot.model[rows].astype(np.int64) << 32) + noted["provider"]  # both are positive
    for pair in np.unique(pairs).tolist():
        chosen, (model, provider) = np.flatnonzero(pairs == pair), divmod(pair, 1 << 32)
        calls = rows[chosen]
        usage = prices.Usage(
            start=snapshot.start[calls],
            tokens_in=snapshot.tokens_in[calls].astype(np.int64),
            tokens_out=snapshot.tokens_out[calls].astype(np.int64),
            cache_read=noted["read"][chosen].astype(np.int64),
            cache_write=noted["written"][chosen].astype(np.int64),
        )
        cost[calls] = prices.cost(snapshot.names.get(model, ""), notes.providers.get(provider, ""), usage)
    return cost
