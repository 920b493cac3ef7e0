"""The inspector: everything about the selected span."""

from __future__ import annotations

from flowscope_app.views.inspector.panel import InspectorView

__all__ = ["InspectorView"]
