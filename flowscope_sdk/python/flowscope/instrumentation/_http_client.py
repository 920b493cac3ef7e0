"""Requests that leave the program tell the other side which span they belong to.

They make no spans themselves, and outside of any span nothing is sent. Nor is anything sent to the public hosts of
model providers: who calls them is none of their business, and they would not join in. The session's id, which may name
a user, and what a caller has put into its baggage go to near hosts only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from flowscope import _propagate
from flowscope._guard import failed
from flowscope.instrumentation import _genai

NAMES = frozenset(("traceparent", "tracestate", "baggage"))
_NEAR_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".svc")
# This machine, private networks, links, and what carriers and overlay networks share (100.64.0.0/10).
_NEAR_NETWORKS = tuple(
    ip_network(each)
    for each in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
)


def to_send(host: object, present: Iterable[object]) -> dict[str, str]:
    """The headers to add to a request for `host` that has the headers `present`; never one that it has already."""
    try:
        mine = _propagate.outgoing()
        if not mine or _genai.provider_at(host, ""):
            return {}
        there = {_name(name) for name in present} & NAMES
        if "traceparent" in there:
            return {}
        if not is_near(str(host or "")):
            there.add("baggage")
        return {name: value for name, value in mine.items() if name not in there}
    except Exception as error:
        failed("propagating", error)
        return {}


@lru_cache(1024)
def is_near(host: str) -> bool:
    """Whether a host is this machine, one in its private networks, or has a name that only they give."""
    name = host.lower().strip("[]").rstrip(".")
    try:
        found = ip_address(name)
    except ValueError:
        return name != "" and ("." not in name or name.endswith(_NEAR_NAMES))
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found in network for network in _NEAR_NETWORKS)


def pairs(headers: Any) -> list[tuple[Any, Any]]:
    """Headers in any of the forms that clients take, as pairs."""
    if headers is None:
        return []
    return list(headers.items()) if isinstance(headers, Mapping) or hasattr(headers, "items") else list(headers)


def _name(name: object) -> str:
    return name.decode("latin-1").lower() if isinstance(name, bytes) else str(name).lower()


def add(request: Any) -> list[str]:
    """Add what to_send() says to an httpx request; the names that remove() takes off again."""
    try:
        headers = request.headers
        mine = to_send(request.url.host, headers.keys())
        for name, value in mine.items():
            headers[name] = value
        return list(mine)
    except Exception as error:
        failed("propagating", error)
        return []


def remove(request: Any, names: list[str]) -> None:
    """Leave a request, which is the program's and may be sent again, as it was."""
    try:
        for name in names:
            del request.headers[name]
    except Exception as error:
        failed("propagating", error)


def patch_httpx(patches: Any, module: Any) -> None:
    """Patch `send` of both clients in httpx's `_client`, or in that of its kin."""
    patches.replace(module.Client, "send", _send)
    patches.replace(module.AsyncClient, "send", _asend)


def _send(original: Any) -> Any:
    def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        names = add(request)
        try:
            return original(self, request, *args, **kwargs)
        finally:
            if names:
                remove(request, names)

    return send


def _asend(original: Any) -> Any:
    async def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        names = add(request)
        try:
            return await original(self, request, *args, **kwargs)
        finally:
            if names:
                remove(request, names)

    return send
