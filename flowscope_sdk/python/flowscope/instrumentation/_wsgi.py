"""WSGI applications: one span a request; a streamed body is watched while the server reads it, never read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowscope import _context
from flowscope._guard import failed
from flowscope.instrumentation import _http_server
from flowscope.instrumentation._http_server import Served
from flowscope.instrumentation._patches import Method

_SEEN = "flowscope"


def wrap(original: Method, framework: str) -> Method:
    """`original` is an application's `__call__(self, environ, start_response)`."""

    def call(self: Any, environ: Any, start_response: Any) -> Any:
        if _SEEN in environ:
            return original(self, environ, start_response)
        served = _begin(framework, environ)

        def starting(status: str, *args: Any, **kwargs: Any) -> Any:
            served.answered(_number(status))
            return start_response(status, *args, **kwargs)

        with served:
            body = original(self, environ, starting)
            return _watched(body, served, environ)

    return call


def _begin(framework: str, environ: Any) -> Served:
    try:
        environ[_SEEN] = True
        headers = {
            name: environ[key]
            for name, key in (
                ("traceparent", "HTTP_TRACEPARENT"),
                ("tracestate", "HTTP_TRACESTATE"),
                ("baggage", "HTTP_BAGGAGE"),
            )
            if key in environ
        }
        path = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
        path = path.encode("latin-1", "replace").decode("utf-8", "replace")
        return _http_server.begin(
            framework, str(environ.get("REQUEST_METHOD", "")), path, str(environ.get("QUERY_STRING", "")), headers
        )
    except Exception as error:
        failed("a request", error)
        return Served()


def _watched(body: Any, served: Served, environ: Any) -> Any:
    """What the server gets: the body itself where it is all there, or is a file that the server sends by itself."""
    wrapper = environ.get("wsgi.file_wrapper")
    is_file = isinstance(wrapper, type) and isinstance(body, wrapper)
    if is_file or hasattr(body, "__len__") or getattr(body, "streaming", None) is False:
        return body
    served.open = True
    return _Body(body, served)


def _number(status: str) -> int:
    digits = str(status)[:3]
    return int(digits) if digits.isdigit() else 0


class _Body:
    """A streamed body. Its span is current while the next piece is made, and ends with the last one."""

    def __init__(self, body: Any, served: Served) -> None:
        self._body = body
        self._pieces: Iterator[Any] | None = None
        self._served = served

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        token = _context.attach(self._served.span) if self._served.span.is_recording else None
        try:
            if self._pieces is None:
                self._pieces = iter(self._body)
            return next(self._pieces)
        except StopIteration:
            self._served.open = False
            raise
        except BaseException as error:
            self._served.failed(error)
            raise
        finally:
            if token is not None:
                _context.detach(token)

    def close(self) -> None:
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            self._served.end(left=self._served.open)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)

    def __del__(self) -> None:
        self._served.end(left=self._served.open)
