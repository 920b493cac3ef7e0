"""The surface of the flow graph: shows a drawing, zooms, pans, tells of clicks and keys."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QNativeGestureEvent, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QFrame, QGraphicsScene, QGraphicsView, QToolTip, QWidget

from flowscope_app import theme
from flowscope_app.analysis.graph import Relation
from flowscope_app.views.common.plain import describe, tooltip
from flowscope_app.views.flow_graph.drawing import Drawing, spoken
from flowscope_app.views.flow_graph.items import EdgeItem, NodeItem

_LEAST_SCALE, _MOST_SCALE = 0.08, 2.5
_READABLE = 0.7  # a big graph opens no smaller than this, at its beginning; fitting by key shows all of it
_MARGIN = 24.0
_KEY_ZOOM = 1.25
_OWN_KEYS = frozenset({Qt.Key.Key_0, Qt.Key.Key_F, Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus})


class GraphCanvas(QGraphicsView):
    """Keeps the whole graph in view until the user zooms or pans; `fit` takes that up again."""

    clicked = Signal(int)  # a node's id
    opened = Signal(int)  # a node's id, by double click or Enter
    cleared = Signal()  # a click beside all nodes

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setScene(QGraphicsScene(self))
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.SmartViewportUpdate)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        describe(self, "Flow graph", "Arrow keys move along the edges, Enter filters, 0 fits all, F fits the selection")
        self.nodes: dict[int, NodeItem] = {}
        self.edges: dict[tuple[int, int, Relation], EdgeItem] = {}
        self.current: int | None = None  # the selected node's id
        self._drawing: Drawing | None = None
        self._follows = True  # keeps all in view
        self._overview = False  # however small that makes it
        self._pressed: QPoint | None = None
        self._panned = False
        theme.signals().changed.connect(self._restyle)
        self._restyle()

    def _restyle(self) -> None:
        self.setBackgroundBrush(theme.current().panel)
        self.viewport().update()

    def show_drawing(self, drawing: Drawing) -> None:
        """Show a drawing; items stay where its places are those shown already."""
        moved = self._drawing is None or self._drawing.sequence != drawing.sequence
        self._drawing = drawing
        if moved:
            self._place(drawing)
        lit = drawing.matching
        for node in drawing.graph.nodes:
            matching = lit is None or node.id < 0 or node.id in lit
            self.nodes[node.id].show_node(node, drawing.graph.grouping, matching=matching)
        for edge in drawing.graph.edges:
            ends = {edge.source, edge.target}
            matching = lit is None or all(end < 0 or end in lit for end in ends)
            self.edges[edge.source, edge.target, edge.relation].show_edge(edge, matching=matching)
        self._mark()
        if moved and self._follows:
            self.fit(overview=self._overview)

    def _place(self, drawing: Drawing) -> None:
        self.scene().clear()
        self.nodes = {}
        for node in drawing.graph.nodes:
            item = NodeItem(drawing.sizes[node.id])
            item.setPos(*drawing.centres[node.id])
            self.nodes[node.id] = item
            self.scene().addItem(item)
        self.edges = {}
        for edge, way in zip(drawing.graph.edges, drawing.ways, strict=True):
            line = EdgeItem(edge, way)
            self.edges[edge.source, edge.target, edge.relation] = line
            self.scene().addItem(line)
        # Room around it, so that any part can be brought to the middle.
        self.setSceneRect(self._bounds().adjusted(-2000, -2000, 2000, 2000))

    def clear(self) -> None:
        """Show nothing."""
        self.scene().clear()
        self.nodes, self.edges, self._drawing, self.current = {}, {}, None, None
        self._follows, self._overview = True, False

    def choose(self, node: int | None, *, reveal: bool = False) -> None:
        """Mark a node as selected; `reveal` brings it into view if it is outside."""
        self.current = node
        self._mark()
        item = self.nodes.get(node) if node is not None else None
        if reveal and item is not None:
            self.ensureVisible(item.card, 16, 16)

    def _mark(self) -> None:
        for id_, card in self.nodes.items():
            card.choose(id_ == self.current)
        for (source, target, _), edge in self.edges.items():
            edge.touch(self.current is not None and self.current in (source, target))
        item = self.nodes.get(self.current) if self.current is not None else None
        if item is not None and item.node is not None and self._drawing is not None:
            self.setAccessibleDescription(spoken(item.node, self._drawing.graph).replace("\n", ". "))

    def _bounds(self) -> QRectF:
        return self.scene().itemsBoundingRect()

    def fit(self, *, overview: bool = True) -> None:
        """Bring all into view; without `overview` never so small that names can't be read."""
        self._follows, self._overview = True, overview
        bounds = self._bounds().adjusted(-_MARGIN, -_MARGIN, _MARGIN, _MARGIN)
        room = self.viewport().rect()
        if bounds.isEmpty() or room.isEmpty():
            return
        scale = min(room.width() / bounds.width(), room.height() / bounds.height(), 1.0)
        scale = max(scale, _LEAST_SCALE if overview else _READABLE)
        self._scale_to(scale)
        centre = bounds.center()
        if bounds.width() * scale > room.width():  # begin at the beginning
            centre.setX(bounds.left() + room.width() / scale / 2)
            start = self.nodes.get(-1)
            if bounds.height() * scale > room.height() and start is not None:
                centre.setY(start.y())
        self.centerOn(centre)

    def fit_selection(self) -> None:
        """Bring the selected node to the middle, at full size."""
        item = self.nodes.get(self.current) if self.current is not None else None
        if item is not None:
            self._follows = False
            self._scale_to(max(self.transform().m11(), 1.0))
            self.centerOn(item)

    def _scale_to(self, scale: float) -> None:
        factor = min(max(scale, _LEAST_SCALE), _MOST_SCALE) / self.transform().m11()
        self.scale(factor, factor)

    def zoom(self, factor: float) -> None:
        """Zoom by a factor, at the pointer if it is over the graph."""
        self._follows = False
        self._scale_to(self.transform().m11() * factor)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._follows:
            self.fit(overview=self._overview)

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta().y() or event.angleDelta().x()
        if delta:
            self.zoom(1.0015**delta)
        event.accept()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.zoom(1 + event.value())
            return True
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), tooltip(self._told(event.pos())), self.viewport())
            return True
        return super().viewportEvent(event)

    def _told(self, position: QPoint) -> str:
        """What the node or edge under a point says of itself."""
        graph = self._drawing.graph if self._drawing else None
        for item in self.items(position):
            if isinstance(item, NodeItem) and item.node is not None and graph is not None:
                return spoken(item.node, graph)
            if isinstance(item, EdgeItem):
                return item.spoken(self.nodes[item.edge.source].label, self.nodes[item.edge.target].label)
        return ""

    def node_at(self, position: QPoint) -> int | None:
        """The id of the node under a point of the viewport."""
        for item in self.items(position):
            if isinstance(item, NodeItem) and item.node is not None:
                return item.node.id
        return None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed, self._panned = event.position().toPoint(), False
            event.accept()
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        here = event.position().toPoint()
        if self._pressed is None:
            super().mouseMoveEvent(event)
            return
        if not self._panned and (here - self._pressed).manhattanLength() < QApplication.startDragDistance():
            return
        if not self._panned:
            self._panned, self._follows = True, False
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
        self._pan(here - self._pressed)
        self._pressed = here

    def _pan(self, by: QPoint) -> None:
        self.horizontalScrollBar().setValue(self.horizontalScrollBar().value() - by.x())
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() - by.y())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            super().mouseReleaseEvent(event)
            return
        self._pressed = None
        if self._panned:
            self.viewport().unsetCursor()
            return
        node = self.node_at(event.position().toPoint())
        if node is None:
            self.cleared.emit()
        else:
            self.clicked.emit(node)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        node = self.node_at(event.position().toPoint())
        if node is None:
            self.fit()
        else:
            self.opened.emit(node)

    def event(self, event: QEvent) -> bool:
        # Keys of the window that mean the same here: while the graph has the focus they are the graph's.
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and event.key() in _OWN_KEYS:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in _STEPS:
            self._step(*_STEPS[Qt.Key(key)])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current is not None:
            self.opened.emit(self.current)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key == Qt.Key.Key_F:
            self.fit_selection()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(_KEY_ZOOM)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1 / _KEY_ZOOM)
        else:
            super().keyPressEvent(event)

    def _step(self, across: int, down: int) -> None:
        """Go to the nearest node in a direction, along an edge if there is one that way."""
        here = self.nodes.get(self.current) if self.current is not None else None
        if here is None:
            if self.nodes:
                self.clicked.emit(next(iter(self.nodes)))
            return
        neighbours = {end for key in self.edges if self.current in key[:2] for end in key[:2]} - {self.current}

        def cost(item: NodeItem) -> float:
            way: QPointF = item.pos() - here.pos()
            ahead, aside = (way.x() * across, way.y()) if across else (way.y() * down, way.x())
            return ahead + 2 * abs(aside) if ahead > 1 else float("inf")

        found = [(cost(item), id_) for id_, item in self.nodes.items() if id_ != self.current]
        found = [pair for pair in found if pair[0] != float("inf")]
        if across:
            found = [pair for pair in found if pair[1] in neighbours] or found
        if found:
            self.clicked.emit(min(found)[1])


_STEPS = {
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Down: (0, 1),
    Qt.Key.Key_Up: (0, -1),
}
