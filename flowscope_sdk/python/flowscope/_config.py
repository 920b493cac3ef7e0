"""Every setting of the SDK in one table: from init(), the environment or a file. A bad value only warns."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flowscope import _config_file
from flowscope._guard import warn_once

CAPTURE_LEVELS = ("full", "metadata", "errors")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmg])i?b?|b)?", re.IGNORECASE | re.ASCII)
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_ON = ("1", "on", "true", "yes")
_OFF = ("0", "off", "false", "no")


@dataclass(frozen=True, slots=True)
class Config:
    """The settings in force. Sizes in bytes, times in seconds."""

    addr: str
    session_id: str
    auto: tuple[str, ...]
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    capture: str
    sample: float
    max_value: int
    redact: bool | Callable[[Any], Any]
    buffer: int
    flush_timeout: float
    debug: bool


@dataclass(frozen=True, slots=True)
class Setting:
    """One row: the field of Config, its environment variable, its default as one would write it, and what it means."""

    name: str
    env: str
    default: str
    type: str
    parse: Callable[[Any], Any]
    meaning: str


def load(changes: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Config:
    """The settings: `changes` (by name) before the environment before the settings file before the defaults."""
    values: dict[str, Any] = {}
    path, file = _config_file.read()
    file = _known(path, file)
    for setting in SETTINGS:
        sources = (
            (f"init({setting.name}=...)", changes.get(setting.name)),
            (setting.env, environment.get(setting.env) or None),
            (f"{path}: {setting.name}", file.get(setting.name)),
        )
        values[setting.name] = setting.parse(setting.default)
        for source, sent in sources:
            if sent is not None:
                values[setting.name] = _parsed(setting, sent, source)
                break
    return Config(**values)


def _parsed(setting: Setting, sent: Any, source: str) -> Any:
    try:
        return setting.parse(sent)
    except (ValueError, TypeError) as error:
        instead = "tracing is off" if setting.name == "addr" else f"using {setting.default or 'none'}"
        warn_once(f"{source}: {error}; {instead}")
        return "off" if setting.name == "addr" else setting.parse(setting.default)


def _known(path: str, file: dict[str, Any]) -> dict[str, Any]:
    """The members of a settings file that are settings; `auto` may go under the name that it has in init()."""
    names = {"auto_trace": "auto"} | {setting.name: setting.name for setting in SETTINGS}
    known = {}
    for name, value in file.items():
        if name in names:
            known[names[name]] = value
        else:
            from difflib import get_close_matches

            near = get_close_matches(name, names, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
            warn_once(f"{path}: {_shown(name)} is not a setting; {hint}")
    return known


def auto(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Frameworks that an attached program has instrumented."""
    sent = environment.get("FLOWSCOPE_AUTO") or None
    if sent is None:
        path, file = _config_file.read()
        sent = file.get("auto", file.get("auto_trace"))
        if sent is None:
            return ("all",)
        if not isinstance(sent, str | bool | list):
            warn_once(f"{path}: auto: {_shown(sent)} is not a list of names; using all")
            return ("all",)
    return parse_auto(sent)


def _addr(value: Any) -> str:
    from flowscope.protocol import ProtocolError, parse_addr

    text = str(value).strip()
    try:
        parse_addr(text)
    except ProtocolError as error:
        raise ValueError(error.reason) from None
    return text


def _session(value: Any) -> str:
    text = str(value).encode("utf-8", "replace").decode().strip()
    if len(text) > 256:
        raise ValueError("a session id has at most 256 characters")
    return text


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, Iterable):
        raise ValueError(f"{_shown(value)} is not a list of names")
    return tuple(name for name in (str(item).strip() for item in value) if name)


def parse_auto(value: Any) -> tuple[str, ...]:
    """Names of frameworks, lower case; ("all",) for all, () for none."""
    if isinstance(value, bool):
        return ("all",) if value else ()
    names = tuple(name.lower() for name in _names(value))
    if "none" in names or "off" in names:
        return ()
    return ("all",) if "all" in names else names


def _level(value: Any) -> str:
    text = str(value).strip().lower()
    if text not in CAPTURE_LEVELS:
        raise ValueError(f"{_shown(value)} is not one of {', '.join(CAPTURE_LEVELS)}")
    return text


def _share(value: Any) -> float:
    try:
        number = float(value)
    except (ValueError, TypeError):
        number = -1.0
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"{_shown(value)} is not a number from 0 to 1")
    return number


def _size(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    found = _SIZE.fullmatch(str(value).strip())
    size = int(float(found[1]) * _UNITS[(found[2] or "").lower()]) if found else 0
    if size <= 0:
        raise ValueError(f"{_shown(value)} is not a size such as 1MiB")
    return size


def _seconds(value: Any) -> float:
    try:
        number = float(value)
    except (ValueError, TypeError):
        number = -1.0
    if not 0.0 <= number <= 3600.0:
        raise ValueError(f"{_shown(value)} is not a number of seconds")
    return number


def _redaction(value: Any) -> bool | Callable[[Any], Any]:
    return value if callable(value) else _switch(value)


def _switch(value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in _ON + _OFF:
        raise ValueError(f"{_shown(value)} is neither on nor off")
    return text in _ON


def _shown(value: Any) -> str:
    return ascii(value)[:80]


SETTINGS = (
    Setting(
        "addr", "FLOWSCOPE_ADDR", "tcp://127.0.0.1:3569", "address", _addr,
        "Where to push: tcp://HOST:PORT[?key=KEY] or ipc://PATH, several comma-separated share the load; file:///PATH"
        " records to a session file; off disables the SDK. Set in a program's environment, it attaches the program.",
    ),
    Setting(
        "session_id", "FLOWSCOPE_SESSION", "", "text", _session,
        "Session id of the spans; by default one per process start, PROGRAM-YYYYMMDD-HHMMSS-XXXX.",
    ),
    Setting(
        "auto", "FLOWSCOPE_AUTO", "all", "names", parse_auto,
        "Frameworks to instrument: a list, all or none.",
    ),
    Setting(
        "include", "FLOWSCOPE_INCLUDE", "", "globs", _names,
        "Operations to record, as glob patterns; none means every operation.",
    ),
    Setting(
        "exclude", "FLOWSCOPE_EXCLUDE", "", "globs", _names,
        "Operations not to record, as glob patterns; what they call is recorded as their caller's.",
    ),
    Setting(
        "capture", "FLOWSCOPE_CAPTURE", "full", "full | metadata | errors", _level,
        "How much is recorded: full, metadata (no inputs or outputs), errors (only spans that fail).",
    ),
    Setting(
        "sample", "FLOWSCOPE_SAMPLE", "1.0", "0 to 1", _share,
        "Share of root spans kept, each with all that is below it.",
    ),
    Setting(
        "max_value", "FLOWSCOPE_MAX_VALUE", "1MiB", "size", _size,
        "Longest input or output kept; a longer one is cut, with its length and hash kept.",
    ),
    Setting(
        "redact", "FLOWSCOPE_REDACT", "on", "on | off", _redaction,
        "Masks secrets before they leave the process. In init also a function: it is given each value that would leave,"
        " with secrets masked, as plain JSON types, and what it returns leaves instead.",
    ),
    Setting(
        "buffer", "FLOWSCOPE_BUFFER", "32MiB", "size", _size,
        "Spans kept in memory until they are stored; beyond it the oldest unsent ones are dropped, and counted.",
    ),
    Setting(
        "flush_timeout", "FLOWSCOPE_FLUSH_TIMEOUT", "2", "seconds", _seconds,
        "Seconds that exit may wait for spans to be stored.",
    ),
    Setting(
        "debug", "FLOWSCOPE_DEBUG", "off", "on | off", _switch,
        "The SDK's own log on standard error.",
    ),
)  # fmt: skip
