"""The log: what the collector did not take, and why."""

from flowscope_app.views.log.view import LogView

__all__ = ["LogView"]
