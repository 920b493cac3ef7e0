"""Import hooks: a callback runs right after a module is imported, and its errors never break the import."""

from __future__ import annotations

import sys
from _thread import get_ident

from flowscope._guard import failed

TYPE_CHECKING = False  # typing's own would be the dearest import at the start of an attached program
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

_hooks: dict[str, list[Hook]] = {}


class Hook:
    """What register() returns."""

    def __init__(self, name: str, callback: Callable[[Any], object]) -> None:
        self.name = name
        self.callback = callback

    def uninstall(self) -> None:
        """Forget the callback; once more does no harm."""
        hooks = _hooks.get(self.name, [])
        if self in hooks:
            hooks.remove(self)
        if not hooks:
            _hooks.pop(self.name, None)
        if not _hooks and _finder in sys.meta_path:
            sys.meta_path.remove(_finder)


def register(name: str, callback: Callable[[Any], object]) -> Hook:
    """Call `callback(module)` now if the module `name` is imported, and after each import of it from now on."""
    hook = Hook(name, callback)
    _hooks.setdefault(name, []).append(hook)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    module = sys.modules.get(name)
    if module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False):
        _call(hook, module)
    return hook


def _call(hook: Hook, module: ModuleType) -> None:
    try:
        hook.callback(module)
    except Exception as error:
        failed(f"hook of {hook.name}", error)


class _Finder:
    """Finds what the finders after it find, and has the loader call back once it has run the module."""

    def __init__(self) -> None:
        # What each thread is looking for, so that asking the other finders does not come back here.
        self._searching: set[tuple[int, str]] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        search = get_ident(), name
        if name not in _hooks or search in self._searching:
            return None
        self._searching.add(search)
        try:
            for finder in sys.meta_path:
                find = getattr(finder, "find_spec", None)
                if finder is not self and find is not None:
                    spec: ModuleSpec | None = find(name, path, target)
                    if spec is not None:
                        _follow(spec)
                        return spec
        except Exception:  # another finder's error: the import system meets it again, without us
            pass
        finally:
            self._searching.discard(search)
        return None


def _follow(spec: ModuleSpec) -> None:
    """Shadow `exec_module` on the loader: the loader, its source and its resources stay what they are."""
    loader: Any = spec.loader
    if loader is None or isinstance(loader, type) or not hasattr(loader, "exec_module"):
        return
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        if vars(loader).get("exec_module") is exec_module:
            del loader.exec_module
        execute(module)
        for hook in list(_hooks.get(spec.name, ())):
            _call(hook, module)

    if hasattr(loader, "__dict__"):  # with slots it can't be followed, and this import goes unseen
        loader.exec_module = exec_module


_finder: Any = _Finder()
