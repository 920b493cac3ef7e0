"""The settings' table and its page in docs/ say the same."""

from __future__ import annotations

from pathlib import Path

from flowscope_app.settings import SETTINGS
from flowscope_app.settings.docs import render

PAGE = Path(__file__).resolve().parents[3] / "docs" / "settings.md"


def test_the_page_is_what_the_table_makes() -> None:
    assert PAGE.read_text() == render(), "run: python -m flowscope_app.settings.docs > docs/settings.md"


def test_every_default_fits_its_own_row() -> None:
    assert [row.name for row in SETTINGS if row.fault(row.default)] == []


def test_names_are_unique() -> None:
    assert len({row.name for row in SETTINGS}) == len(SETTINGS)
