"""Metrics: what was called how often, how it went, how long it took and how many tokens it used."""

from flowscope_app.views.metrics.view import MetricsView

__all__ = ["MetricsView"]
