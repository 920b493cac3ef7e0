"""The Python SDK's driver for `flowscope sdk verify`: see docs/sdk-compliance.md."""

from __future__ import annotations

import contextlib
import contextvars
import json
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import flowscope


class Failed(Exception):  # noqa: N818  the cases name it
    """What a case has the traced work fail with."""


class Hostile:
    """Whatever is asked of it, it raises."""

    def __repr__(self) -> str:
        raise ValueError("hostile")

    __str__ = __repr__

    def __getattr__(self, name: str) -> Any:
        raise ValueError("hostile")


def deep(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = [value]
    return value


def cycle() -> Any:
    value: list[Any] = ["round"]
    value.append(value)
    return value


MADE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "nan": lambda _: float("nan"),
    "infinity": lambda _: float("inf"),
    "surrogate": lambda _: "a\ud800b",
    "repeat": lambda told: told["text"] * told["times"],
    "integer": lambda told: int(told["digits"]),
    "bytes": lambda told: bytes.fromhex(told["hex"]),
    "deep": lambda told: deep(told["levels"]),
    "list": lambda told: [told["item"]] * told["times"],
    "cycle": lambda _: cycle(),
    "hostile": lambda _: Hostile(),
}


def make(told: Any) -> Any:
    """A value as a command tells it: JSON, or what JSON can't hold, by name."""
    if isinstance(told, list):
        return [make(item) for item in told]
    if isinstance(told, dict):
        return MADE[told["$"]](told) if "$" in told else {name: make(item) for name, item in told.items()}
    return told


def options(told: dict[str, Any]) -> dict[str, Any]:
    found = {name: make(told[name]) for name in ("input", "metadata") if name in told}
    return found | {name: told[name] for name in ("kind", "framework", "session_id") if name in told}


def run(told: dict[str, Any], answer: dict[str, Any]) -> None:
    """One node of a tree: a span, inside of it what stands below."""
    with contextlib.suppress(Failed), flowscope.trace(make(told["operation"]), **options(told)) as span:
        for piece in told.get("stream", ()):
            span.stream(piece)
        for name, value in told.get("set", {}).items():
            span.set(name, make(value))
        time.sleep(told.get("pause_ms", 0) / 1000)
        if "inject" in told:
            answer["headers"] = flowscope.inject(dict(told["inject"]))
        for child in told.get("children", ()):
            run(child, answer)
        if "output" in told:
            span.output = make(told["output"])
        if "error" in told:
            raise Failed(make(told["error"]))


class Session:
    """The commands, by name."""

    def __init__(self) -> None:
        self.open_spans: dict[str, tuple[contextvars.Context, Any, Any]] = {}

    def trace(self, told: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        with flowscope.extract(told["from"]) if "from" in told else contextlib.nullcontext():
            run(told["tree"], answer)
        return answer

    def repeat(self, told: dict[str, Any]) -> dict[str, Any]:
        for number in range(told["times"]):
            with flowscope.trace(told["operation"], input=number):
                pass
        return {}

    def open(self, told: dict[str, Any]) -> dict[str, Any]:
        block = flowscope.trace(told["operation"], **options(told))
        context = contextvars.copy_context()
        self.open_spans[told["name"]] = context, block, context.run(block.__enter__)
        return {}

    def stream(self, told: dict[str, Any]) -> dict[str, Any]:
        self.open_spans[told["name"]][2].stream(told["text"])
        return {}

    def close(self, told: dict[str, Any]) -> dict[str, Any]:
        context, block, span = self.open_spans.pop(told["name"])
        if "output" in told:
            span.output = make(told["output"])
        context.run(block.__exit__, None, None, None)
        return {}

    def inject(self, told: dict[str, Any]) -> dict[str, Any]:
        return {"headers": flowscope.inject(dict(told["headers"]))}

    def flush(self, told: dict[str, Any]) -> dict[str, Any]:
        return {"flushed": flowscope.flush(told["seconds"])}


def leave(told: dict[str, Any]) -> None:
    if told["how"] == "status":
        sys.exit(told["status"])
    if told["how"] == "throw":
        raise Failed("thrown to end the program")


def main() -> None:
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    session = Session()
    for line in sys.stdin:
        told = json.loads(line)
        if told["do"] == "exit":
            leave(told)
            return
        command = getattr(session, told["do"], None)
        try:
            answer = {"ok": True, **command(told)} if command else {"ok": False, "error": "not known here"}
        except Exception as error:
            answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
