"""A JSON value as a tree model that makes its nodes when they are looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from flowscope_app.base import format as fmt
from flowscope_app.spans.skim import CutStr, is_cut

Index = QModelIndex | QPersistentModelIndex
ValueType = Literal["string", "number", "constant", "object", "array", "range", "cut"]

KeyRole = Qt.ItemDataRole.UserRole + 1  # the member's name or the element's number, as text
ValueTextRole = Qt.ItemDataRole.UserRole + 2  # the value on one line
TypeRole = Qt.ItemDataRole.UserRole + 3  # a ValueType

RANGE = 500  # elements shown at once; longer arrays and objects are folded into ranges of that many
_LINE = 300  # characters of a value on one line
_PREVIEW = 4


@dataclass(slots=True)
class _Node:
    key: str | int | None
    value: Any
    parent: _Node | None = None
    row: int = 0
    first: int = -1  # of a range: its first element
    number: int = -1  # its place among the model's nodes, once an index was made of it
    children: list[_Node] | None = field(default=None, repr=False)

    @property
    def type(self) -> ValueType:
        if self.first >= 0:
            return "range"
        value = self.value
        if isinstance(value, str):
            return "string"
        if isinstance(value, Mapping):
            return "object"
        if isinstance(value, list):
            return "array"
        if value is _CUT:
            return "cut"
        return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else "constant"


_CUT = object()  # stands where a value was not read to its end


class JsonModel(QAbstractItemModel):
    """The members of one JSON value, or the value alone if it has none. Decoded values only, see `skim.decode`."""

    def __init__(self, value: Any = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._nodes: list[_Node] = []  # an index holds a number, never a pointer that could dangle
        self._root = _root(value)

    def set_value(self, value: Any) -> None:
        """Show another value."""
        self.beginResetModel()
        self._nodes = []
        self._root = _root(value)
        self.endResetModel()

    def value(self) -> Any:
        """The value shown."""
        return self._root.value

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        children = _children(self._node(parent))
        if column != 0 or not 0 <= row < len(children):
            return QModelIndex()
        return self._index_of(children[row])

    def parent(self, child: Index = QModelIndex()) -> QModelIndex:  # type: ignore[override]  # noqa: B008
        above = self._node(child).parent
        if above is None or above is self._root:
            return QModelIndex()
        return self._index_of(above)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(_children(self._node(parent)))

    def hasChildren(self, parent: Index = QModelIndex()) -> bool:  # noqa: B008
        node = self._node(parent)
        return node.first >= 0 or (isinstance(node.value, (Mapping, list)) and bool(node.value))

    def columnCount(self, _parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        node = self._node(index)
        if role == KeyRole:
            return _key_text(node)
        if role == ValueTextRole:
            return _value_text(node)
        if role == TypeRole:
            return node.type
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            key = _key_text(node)
            return f"{key}: {_value_text(node)}" if key else _value_text(node)
        return None

    def value_of(self, index: Index) -> Any:
        """The value at an index; of a range, its elements."""
        node = self._node(index)
        if node.first < 0:
            return None if node.value is _CUT else node.value
        part = slice(node.first, node.first + RANGE)
        if isinstance(node.value, list):
            return node.value[part]
        return dict(list(node.value.items())[part])

    def path_of(self, index: Index) -> str:
        """Where an index is, as JSONPath: `$.messages[0].content`."""
        steps: list[str] = []
        node: _Node | None = self._node(index) if index.isValid() else None
        while node is not None and node is not self._root:
            if node.first < 0 and node.key is not None:
                key = node.key
                plain = isinstance(key, str) and key.isidentifier()
                steps.append(f".{key}" if plain else f"[{json.dumps(key, ensure_ascii=False)}]")
            node = node.parent
        return "$" + "".join(reversed(steps))

    def _node(self, index: Index) -> _Node:
        number = index.internalId() if index.isValid() else -1
        return self._nodes[number] if 0 <= number < len(self._nodes) else self._root

    def _index_of(self, node: _Node) -> QModelIndex:
        if node.number < 0:
            node.number = len(self._nodes)
            self._nodes.append(node)
        return self.createIndex(node.row, 0, node.number)


def _root(value: Any) -> _Node:
    """A node above the value's members; a value without members stands below it itself."""
    root = _Node(None, value)
    if not isinstance(value, (Mapping, list)):
        root.children = [_Node(None, value, root)]
    return root


def _children(node: _Node) -> list[_Node]:
    if node.children is None:
        node.children = _made(node)
    return node.children


def _made(node: _Node) -> list[_Node]:
    value = node.value
    if not isinstance(value, (Mapping, list)):
        return []
    if node.first < 0 and len(value) > RANGE:
        made = [_Node(None, value, node, row, row * RANGE) for row in range(-(-len(value) // RANGE))]
    else:
        start = max(node.first, 0)
        part = slice(start, start + RANGE)
        pairs = list(value.items())[part] if isinstance(value, Mapping) else enumerate(value[part], start)
        made = [_Node(key, inner, node, row) for row, (key, inner) in enumerate(pairs)]
    if node.first < 0 and is_cut(value):
        made.append(_Node(None, _CUT, node, len(made)))
    return made


def _key_text(node: _Node) -> str:
    if node.first >= 0:
        last = min(node.first + RANGE, len(node.value)) - 1
        return f"{node.first:,} … {last:,}"
    return "" if node.key is None else fmt.one_line(str(node.key), 120)


def _value_text(node: _Node) -> str:
    value, kind = node.value, node.type
    if kind == "range":
        return ""
    if kind == "cut":
        return "… the rest is too long to be read here; save or copy it"
    if isinstance(value, str):
        head = json.dumps(value[: _LINE + 1], ensure_ascii=False)
        if len(value) > _LINE:
            head = head[:_LINE] + f"…  {fmt.size(value.whole if isinstance(value, CutStr) else len(value))}"
        return fmt.one_line(head, _LINE + 40)
    if kind in ("object", "array"):
        return _preview(value)
    return json.dumps(value, default=str)


def _preview(value: Any) -> str:
    """An object or array in a few characters: `{role, content, +2}`, `[3]`."""
    if isinstance(value, list):
        return f"[{len(value):,}{'+' if is_cut(value) else ''}]"
    keys = [fmt.one_line(str(key), 24) for _n, key in zip(range(_PREVIEW), value, strict=False)]
    more = len(value) - len(keys)
    return "{" + ", ".join(keys) + (f", +{more:,}" if more > 0 else "") + "}"
