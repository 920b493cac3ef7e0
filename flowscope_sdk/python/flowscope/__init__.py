"""FlowScope's SDK: what an LLM program does, sent to the FlowScope window. Importing this imports nothing else."""

# Not typing's: importing that would be most of what `import flowscope` costs. Type checkers know the name.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from flowscope._api import flush, init, shutdown
    from flowscope._context import current as current_span
    from flowscope._propagate import extract, inject
    from flowscope._span import Span
    from flowscope._trace import suppressed, trace

__version__ = "0.1.0"
__all__ = [
    "Span",
    "__version__",
    "current_span",
    "extract",
    "flush",
    "init",
    "inject",
    "shutdown",
    "suppressed",
    "trace",
]

_WHERE = {
    "Span": ("flowscope._span", "Span"),
    "current_span": ("flowscope._context", "current"),
    "extract": ("flowscope._propagate", "extract"),
    "flush": ("flowscope._api", "flush"),
    "init": ("flowscope._api", "init"),
    "inject": ("flowscope._propagate", "inject"),
    "shutdown": ("flowscope._api", "shutdown"),
    "suppressed": ("flowscope._trace", "suppressed"),
    "trace": ("flowscope._trace", "trace"),
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import what is asked for, the first time it is."""
        if name not in _WHERE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        module, attribute = _WHERE[name]
        value = globals()[name] = getattr(importlib.import_module(module), attribute)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
