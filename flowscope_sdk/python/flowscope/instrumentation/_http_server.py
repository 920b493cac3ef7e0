"""Requests that come in are spans of kind http, children of the caller's span where the request names one."""

from __future__ import annotations

from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl

from flowscope import _context, _propagate, _runtime
from flowscope._guard import failed, guarded
from flowscope._span import NOOP, Span

LEFT = "flowscope.stream.abandoned"


_current: ContextVar[Served | None] = ContextVar("flowscope_request", default=None)
current = _current.get
"""The request that is being answered in this context, for what a framework tells of it elsewhere."""


def begin(framework: str, method: str, path: str, query: str, headers: Any) -> Served:
    """The span of a request; `headers` a mapping or pairs. Neither headers nor bodies are recorded."""
    served = Served()
    try:
        caller = _propagate.extract(headers)
        given: dict[str, Any] = {"method": method, "path": path}
        if query:
            given["query"] = _fields(query)
        served.caller = caller if caller._id else None
        served.span = _runtime.start_span(
            f"{method} {path}",
            kind="http",
            framework=framework,
            **({"parent": served.caller} if served.caller is not None else {}),
            input=given,
            metadata={"http.request.method": method, "url.path": path},
        )
    except Exception as error:
        failed("a request", error)
    return served


def _fields(query: str) -> dict[str, str] | str:
    """The query by its fields; as it came where it has too many."""
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=100))
    except ValueError:
        return query


class Served:
    """A request being answered: its span is current in the block, and ends with the answer's last piece."""

    def __init__(self) -> None:
        self.span: Span = NOOP
        self.caller: Any = None
        self.status = 0
        self.error: BaseException | None = None
        """What the framework made a 5xx answer of."""
        self.open = False
        """The answer's body is not out yet, so the block's end is not the span's."""
        self._entered: list[_context.Token] = []
        self._reset: Token[Served | None] | None = None

    def __enter__(self) -> Served:
        if self.span is not NOOP:
            if self.caller is not None:
                self._entered.append(_context.attach(self.caller))
            self._entered.append(_context.attach(self.span))
            self._reset = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._entered:
            _context.detach(self._entered.pop())
        if self._reset is not None:
            _context.put_back(_current, self._reset)
            self._reset = None
        if error is not None:
            self.failed(error)
        elif not self.open:
            self.end()

    @guarded
    def answered(self, status: int) -> None:
        """The answer's status is known."""
        if status and not self.status:
            self.status = status
            self.span.set("http.response.status_code", status)

    @guarded
    def route(self, route: object) -> None:
        """The pattern that the path matched, which is what calls of one kind have in common."""
        if isinstance(route, str) and route and self.span.is_recording and self.span.end_ns is None:
            route = route if route.startswith("/") else f"/{route}"
            self.span.set("http.route", route)
            self.span.operation = f"{self.span.operation.partition(' ')[0]} {route}"[:1024]

    @guarded
    def failed(self, error: BaseException) -> None:
        """The program raised while it answered."""
        if isinstance(error, GeneratorExit) or type(error).__name__ == "ClientDisconnect":
            self.end(left=True)
        elif self.span.end_ns is None:
            self.span.set("error.type", type(error).__name__)
            self._end(error)

    @guarded
    def end(self, *, left: bool = False) -> None:
        """The answer is out; or the caller has `left` before all of it was."""
        if self.span.end_ns is None:
            if left:
                self.span.set(LEFT, True)
            self._end(self.error if self.status >= 500 else None)

    def _end(self, error: BaseException | None) -> None:
        if not self.span.is_recording:
            return
        if error is None and self.status >= 500:
            self.span.status, self.span.error = "error", f"HTTP {self.status}"
            self.span.set("error.type", str(self.status))
        self.span.end({"status": self.status} if self.status else ..., error=error)
        self.error = None
