"""Where metrics are served, and what they are called there."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowscope_app.base.figures import FIGURES
from flowscope_app.collector.errors import ListenError
from flowscope_app.collector.metrics import metrics_address


@pytest.mark.parametrize(
    ("text", "place"),
    [("9464", ("127.0.0.1", 9464)), ("0.0.0.0:9464", ("0.0.0.0", 9464)), ("[::1]:9464", ("::1", 9464))],
)
def test_loopback_unless_a_host_is_named(text: str, place: tuple[str, int]) -> None:
    assert metrics_address(text) == place


@pytest.mark.parametrize("text", ["", "localhost", "a:b", "127.0.0.1:99999", "tcp://127.0.0.1:x"])
def test_what_is_no_address_is_said(text: str) -> None:
    with pytest.raises(ListenError, match="no address for metrics"):
        metrics_address(text)


def test_names_are_in_base_units_and_no_two_are_the_same() -> None:
    names = {figure.name: figure.metric for figure in FIGURES}
    assert len(set(names.values())) == len(FIGURES)
    assert names["lag_ms"] == "flowscope_lag_seconds"
    assert names["spans_stored"] == "flowscope_spans_stored_total"
    assert names["database_bytes"] == "flowscope_database_bytes"
    assert names["rate"] == "flowscope_spans_committed_per_second"
    assert next(figure for figure in FIGURES if figure.name == "lag_ms").base(250.0) == 0.25


def test_every_figure_is_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
    assert [figure.metric for figure in FIGURES if f"`{figure.metric}`" not in text] == []
