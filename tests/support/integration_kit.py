"""The tests that every integration of a model client must pass; see docs/integrations/adding.md.

A test module derives a class from `ModelClientTests`, says how its client asks, and has all of them. `attach` and
`models` are fixtures of tests/sdk/instrumentation/conftest.py.
"""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from model_server import TEXT, WORDS, ModelServer
from patience import OUTLASTS, PATIENCE

import flowscope
from flowscope import _runtime, _span, instrumentation

FIRST = WORDS[0]


def traced_environment(**variables: str) -> dict[str, str]:
    """This process's environment for a program attached by FLOWSCOPE_ADDR, wherever the SDK is imported from."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FLOWSCOPE_")}
    attach = Path(flowscope.__file__).parent / "_attach"
    path = os.pathsep.join(filter(None, (str(attach), environment.get("PYTHONPATH"))))
    return {**environment, "PYTHONPATH": path, "FLOWSCOPE_FLUSH_TIMEOUT": str(OUTLASTS), **variables}


class ModelClientTests:
    """What is the same for every client of a model provider."""

    name: str
    """In the registry."""
    operation: str
    """Of the span of `ask()`."""
    provider: str
    owners: Callable[[], list[Any]]
    """The classes and modules that the integration patches."""
    usage: ClassVar[dict[str, int]] = {
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 64,
    }
    asks_when_read = False
    """A stream's request is sent only when the stream is first read, by the client's own design."""
    broken: tuple[type[BaseException], ...] = (Exception,)
    """What reading a stream that breaks off raises."""

    # How the client is used. A stream is returned as the client returns it.

    def ask(self, url: str) -> str:
        raise NotImplementedError

    def stream(self, url: str) -> Any:
        raise NotImplementedError

    async def aask(self, url: str) -> str:
        raise NotImplementedError

    async def astream(self, url: str) -> Any:
        raise NotImplementedError

    def text(self, piece: Any) -> str:
        """The text in one piece of a stream."""
        raise NotImplementedError

    def close(self, stream: Any) -> None:
        stream.close()

    async def aclose(self, stream: Any) -> None:
        await stream.close()

    def error_of(self, url: str) -> BaseException:
        """What asking raises."""
        with pytest.raises(Exception) as caught:
            self.ask(url)
        return caught.value

    def first(self, stream: Iterator[Any]) -> str:
        return next(text for text in map(self.text, stream) if text)

    async def afirst(self, stream: AsyncIterator[Any]) -> str:
        async for piece in stream:
            if self.text(piece):
                return self.text(piece)
        raise AssertionError("no text")

    @pytest.fixture
    def traced(self, attach: Any) -> Any:
        """This process traced, this integration alone active."""
        return attach(self.name)

    # What a call says

    def check(self, span: Any) -> None:
        assert span.status == "success", span.record
        assert (span.kind, span.framework) == ("llm", self.name)
        assert span.operation == self.operation
        about = span.metadata
        assert about["gen_ai.provider.name"] == self.provider
        assert about["gen_ai.request.model"] in span.operation
        assert about["gen_ai.response.model"]
        assert about["gen_ai.response.finish_reasons"]
        assert {key: about.get(key) for key in self.usage} == self.usage
        assert "What is the weather?" in str(span.input)
        assert TEXT in str(span.output)
        assert "flowscope.stream.abandoned" not in about

    def test_a_call(self, traced: Any, models: ModelServer) -> None:
        assert self.ask(models.url) == TEXT
        (span,) = traced.trace().roots
        self.check(span)
        assert not span.children

    async def test_an_asynchronous_call(self, traced: Any, models: ModelServer) -> None:
        assert await self.aask(models.url) == TEXT
        (span,) = traced.trace().roots
        self.check(span)

    def test_a_stream(self, traced: Any, models: ModelServer) -> None:
        assert "".join(map(self.text, self.stream(models.url))) == TEXT
        (span,) = traced.trace().roots
        self.check(span)
        assert span.metadata["flowscope.stream"] is True
        assert 0 < span.metadata["gen_ai.response.time_to_first_chunk"] < 60

    async def test_an_asynchronous_stream(self, traced: Any, models: ModelServer) -> None:
        stream = await self.astream(models.url)
        assert "".join([self.text(piece) async for piece in stream]) == TEXT
        (span,) = traced.trace().roots
        self.check(span)
        assert span.metadata["flowscope.stream"] is True

    def test_a_stream_is_seen_while_it_grows(self, traced: Any, models: ModelServer) -> None:
        with models.held() as go:
            stream = self.stream(models.url)
            pieces = iter(stream)
            assert self.first(pieces) == FIRST
            growing = traced.receive_until(
                lambda trace: any(s.status == "pending" and FIRST in str(s.output) for s in trace.spans.values())
            )
            assert growing.roots[0].output == FIRST
            go.set()
            rest = "".join(map(self.text, pieces))
        assert FIRST + rest == TEXT
        self.check(traced.trace().roots[0])

    # What the program notices: nothing

    def test_a_stream_is_what_it_was(self, attach: Any, models: ModelServer) -> None:
        instrumentation.deactivate()
        before = self.stream(models.url)
        list(before)
        attach(self.name)
        after = self.stream(models.url)
        list(after)
        assert type(before) is type(after)
        assert set(dir(before)) == set(dir(after))

    def test_an_error_is_the_same_and_seen(self, attach: Any, models: ModelServer) -> None:
        instrumentation.deactivate()
        models.failures = [(401, {})]
        before = self.error_of(models.url)
        traced = attach(self.name)
        models.failures = [(401, {})]
        after = self.error_of(models.url)
        assert (type(before), str(before)) == (type(after), str(after))
        (span,) = traced.trace().roots
        assert span.status == "error"
        assert type(after).__name__ in span.error
        assert span.metadata["error.type"] in ("401", type(after).__name__)

    def test_uninstalled_it_is_as_before(self, attach: Any, models: ModelServer) -> None:
        instrumentation.deactivate()
        before = [dict(vars(owner)) for owner in self.owners()]
        attach(self.name)
        assert [dict(vars(owner)) for owner in self.owners()] != before
        instrumentation.deactivate(self.name)
        assert [dict(vars(owner)) for owner in self.owners()] == before
        assert self.ask(models.url) == TEXT

    def test_installed_twice_it_tells_once(self, traced: Any, models: ModelServer) -> None:
        instrumentation.activate(self.name)
        instrumentation.activate("all")
        self.ask(models.url)
        assert [span.framework for span in traced.trace().spans.values()].count(self.name) == 1

    def test_suppressed_it_is_silent(self, traced: Any, models: ModelServer) -> None:
        with flowscope.suppressed():
            assert self.ask(models.url) == TEXT
            assert "".join(map(self.text, self.stream(models.url))) == TEXT
        assert not traced.trace().spans

    @pytest.mark.parametrize("where", ["start", "later"])
    def test_what_breaks_in_us_stays_in_us(
        self, where: str, attach: Any, models: ModelServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        attach(self.name, errors_fail=False)
        monkeypatch.setenv("FLOWSCOPE_RAISE", "0")

        def broken(*args: Any, **kwargs: Any) -> None:
            raise RuntimeError("a fault of our own")

        if where == "start":
            monkeypatch.setattr(_runtime, "start_span", broken)
        else:
            for method in ("set", "set_metadata", "stream", "first_token", "end"):
                monkeypatch.setattr(_span.Span, method, broken)
        assert self.ask(models.url) == TEXT
        assert "".join(map(self.text, self.stream(models.url))) == TEXT
        models.failures = [(401, {})]
        assert "a fault of our own" not in str(self.error_of(models.url))

    def test_a_version_outside_the_range_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for version, said in (("0.0.1", "older"), ("99.1", "newer than any tested")):
            monkeypatch.setattr(instrumentation, "_version", lambda package, version=version: version)
            instrumentation.activate(self.name)
            (row,) = [row for row in instrumentation.status() if row.name == self.name]
            assert said in row.why

    # Streams that are not read to their end

    def test_a_stream_left_midway_ends(self, traced: Any, models: ModelServer) -> None:
        with models.held():
            stream = self.stream(models.url)
            assert self.first(iter(stream)) == FIRST
            self.close(stream)
            self.check_left(traced.trace())

    async def test_an_asynchronous_stream_left_midway_ends(self, traced: Any, models: ModelServer) -> None:
        with models.held():
            stream = await self.astream(models.url)
            assert await self.afirst(aiter(stream)) == FIRST
            await self.aclose(stream)
            self.check_left(traced.trace())

    def test_a_forgotten_stream_ends(self, traced: Any, models: ModelServer) -> None:
        stream = self.stream(models.url)
        assert self.first(iter(stream)) == FIRST
        del stream
        self.check_left(self.after_forgetting(traced))

    def after_forgetting(self, traced: Any) -> Any:
        """What is known once whoever else held the stream (a client's own threads, cycles) has let go of it."""
        deadline = time.monotonic() + PATIENCE
        gc.collect()
        while (trace := traced.trace()).pending() and time.monotonic() < deadline:
            gc.collect()
        return trace

    def check_left(self, trace: Any) -> None:
        (span,) = trace.roots
        assert not trace.pending()
        assert (span.status, span.output) == ("success", FIRST)
        assert span.metadata["flowscope.stream.abandoned"] is True

    def test_a_stream_that_breaks_off_failed(self, traced: Any, models: ModelServer) -> None:
        models.breaks = True
        with pytest.raises(self.broken):
            list(self.stream(models.url))
        (span,) = traced.trace().roots
        assert (span.status, span.output) == ("error", FIRST)
        assert span.error

    # Where it stands

    def test_it_stands_inside_the_span_around_it(self, traced: Any, models: ModelServer) -> None:
        with flowscope.trace("mine"):
            stream = self.stream(models.url)
            with flowscope.trace("reading"):
                assert "".join(map(self.text, stream)) == TEXT
        (mine,) = traced.trace().roots
        if self.asks_when_read:
            assert mine.shape() == {"mine": [{"reading": [self.operation]}]}
        else:
            assert sorted(child.shape() for child in mine.children) == sorted([self.operation, "reading"])

    async def test_calls_at_once_keep_apart(self, traced: Any, models: ModelServer) -> None:
        async def one(number: int) -> None:
            with flowscope.trace(f"task {number}"):
                assert await self.aask(models.url) == TEXT

        await asyncio.gather(*(one(number) for number in range(4)))
        assert sorted(map(str, traced.trace().shapes())) == [
            str({f"task {number}": [self.operation]}) for number in range(4)
        ]

    def program(self, url: str) -> str:
        """Source text that asks once."""
        raise NotImplementedError

    def test_attached_before_the_import(self, sink: Any, models: ModelServer, tmp_path: Path) -> None:
        path = tmp_path / "app.py"
        path.write_text(self.program(models.url))
        environment = traced_environment(FLOWSCOPE_ADDR=sink.addr, FLOWSCOPE_AUTO=self.name)
        done = subprocess.run(
            [sys.executable, str(path)], env=environment, capture_output=True, text=True, timeout=PATIENCE
        )
        assert (done.stdout.strip(), done.returncode) == (TEXT, 0), done.stderr
        trace = sink.receive_until(lambda trace: any(s.status != "pending" for s in trace.roots))
        self.check(trace.roots[0])
