"""Ten pictures of the timeline, and how alike two pictures are. Run as a program, it makes `tests/gui/golden` anew."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from patience import PATIENCE
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from timeline_sessions import T0, S, table_of

from flowscope_app import theme
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.kinds import Kind
from flowscope_app.spans.notes import NOTE_DTYPE, Notes
from flowscope_app.spans.rows import SessionRow
from flowscope_app.views.timeline import TimelineView
from flowscope_app.views.timeline.overlays import Gap

GOLDEN = Path(__file__).parents[1] / "gui" / "golden"
WIDTH, HEIGHT = 960, 320  # logical px
_SHRUNK = 2  # a golden picture is so many times smaller
_CELL = 8  # px of it that are compared as one
MS, HOUR, DAY = 10**6, 3600 * 10**9, 86_400 * 10**9

RUN = [
    S(1, 0, 1_000 * MS, kind=Kind.AGENT, op="agent"),
    S(2, 100 * MS, 400 * MS, 1, kind=Kind.LLM, op="ChatOpenAI"),
    S(3, 120 * MS, 200 * MS, 1, kind=Kind.RETRIEVER, op="cache"),
    S(4, 500 * MS, 900 * MS, 1, kind=Kind.TOOL, error=True, op="lookup_order"),
    S(5, 520 * MS, 880 * MS, 4, track=2, kind=Kind.HTTP, op="GET /orders"),
    S(6, 910 * MS, 990 * MS, 1, kind=Kind.LLM, op="answer"),
]
CROWD = [
    S(key, key * 300_000, key * 300_000 + (key * 7919 % 280_000), track=1 + key % 4, kind=Kind(key % 7), error=key == 9)
    for key in range(1, 4_000)
]


def _tell_more(view: TimelineView, state: ViewState) -> None:
    notes = np.zeros(2, NOTE_DTYPE)
    notes["key"], notes["first"] = (2, 6), (120 * MS, 20 * MS)
    state.set_notes(Notes(notes))
    view.tools.shown.gaps = (Gap(T0 + 700 * MS, 37, "37 spans missing here"),)
    state.marks.toggle(T0 + 450 * MS)


def _sum(view: TimelineView, state: ViewState) -> None:
    view.tools.choose_range(T0 + 90 * MS, T0 + 420 * MS)


def _critical(view: TimelineView, state: ViewState) -> None:
    view.tools.toggle_critical()


def _filtered(view: TimelineView, state: ViewState) -> None:
    state.set_mask(state.table.kind == Kind.LLM)
    state.select(2)


def _nothing(view: TimelineView, state: ViewState) -> None:
    pass


SCENES: dict[str, tuple[list[S], Callable[[TimelineView, ViewState], None]]] = {
    "run": (RUN, _tell_more),
    "range": (RUN, _sum),
    "critical": (RUN, _critical),
    "filtered": (RUN, _filtered),
    "crowd": (CROWD, _nothing),
    "one": (RUN[:1], _nothing),
    "pending": ([S(1, 0, None, kind=Kind.AGENT), S(2, 5 * MS, 9 * MS, 1), S(3, 9 * MS, None, 1)], _nothing),
    "instant": ([S(key, 0, 0) for key in range(1, 9)], _nothing),
    "clock-jump": ([S(1, 0, 10 * MS), S(2, -HOUR, 8 * MS - HOUR), S(3, 9 * MS, 11 * MS)], _nothing),
    "week": ([S(1, 0, 7 * DAY, op="job"), S(2, 3 * DAY, 3 * DAY + 1_000, 1, error=True)], _nothing),
}


def picture(name: str, mode: str, scale: int) -> QImage:
    """A scene as it is painted with `scale` device pixels a logical one, made as small as the golden pictures."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    theme.apply(app, "dark" if mode == "dark" else "light")
    spans, act = SCENES[name]
    state = ViewState()
    state.set_sessions([SessionRow(1, "s", "session")])
    view = TimelineView(state, None)  # type: ignore[arg-type]
    view.resize(WIDTH, HEIGHT)
    view.show()
    QTest.qWaitForWindowExposed(view)
    state.choose_session(1)
    state.set_table(table_of(spans))
    act(view, state)
    come_to_rest(view)
    image = QImage(WIDTH * scale, HEIGHT * scale, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(scale)
    view.render(image, QPoint())
    view.close()
    view.deleteLater()
    image.setDevicePixelRatio(1)
    smooth = Qt.TransformationMode.SmoothTransformation
    return image.scaled(WIDTH // _SHRUNK, HEIGHT // _SHRUNK, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)


def come_to_rest(view: TimelineView) -> None:
    """Wait until nothing that the view works out is still to come."""
    works = (view._upkeep._density, view.tools._sums, view.tools._paths)
    began = time.monotonic()
    while view.overview.bars.density is None or view._upkeep._count.isActive() or not all(work.idle for work in works):
        assert time.monotonic() - began < PATIENCE, "the picture does not come to rest"
        QTest.qWait(5)


def unlike(one: QImage, other: QImage) -> float:
    """How much the two differ where they differ most, 0 to 255: the mean of a cell, so that edges of letters don't."""
    cells = [_cells(image.convertToFormat(QImage.Format.Format_RGB32)) for image in (one, other)]
    return float(np.abs(cells[0] - cells[1]).max())


def _cells(image: QImage) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    rows, columns = image.height() // _CELL, image.width() // _CELL
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4)[..., :3].astype(np.float64)
    cut = pixels[: rows * _CELL, : columns * _CELL]
    means: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = cut.reshape(rows, _CELL, columns, _CELL, 3).mean((1, 3))
    return means


def main() -> None:
    """Write the golden pictures: look at each before it is committed."""
    app = QApplication(sys.argv[:1])
    GOLDEN.mkdir(exist_ok=True)
    for mode in ("dark", "light"):
        for name in SCENES:
            picture(name, mode, 1).save(str(GOLDEN / f"timeline-{name}-{mode}.png"))
    app.quit()


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    main()
