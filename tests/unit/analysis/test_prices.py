"""Costs: those of the price package, call by call, and none where it knows none."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from genai_prices import Usage as Tokens
from genai_prices import calc_price, data_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from flowscope_app.analysis import prices


def usage(calls: list[tuple[int, int, int, int]], when: datetime) -> prices.Usage:
    columns = [np.array(column, np.int64) for column in zip(*calls, strict=True)]
    return prices.Usage(np.full(len(calls), int(when.timestamp()) * 10**9, np.int64), *columns)


def of_the_package(model: str, provider: str | None, call: tuple[int, int, int, int], when: datetime) -> float:
    given, out, read, written = call
    tokens = Tokens(input_tokens=given, output_tokens=out, cache_read_tokens=read, cache_write_tokens=written)
    price = calc_price(tokens, model, provider_id=provider, genai_request_timestamp=when)
    return float(price.total_price)


WHEN = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
calls = st.tuples(st.integers(0, 400_000), st.integers(0, 30_000), st.integers(0, 100), st.integers(0, 100)).map(
    lambda call: (call[0], call[1], call[0] * call[2] // 200, call[0] * call[3] // 200)
)


@pytest.mark.parametrize(
    ("model", "provider"),
    [("gpt-4o", "openai"), ("claude-sonnet-4-5", "anthropic"), ("gemini-2.5-pro", ""), ("deepseek-chat", "deepseek")],
)
@given(st.lists(calls, min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_a_call_costs_what_the_price_package_says(
    model: str, provider: str, some: list[tuple[int, int, int, int]]
) -> None:
    found = prices.cost(model, provider, usage(some, WHEN))
    expected = [of_the_package(model, provider or None, call, WHEN) for call in some]
    assert np.allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_a_long_input_has_its_own_rate_from_the_token_where_the_provider_begins_it() -> None:
    edge = [(200_000, 0, 0, 0), (200_001, 0, 0, 0)]
    found = prices.cost("gemini-2.5-pro", "", usage(edge, WHEN))
    assert np.allclose(found, [of_the_package("gemini-2.5-pro", None, call, WHEN) for call in edge])
    assert found[1] > 1.5 * found[0]


def test_calls_before_and_after_a_change_of_price_are_charged_by_their_day() -> None:
    changed = [
        (provider.id, model, price.constraint.start_date)
        for provider in data_snapshot.get_snapshot().providers
        for model in provider.models
        for price in (model.prices if isinstance(model.prices, list) else [])
        if getattr(price.constraint, "start_date", None) is not None
        and provider.id in ("openai", "google", "anthropic")
    ]
    provider, model, day = changed[0]
    call = (100_000, 1_000, 0, 0)
    before = datetime(day.year - 1, day.month, day.day, tzinfo=UTC)
    after = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    both = prices.Usage(
        *(
            np.concatenate(pair)
            for pair in zip(vars(usage([call], before)).values(), vars(usage([call], after)).values(), strict=True)
        )
    )
    expected = [of_the_package(model.id, provider, call, when) for when in (before, after)]
    assert np.allclose(prices.cost(model.id, provider, both), expected)


def test_an_unknown_model_has_no_price() -> None:
    assert not prices.known("house-model-7b")
    assert math.isnan(prices.cost("house-model-7b", "", usage([(10, 10, 0, 0)], WHEN))[0])


def test_a_model_of_a_provider_without_a_price_for_it_is_not_charged_at_another_ones() -> None:
    assert prices.known("gpt-4o", "openai")
    assert not prices.known("gpt-4o", "ollama")
    assert not prices.known("gpt-4o", "anthropic")


@pytest.mark.parametrize("provider", ["openai", "azure.ai.openai", ""])
def test_providers_are_known_by_the_names_of_the_conventions(provider: str) -> None:
    assert prices.known("gpt-4o", provider)


def test_a_time_no_calendar_holds_has_the_price_of_the_nearest_one() -> None:
    far = prices.Usage(
        np.array([2**62], np.int64), *(np.array([100], np.int64) for _ in range(2)), *([np.zeros(1, np.int64)] * 2)
    )
    assert prices.cost("gpt-4o", "openai", far)[0] > 0


def test_it_says_where_the_prices_are_from() -> None:
    assert str(prices.source()).startswith("genai-prices 0.")
    newest = prices.source().newest
    assert newest is not None and newest <= datetime.now(UTC).date()
