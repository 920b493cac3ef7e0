"""Integrations, made active and taken back, and what came of each; which there are stands in `_registry`.

Imported at the start of every attached program, so it imports no more than it must.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple

from flowscope import _guard, _hooks
from flowscope.instrumentation._registry import REGISTRY, Integration

__all__ = ["REGISTRY", "Integration", "Status", "activate", "deactivate", "status"]


class Status(NamedTuple):
    """What is so of one integration in this process."""

    name: str
    package: str
    supported: str
    installed: str | None
    """The installed version, None if there is none."""
    active: bool
    """Asked for: it is patched as soon as the framework is imported."""
    loaded: bool
    patched: bool
    why: str
    """Why it is not patched, or what to know although it is; empty if there is nothing to say."""


_hooked: dict[str, list[_hooks.Hook]] = {}
_patched: set[str] = set()
_failed: dict[str, str] = {}


def activate(names: Iterable[str] | str) -> list[str]:
    """Instrument `names` (integrations or aliases, or "all" or "none"), now or when they are imported; tells which.

    An unknown name is warned of once and does no harm. What is active already stays as it is.
    """
    chosen = _resolve([names] if isinstance(names, str) else list(names))
    for integration in chosen:
        if integration.name not in _hooked:
            # Filled before the hooks are registered: a framework that is loaded already calls back at once.
            hooks = _hooked[integration.name] = []
            for target in integration.targets:
                hooks.append(_hooks.register(target, partial(_install, integration)))
    return [integration.name for integration in chosen]


def deactivate(names: Iterable[str] | str = "all") -> None:
    """Take activate() back: hooks and patches go, and the framework is as it was."""
    for integration in _resolve([names] if isinstance(names, str) else list(names)):
        for hook in _hooked.pop(integration.name, []):
            hook.uninstall()
        if integration.name in _patched:
            _patched.discard(integration.name)
            _entry(integration)[0].uninstall()


def status() -> list[Status]:
    """Every integration of the registry, as it is in this process."""
    return [_status(integration) for integration in REGISTRY.values()]


def _status(integration: Integration) -> Status:
    name, version = integration.name, _version(integration.package)
    loaded = any(target in sys.modules for target in integration.targets)
    return Status(
        name=name,
        package=integration.package,
        supported=integration.supported,
        installed=version,
        active=name in _hooked,
        loaded=loaded,
        patched=name in _patched,
        why=_why(integration, version, loaded),
    )


def _why(integration: Integration, version: str | None, loaded: bool) -> str:
    if integration.name in _failed:
        return _failed[integration.name]
    if version is None:
        return f"{integration.package} is not installed"
    if _older(version, integration.since):
        return f"{integration.package} {version} is older than {integration.since}, the oldest supported"
    if integration.name not in _hooked:
        return "not asked for"
    if not _older(version, integration.before):
        return f"{integration.package} {version} is newer than any tested ({integration.supported})"
    return "" if loaded else "not imported yet"


def _resolve(names: list[str]) -> list[Integration]:
    by_name = {alias: each for each in REGISTRY.values() for alias in (each.name, *each.aliases)}
    chosen: dict[str, Integration] = {}
    for name in names:
        key = name.strip().lower().replace("-", "_").replace(".", "_")
        if key == "all":
            chosen |= REGISTRY
        elif key in by_name:
            chosen[by_name[key].name] = by_name[key]
        elif key not in ("", "none"):
            from difflib import get_close_matches

            near = get_close_matches(key, by_name, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(REGISTRY)}, all and none"
            _guard.warn_once(f"no integration is called {name.strip()!r}; {hint}")
    return list(chosen.values())


def _install(integration: Integration, module: Any) -> None:
    version = _version(integration.package)
    if version is not None and _older(version, integration.since):
        _guard.log(f"{integration.package} {version} is left alone: {integration.since} is the oldest supported")
        return
    try:
        _entry(integration)[1](module)
    except Exception as error:
        _failed[integration.name] = f"{type(error).__name__}: {error}"
        _guard.failed(f"instrumenting {integration.name}", error)
    else:
        _failed.pop(integration.name, None)
        _patched.add(integration.name)


def _entry(integration: Integration) -> tuple[Any, Any]:
    module, _, function = integration.entry.partition(":")
    provider = importlib.import_module(module)
    return provider, getattr(provider, function)


def _version(package: str) -> str | None:
    # Imported here: at the start of every attached program it would cost more than all the rest of this module.
    from importlib.metadata import version

    try:
        return version(package)
    except Exception:  # not installed, or its metadata is broken
        return None


def _older(version: str, than: str) -> bool:
    return _release(version) < _release(than)


def _release(version: str) -> tuple[int, ...]:
    # The release numbers are enough: no range of the registry ends in a pre-release.
    numbers = []
    for part in version.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)
