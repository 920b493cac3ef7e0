"""The search bar."""

from __future__ import annotations

from flowscope_app.views.search.bar import SearchBar

__all__ = ["SearchBar"]
