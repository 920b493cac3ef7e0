"""A record as the store's row: one item of SPAN_DTYPE, packed."""

from __future__ import annotations

from struct import Struct

from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.store.entries import STATUS_OF

# Little-endian and unaligned, in the order of SPAN_DTYPE; a test holds the two together.
ROW = Struct("<qqqqqiiiiiiibb")
START, END, TOKENS_IN, TOKENS_OUT, KIND, STATUS = 3, 4, 10, 11, 12, 13

STATUS_TEXT = {status: text for text, status in STATUS_OF.items()} | {int(Status.ABANDONED): "error"}

# These repeat what their children used, so a session's sum leaves them out.
ROLLUPS = frozenset(map(int, (Kind.CHAIN, Kind.AGENT, Kind.WORKFLOW, Kind.TASK)))
