"""`flowscope collect --metrics ADDR`: the figures of the collector's health as Prometheus text, over HTTP."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from flowscope_app.base.figures import FIGURES
from flowscope_app.collector.errors import ListenError
from flowscope_app.collector.sockets import holder

LOOPBACK = "127.0.0.1"


class _Snapshot(Collector):
    """What a scrape reads: the figures as they were last measured, so that the collector's loop is never waited for."""

    def __init__(self, figures: Callable[[], dict[str, Any]]) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        found = self._figures()
        for figure in FIGURES:
            value = found.get(figure.name)
            if value is None:
                continue
            family = CounterMetricFamily if figure.sort == "counter" else GaugeMetricFamily
            yield family(figure.metric, figure.help, value=figure.base(value))


def metrics_address(text: str) -> tuple[str, int]:
    """Host and port of "PORT", "HOST:PORT" or "[IPV6]:PORT"; the host is loopback if none is named."""
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 <= int(port) <= 65_535:
        raise ListenError(f"{text} is no address for metrics", "give --metrics PORT or HOST:PORT")
    return host.removeprefix("[").removesuffix("]") or LOOPBACK, int(port)


@contextmanager
def serving(addr: str, figures: Callable[[], dict[str, Any]]) -> Iterator[str]:
    """Serve `figures()` at http://ADDR/metrics in threads of their own while this lasts; yields the URL."""
    host, port = metrics_address(addr)
    registry = CollectorRegistry()
    registry.register(_Snapshot(figures))
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise _explained(host, port, error) from None
    try:
        yield f"http://{_shown(host)}:{_port(server)}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _port(server: WSGIServer) -> int:
    return int(server.server_address[1])


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _explained(host: str, port: int, error: OSError) -> ListenError:
    place = f"{_shown(host)}:{port} for metrics"
    hint = "choose another with --metrics"
    if error.errno == errno.EADDRINUSE:
        return ListenError(f"{place} is in use by {holder(port)}", f"stop it, or {hint}")
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    return ListenError(f"{place} can't be listened on: {reason}", hint)
