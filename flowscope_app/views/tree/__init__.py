"""The tree: every span below the one that called it."""

from flowscope_app.views.tree.view import TreeView

__all__ = ["TreeView"]
