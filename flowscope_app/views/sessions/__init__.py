"""The list of sessions."""

from __future__ import annotations

from flowscope_app.views.sessions.view import SessionsView

__all__ = ["SessionsView"]
