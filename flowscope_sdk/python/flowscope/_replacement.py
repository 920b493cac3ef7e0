"""Modules that stand in a framework's place in a program's imports: its own classes, and the framework traced."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def replace(
    module: str, integration: str, framework: str, package: str, distribution: str, where: Mapping[tuple[str, ...], str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Instrument `integration`; `__getattr__` and `__dir__` of the module that stands in its place.

    `where` has the names that are handed out by the modules to look in, the newest layout first. They are imported when
    they are asked for, and are what the framework has: the same classes to isinstance, pickle and a type checker.
    Raises ImportError where `package`, which `distribution` installs, is missing.
    """
    if find_spec(package) is None:
        raise ImportError(
            f"{module} needs {framework}, which is not installed: pip install {distribution}", name=package
        )
    from flowscope import instrumentation

    instrumentation.activate(integration)
    places = {name: modules for modules, names in where.items() for name in names.split()}

    def get(name: str) -> Any:
        modules = places.get(name)
        if modules is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        value = _find(module, name, modules)
        setattr(sys.modules[module], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[module]), *places})

    return get, names


def _find(module: str, name: str, modules: tuple[str, ...]) -> Any:
    missing = ""
    for place in modules:
        try:
            found = import_module(place)
        except ModuleNotFoundError as error:
            if not error.name or not f"{place}.".startswith(f"{error.name}."):
                raise  # the framework is there, and something that it needs is not
            missing = missing or place
            continue
        try:
            return getattr(found, name)
        except AttributeError:
            continue
    if missing:
        distribution = missing.partition(".")[0].replace("_", "-")
        raise ImportError(f"{module}.{name} is in {missing}, which is not installed: pip install {distribution}")
    raise ImportError(f"{module}.{name}: the installed version of {modules[0]} has no {name}")
