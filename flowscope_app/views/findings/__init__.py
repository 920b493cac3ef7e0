"""The findings' tab: what to look at first."""

from flowscope_app.views.findings.view import FindingsView

__all__ = ["FindingsView"]
