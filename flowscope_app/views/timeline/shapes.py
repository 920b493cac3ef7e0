"""Whole arrays of rectangles to QPainter at once, and round corners for them without a path a bar."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from pyqtgraph.Qt.internals import PrimitiveArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter

Rects = NDArray[np.float64]

RADIUS = 2.5  # logical px
_LEVELS = 4  # of coverage, between a corner's pixel drawn and left out


class RectPainter:
    """Draws arrays of x, y, width, height with one call each."""

    def __init__(self) -> None:
        self._array = PrimitiveArray(QRectF, 4)

    def draw(self, painter: QPainter, rects: Rects, brush: QBrush | QColor) -> None:
        """Fill `rects`, (n, 4) in the painter's coordinates."""
        if not len(rects):
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(brush)
        self._array.resize(len(rects))
        self._array.ndarray()[:] = rects
        painter.drawRects(*self._array.drawargs())

    def round(self, painter: QPainter, rects: Rects, ground: QColor, scale: float) -> None:
        """Make the corners of `rects` look round by painting `ground` over what a round corner leaves out.

        A path a bar would cost some microseconds each; this costs nanoseconds a pixel. `scale` is device pixels a
        logical one.
        """
        for alpha, offsets in _corner(scale):
            colour = QColor(ground)
            colour.setAlphaF(alpha)
            self.draw(painter, _at_corners(rects, offsets, 1 / scale), colour)


@cache
def _corner(scale: float) -> tuple[tuple[float, Rects], ...]:
    """Pixels of a top left corner by how much of them a round corner leaves out: (share, offsets in logical px)."""
    radius, samples = RADIUS * scale, 8
    size = int(np.ceil(radius))
    at = (np.arange(size * samples) + 0.5) / samples
    out = (radius - at)[:, None] ** 2 + (radius - at)[None, :] ** 2 > radius**2
    out &= (at[:, None] < radius) & (at[None, :] < radius)
    share = out.reshape(size, samples, size, samples).mean(axis=(1, 3))
    level = np.round(share * _LEVELS)
    found = []
    for step in range(1, _LEVELS + 1):
        rows, columns = np.nonzero(level == step)
        if len(rows):
            found.append((step / _LEVELS, np.stack((columns, rows), axis=1) / scale))
    return tuple(found)


def _at_corners(rects: Rects, offsets: Rects, pixel: float) -> Rects:
    left, top = rects[:, 0, None], rects[:, 1, None]
    right, bottom = left + rects[:, 2, None] - pixel, top + rects[:, 3, None] - pixel
    dx, dy = offsets[None, :, 0], offsets[None, :, 1]
    corners = np.empty((4, len(rects), len(offsets), 4), np.float64)
    corners[..., 2:] = pixel
    for corner, (x, y) in enumerate(
        ((left + dx, top + dy), (right - dx, top + dy), (left + dx, bottom - dy), (right - dx, bottom - dy))
    ):
        corners[corner, ..., 0], corners[corner, ..., 1] = x, y
    return corners.reshape(-1, 4)
