"""The flow graph: what called what, and in which order."""

from flowscope_app.views.flow_graph.view import FlowGraphView

__all__ = ["FlowGraphView"]
