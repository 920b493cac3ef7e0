"""The integrations' pages say what is so: every integration has one, with its range, and its examples run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from flowscope import instrumentation

PAGES = Path(__file__).parents[3] / "docs" / "integrations"


def examples() -> list[Any]:
    found = []
    for page in sorted(PAGES.glob("*.md")):
        for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)):
            found.append(pytest.param(code, id=f"{page.stem}-{number}"))
    return found


@pytest.mark.parametrize("name", instrumentation.REGISTRY)
def test_every_integration_has_a_page_with_its_range(name: str) -> None:
    integration = instrumentation.REGISTRY[name]
    page = (PAGES / f"{integration.page or name}.md").read_text()
    assert f"{integration.package} {integration.since} up to" in page
    for field in instrumentation.Integration._fields:
        assert f"`{field}`" in (PAGES / "adding.md").read_text()


@pytest.mark.parametrize("code", examples())
def test_the_examples_run(code: str, traced: Any) -> None:
    exec(compile(code, "example", "exec"), {"__name__": "example"})
    if "flowscope.trace" in code:
        assert traced.trace().spans


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target
