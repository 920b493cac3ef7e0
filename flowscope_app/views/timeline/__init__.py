"""The timeline: tracks of nested spans, an overview with a brush, a time axis and a card under the pointer."""

from __future__ import annotations

from flowscope_app.views.timeline.tracks_button import NAMES as TRACKS
from flowscope_app.views.timeline.view import TimelineView

__all__ = ["TRACKS", "TimelineView"]
