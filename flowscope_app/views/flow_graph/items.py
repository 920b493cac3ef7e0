"""Cards and edges of the flow graph as graphics items; text is painted, never interpreted."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPainterPathStroker, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from flowscope_app import theme
from flowscope_app.analysis.graph import END, START, Edge, Grouping, Node
from flowscope_app.analysis.layout import Point
from flowscope_app.base import format as fmt
from flowscope_app.views.flow_graph.drawing import figures

_RADIUS = 5.0
_BAR = 4.0  # the kind's colour at the left
_ARROW = 6.0
_NAME_PX, _FIGURES_PX = 12, 11
_FAR, _VERY_FAR = 0.45, 0.2  # scale below which figures, then names, are too small to read
_GHOST = 0.3  # opacity of what the filter leaves out


@cache
def _font(size: int) -> QFont:
    return theme.ui_font(size)


@cache
def _metrics(size: int) -> QFontMetricsF:
    return QFontMetricsF(_font(size))


def mixed(one: QColor, other: QColor, share: float) -> QColor:
    """`one` with `share` (0..1) of `other`."""
    keep = 1 - share
    return QColor.fromRgbF(
        one.redF() * keep + other.redF() * share,
        one.greenF() * keep + other.greenF() * share,
        one.blueF() * keep + other.blueF() * share,
    )


class NodeItem(QGraphicsItem):
    """One card; its position is its centre."""

    def __init__(self, size: tuple[float, float]) -> None:
        super().__init__()
        self.node: Node | None = None
        self._label = self._figures = ""  # as there is room for them
        self._rect = QRectF(-size[0] / 2, -size[1] / 2, *size)
        self._hovered = False
        self.chosen = False
        self.setAcceptHoverEvents(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setZValue(1)

    def show_node(self, node: Node, grouping: Grouping, *, matching: bool) -> None:
        """Take new figures."""
        self.setOpacity(1.0 if matching else _GHOST)
        if node != self.node:
            self.node = node
            room = self._rect.width() - _BAR - 12
            self._label = _metrics(_NAME_PX).elidedText(node.label, Qt.TextElideMode.ElideMiddle, room)
            self._figures = _fitting(_metrics(_FIGURES_PX), figures(node, grouping), room)
            self.update()

    def choose(self, chosen: bool) -> None:
        """Draw it as selected, or not."""
        if chosen != self.chosen:
            self.chosen = chosen
            self.setZValue(2 if chosen else 1)
            self.update()

    @property
    def label(self) -> str:
        """The node's name."""
        return self.node.label if self.node is not None else ""

    @property
    def card(self) -> QRectF:
        """The card in the scene, px."""
        return self._rect.translated(self.pos())

    def boundingRect(self) -> QRectF:
        return self._rect.adjusted(-2, -2, 2, 2)

    def hoverEnterEvent(self, event: object) -> None:
        self._hovered = True
        self.update()

    def hoverLeaveEvent(self, event: object) -> None:
        self._hovered = False
        self.update()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        node = self.node
        if node is None:
            return
        tokens = theme.current()
        scale = option.levelOfDetailFromTransform(painter.worldTransform())
        kind = tokens.error if node.errors and node.id not in (START,) else tokens.kind(node.kind)
        left = bool(node.abandoned) and node.abandoned == node.calls and node.id not in (START, END)
        if left:
            kind = tokens.faint
        border = tokens.accent if self.chosen else mixed(kind, tokens.panel, 0.15)
        fill = (
            mixed(tokens.raised, tokens.selection, 0.6)
            if self.chosen
            else tokens.hover
            if self._hovered
            else tokens.raised
        )
        outline = QPainterPath()
        outline.addRoundedRect(self._rect, _RADIUS, _RADIUS)
        painter.fillPath(outline, fill)
        painter.save()
        painter.setClipPath(outline, Qt.ClipOperation.IntersectClip)
        painter.fillRect(QRectF(self._rect.left(), self._rect.top(), _BAR, self._rect.height()), kind)
        painter.restore()
        pen = QPen(border, 2.0 if self.chosen else 1.2)
        if left:
            pen.setDashPattern([3.0, 2.5])
        painter.setPen(pen)
        painter.drawPath(outline)
        if scale >= _VERY_FAR:
            self._write(painter, node, scale)

    def _write(self, painter: QPainter, node: Node, scale: float) -> None:
        tokens = theme.current()
        room = self._rect.adjusted(_BAR + 6, 0, -6, 0)
        flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextSingleLine)
        painter.setFont(_font(_NAME_PX))
        painter.setPen(tokens.text)
        if node.id in (START, END) or scale < _FAR:
            painter.drawText(room, flags, self._label)
            return
        painter.drawText(QRectF(room.left(), room.top() + 4, room.width(), 16), flags, self._label)
        painter.setFont(_font(_FIGURES_PX))
        painter.setPen(tokens.error if node.errors else tokens.dim)
        painter.drawText(QRectF(room.left(), room.top() + 20, room.width(), 16), flags, self._figures)


def _fitting(metrics: QFontMetricsF, parts: list[str], room: float) -> str:
    """As many of the parts as there is room for."""
    while len(parts) > 1 and metrics.horizontalAdvance("  ".join(parts)) > room:
        parts = parts[:-1]
    return metrics.elidedText("  ".join(parts), Qt.TextElideMode.ElideRight, room)


class EdgeItem(QGraphicsItem):
    """One curved edge with an arrow head; solid for a call, dashed for "then"."""

    def __init__(self, edge: Edge, way: tuple[Point, ...]) -> None:
        super().__init__()
        self.edge = edge
        self.touched = False  # an end of it is selected
        points = [QPointF(x, y) for x, y in way]
        rightwards = points[-1].x() >= points[-2].x()
        self._head = _arrow(points[-1], rightwards)
        points[-1] = points[-1] + QPointF(-_ARROW if rightwards else _ARROW, 0)
        self._path = _curve(points)
        self._bounds = self._path.boundingRect().united(self._head.boundingRect()).adjusted(-3, -3, 3, 3)
        self._shape: QPainterPath | None = None

    def show_edge(self, edge: Edge, *, matching: bool) -> None:
        """Take new figures."""
        self.setOpacity(1.0 if matching else _GHOST)
        if edge != self.edge:
            self.edge = edge
            self.update()

    def touch(self, touched: bool) -> None:
        """Draw it as belonging to the selected node, or not."""
        if touched != self.touched:
            self.touched = touched
            self.update()

    def spoken(self, source: str, target: str) -> str:
        """The edge in words."""
        edge = self.edge
        verb = "leads to" if START in (edge.source, edge.target) else "calls" if edge.relation == "call" else "then"
        often = "once" if edge.count == 1 else f"{fmt.count(edge.count)} times"
        failed = f", {fmt.count(edge.errors)} failed" if edge.errors else ""
        return f"{source} {verb} {target}, {often}{failed}"

    def boundingRect(self) -> QRectF:
        return self._bounds

    def shape(self) -> QPainterPath:
        if self._shape is None:
            stroker = QPainterPathStroker()
            stroker.setWidth(8)
            self._shape = stroker.createStroke(self._path)
        return self._shape

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        tokens = theme.current()
        quiet = mixed(tokens.dim, tokens.panel, 0.35)
        colour = tokens.error if self.edge.errors else tokens.text if self.touched else quiet
        pen = QPen(colour, 1.6 if self.edge.errors else 1.2)
        if self.edge.relation == "then":
            pen.setDashPattern([4.0, 3.0])
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(self._path)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawPolygon(self._head)


def _curve(points: list[QPointF]) -> QPainterPath:
    """Bézier curves through the points, level at each of them."""
    path = QPainterPath(points[0])
    for one, other in pairwise(points):
        if one.y() == other.y():
            path.lineTo(other)
        else:
            reach = (other.x() - one.x()) * 0.5
            path.cubicTo(QPointF(one.x() + reach, one.y()), QPointF(other.x() - reach, other.y()), other)
    return path


def _arrow(tip: QPointF, rightwards: bool) -> QPolygonF:
    back = tip.x() - (_ARROW if rightwards else -_ARROW)
    return QPolygonF([tip, QPointF(back, tip.y() - _ARROW / 2), QPointF(back, tip.y() + _ARROW / 2)])
