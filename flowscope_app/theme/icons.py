"""Icons: one-colour SVG drawings in `resources/icons`, tinted with the theme."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QImage, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from flowscope_app.base.paths import resources
from flowscope_app.theme.manager import current


def icon(name: str, *, colour: str | None = None, size: int = 16) -> QIcon:
    """The icon of that name, in the theme's dim colour unless one is given; an empty icon if it is not there."""
    return _drawn(name, colour or current().dim.name(), size)


@lru_cache(maxsize=256)
def _drawn(name: str, colour: str, size: int) -> QIcon:
    file = resources() / "icons" / f"{name}.svg"
    if not file.is_file():
        return QIcon()
    drawing = file.read_text("utf-8").replace("currentColor", colour)
    renderer = QSvgRenderer(QByteArray(drawing.encode()))
    made = QIcon()
    for scale in (1, 2, 3):
        image = QImage(size * scale, size * scale, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        renderer.render(painter, QRectF(0, 0, size * scale, size * scale))
        painter.end()
        image.setDevicePixelRatio(scale)
        made.addPixmap(QPixmap.fromImage(image))
    return made
