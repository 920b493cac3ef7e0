"""What calls cost, by the price data of the package genai-prices; a model it does not know has no price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from flowscope_app.analysis.snapshot import Int

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, Provider

Float = NDArray[np.float64]

_PROBE = 1_000  # tokens
# Well-known values of `gen_ai.provider.name` that the price data calls otherwise; it knows the rest by itself.
_PROVIDERS = {"x_ai": "x-ai", "gcp.gen_ai": "google", "azure.ai.inference": "azure", "azure.ai.openai": "azure"}
_MINUTE_NS = 60 * 10**9


@dataclass(frozen=True)
class Usage:
    """Tokens of calls, one item a call. Tokens in include those read from and written to a cache."""

    start: Int  # ns: prices change with time
    tokens_in: Int
    tokens_out: Int
    cache_read: Int
    cache_write: Int

    def take(self, rows: NDArray[np.intp]) -> Usage:
        """Some of the calls."""
        return Usage(
            self.start[rows], self.tokens_in[rows], self.tokens_out[rows], self.cache_read[rows], self.cache_write[rows]
        )


@dataclass(frozen=True)
class Source:
    """Where the prices are from: the package's name and version, and the day of the newest price it knows."""

    package: str
    newest: date | None

    def __str__(self) -> str:
        return self.package if self.newest is None else f"{self.package}, newest price of {self.newest:%Y-%m-%d}"


def cost(model: str, provider: str, usage: Usage) -> Float:
    """US dollars of each call to a model; NaN where the price is not known: it is never a guess.

    `provider` is `gen_ai.provider.name`, "" if the calls don't say; another one's price is not taken for it. The
    price is the one in force when a call began, with the provider's rates for long inputs and for cached tokens.
    """
    found = _find(model, provider)
    dollars = np.full(len(usage.start), np.nan)
    if found is None or not len(dollars):
        return dollars
    for when, rows in _price_periods(found[1], usage.start):
        for bracket, chosen in _brackets(found[1], when, usage.tokens_in[rows]):
            calls = rows[chosen]
            rates = _rates(model, provider, when, bracket)
            if rates is not None:
                dollars[calls] = _charge(usage.take(calls), rates)
    return dollars


def known(model: str, provider: str = "") -> bool:
    """Whether there is a price for a model."""
    return _find(model, provider) is not None


def ready() -> bool:
    """Whether the price data is loaded; the first question about a price loads it, which takes half a second."""
    return source.cache_info().currsize > 0


@cache
def source() -> Source:
    """Where the prices are from."""
    from genai_prices import data_snapshot

    today, dates = datetime.now(UTC).date(), []
    for provider in data_snapshot.get_snapshot().providers:
        for model in provider.models:
            for price in model.prices if isinstance(model.prices, list) else ():
                started = getattr(price.constraint, "start_date", None)
                if started is not None and started <= today:
                    dates.append(started)
    return Source(f"genai-prices {version('genai-prices')}", max(dates, default=None))


@lru_cache(4096)
def _find(model: str, provider: str) -> tuple[Provider, ModelInfo] | None:
    from genai_prices import data_snapshot

    try:
        return data_snapshot.get_snapshot().find_provider_model(
            model, None, _PROVIDERS.get(provider, provider) or None, None
        )
    except LookupError:
        return None


def _price_periods(model: ModelInfo, start: Int) -> Iterator[tuple[datetime, NDArray[np.intp]]]:
    """The calls under the same prices, with a moment at which those are in force."""
    everything = np.arange(len(start))
    if not isinstance(model.prices, list) or len(model.prices) < 2:
        yield _moment(int(start[0])), everything
        return
    minutes, inverse = np.unique(start // _MINUTE_NS, return_inverse=True)
    moments = [_moment(int(minute) * _MINUTE_NS) for minute in minutes]
    prices = [id(model.get_prices(moment)) for moment in moments]
    for price in dict.fromkeys(prices):
        same = np.array([other == price for other in prices])
        yield moments[prices.index(price)], everything[same[inverse]]


def _moment(ns: int) -> datetime:
    """A time as the price package takes it; one beyond its calendar is the nearest that it knows."""
    try:
        return datetime.fromtimestamp(ns / 1e9, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.min.replace(tzinfo=UTC) if ns < 0 else datetime.max.replace(tzinfo=UTC)


def _brackets(model: ModelInfo, when: datetime, tokens_in: Int) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Calls by the rate that the length of their input gets, each with a length that gets the same."""
    steps = sorted({step.start for price in vars(model.get_prices(when)).values() for step in _tiers(price)})
    place = np.searchsorted(np.array(steps, np.int64), tokens_in, "left")  # a tier begins behind its number
    for index in np.unique(place):
        yield (steps[index - 1] + 1 if index else 0), place == index


def _tiers(price: Any) -> list[Any]:
    return getattr(price, "tiers", None) or []


@lru_cache(4096)
def _rates(model: str, provider: str, when: datetime, bracket: int) -> tuple[float, float, float, float] | None:
    """Dollars a token: in (not cached), out, read from the cache, written to it; for inputs as long as `bracket`."""
    found = _find(model, provider)
    if found is None:
        return None
    owner, info = found
    whole = bracket + _PROBE

    def price(out: int = 0, read: int = 0, written: int = 0) -> float:
        from genai_prices import Usage as Tokens

        tokens = Tokens(input_tokens=whole, output_tokens=out, cache_read_tokens=read, cache_write_tokens=written)
        return float(info.calc_price(tokens, owner, genai_request_timestamp=when).total_price)

    try:
        plain = price()
        rate = plain / whole
        extra = [(price(**{what: _PROBE}) - plain) / _PROBE for what in ("out", "read", "written")]
    except (LookupError, ValueError, ArithmeticError):
        return None
    return rate, extra[0], rate + extra[1], rate + extra[2]


def _charge(usage: Usage, rates: tuple[float, float, float, float]) -> Float:
    cached = np.minimum(usage.cache_read, usage.tokens_in)
    written = np.minimum(usage.cache_write, usage.tokens_in - cached)
    fresh = usage.tokens_in - cached - written
    return fresh * rates[0] + usage.tokens_out * rates[1] + cached * rates[2] + written * rates[3]
