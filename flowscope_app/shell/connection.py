"""The collector that holds a database, if one runs on this machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Running:
    """Where a running collector takes spans and commands."""

    addr: str
    control: str
