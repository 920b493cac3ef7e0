"""What is known of calls besides a span's columns: when the first token came, what was asked, tokens out of a cache."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from flowscope_app.spans.kinds import Kind

NOTE_DTYPE = np.dtype(
    [
        ("key", "i8"),  # the store's own number of the span
        ("first", "i8"),  # ns from its start to the first token; 0: not known
        ("prompt", "i8"),  # a digest of its input, 0: it had none. Equal ones are all but surely of equal inputs
        ("read", "i4"),  # tokens of the input that came out of the provider's cache
        ("written", "i4"),  # and that were written to it
        ("provider", "i4"),  # key into `providers`; 0: it does not say
    ]
)

NOTED = (Kind.LLM, Kind.EMBEDDING, Kind.TOOL, Kind.RETRIEVER, Kind.RERANKER, Kind.HTTP)
"""Kinds of spans that notes are taken of: what leaves the program to have something done elsewhere."""


@dataclass(frozen=True)
class Notes:
    """Notes of a session's calls up to a change number, at most one a span; `more` when others wait to be read."""

    rows: NDArray[np.void] = field(default_factory=lambda: np.empty(0, NOTE_DTYPE))
    providers: dict[int, str] = field(default_factory=dict)
    change: int = 0
    more: bool = False

    def joined(self, newer: Notes) -> Notes:
        """These with `newer` ones, which hold where both know a span; by key. Of several in `newer` the first holds."""
        rows = np.concatenate((newer.rows, self.rows))
        _keys, first = np.unique(rows["key"], return_index=True)
        return Notes(rows[first], self.providers | newer.providers, newer.change, newer.more)

    def of(self, keys: NDArray[np.int64]) -> NDArray[np.void]:
        """The note of each key; all 0 where there is none."""
        found = np.zeros(len(keys), NOTE_DTYPE)
        if len(self.rows) and len(keys):
            place = np.minimum(np.searchsorted(self.rows["key"], keys), len(self.rows) - 1)
            hit = self.rows["key"][place] == keys
            found[hit] = self.rows[place[hit]]
        return found
