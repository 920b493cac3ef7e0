"""Inter and JetBrains Mono, shipped so that the window looks the same everywhere."""

from __future__ import annotations

from functools import cache

from PySide6.QtGui import QFont, QFontDatabase

from flowscope_app.base.paths import resources

BASE_PX = 13
HEADING_PX = 16
MONO_PX = 12


@cache
def _families() -> tuple[str, str]:
    """Register the shipped fonts; what cannot be read falls back to the system's own."""
    found: dict[str, str] = {}
    for file in sorted((resources() / "fonts").glob("*.[ot]tf")):
        number = QFontDatabase.addApplicationFont(str(file))
        for family in QFontDatabase.applicationFontFamilies(number) if number >= 0 else ():
            found.setdefault(family.split()[0], family)
    ui = "Inter" if "Inter" in found else QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family()
    fixed = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family()
    return ui, found.get("JetBrains", fixed)


def ui_font(size: int | None = None, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """The interface's font with tabular figures; `size` in pixels, 13 if not given."""
    font = QFont(_families()[0])
    font.setPixelSize(size or BASE_PX)
    font.setWeight(weight)
    if hasattr(font, "setFeature"):
        font.setFeature(QFont.Tag("tnum"), 1)
    return font


def mono_font(size: int | None = None) -> QFont:
    """The fixed-width font for code and JSON; `size` in pixels, 12 if not given."""
    font = QFont(_families()[1])
    font.setPixelSize(size or MONO_PX)
    font.setStyleHint(QFont.StyleHint.Monospace)
    return font
