"""The timeline looks as it did when somebody last looked at it: ten scenes, dark and light, at two pixel densities.

After a change that is meant, `python tests/support/timeline_scenes.py` makes the pictures anew.
"""

from __future__ import annotations

import pytest
from PySide6.QtGui import QImage
from timeline_scenes import GOLDEN, SCENES, picture, unlike

ALIKE = 24  # of 255: letters are shaped a little differently by other versions of the font renderer


@pytest.mark.parametrize("name", SCENES)
def test_scene(name, qapp):
    for mode in ("dark", "light"):
        golden = QImage(str(GOLDEN / f"timeline-{name}-{mode}.png"))
        for scale in (1, 2):
            found = picture(name, mode, scale)
            assert golden.size() == found.size()
            assert unlike(golden, found) < ALIKE, f"{mode}, {scale}x"


def test_what_looks_otherwise_is_told_apart(qapp):
    run = picture("run", "dark", 1)
    for other in ("range", "critical", "filtered", "one"):
        assert unlike(run, picture(other, "dark", 1)) > 2 * ALIKE, other
