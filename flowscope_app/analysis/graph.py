"""The graph of a session's calls: what called what, and in which order steps ran.

How to read it. A solid edge is a call: the caller's first callee, those that run beside it, and every callee that
failed. A dashed edge means "then": of two calls made by one caller, the second began after the first had ended, with
none between. So a step's work reads as caller → first callee ⇢ next callee, which is how LangGraph, LCEL and
LlamaIndex programs are written, a loop shows as a cycle, and parallel calls fan out and in again. The caller of any
node is found by following dashed edges back and then one solid edge.

START and END stand for the programs; runs on different tracks have no order among them. Where all runs have the same
outermost operation (the graph, the chain, the query), START and END stand for that operation itself, and its steps are
the first things seen.

An edge's `errors` count the failed calls that it led to; the chain of such edges is the error's path.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from flowscope_app.spans.kinds import Kind

Grouping = Literal["operation", "call"]
Relation = Literal["call", "then"]

START, END = -1, -2


@dataclass(frozen=True)
class Node:
    """An operation or a single call; START and END have those ids."""

    id: int  # the operation's key in the session's names, or the span's key: the same after every update
    label: str
    kind: Kind
    calls: int
    errors: int
    pending: int
    total: int  # ns
    tokens: int
    key: int  # the span to select: the newest failed one, else the newest; 0 if there is none
    abandoned: int = 0  # calls whose program ended without closing them


@dataclass(frozen=True)
class Edge:
    """From node id to node id; `count` calls or successions, of which `errors` led to a failed call."""

    source: int
    target: int
    relation: Relation
    count: int
    errors: int


@dataclass(frozen=True)
class Graph:
    """Nodes in the order of their first call, START first and END last; `folded` says in words what is left out."""

    grouping: Grouping
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    folded: str = ""

    @cached_property
    def topology(self) -> tuple[frozenset[int], frozenset[tuple[int, int, Relation]]]:
        """What a layout depends on; equal topologies can share a layout."""
        return (
            frozenset(node.id for node in self.nodes),
            frozenset((edge.source, edge.target, edge.relation) for edge in self.edges),
        )
