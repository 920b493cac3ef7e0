"""The formats there are: what each is called, which file endings mean it, how it is written and read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import orjson

from flowscope_app.base.errors import FlowScopeError
from flowscope_app.exchange import chrome, json_files, session_file
from flowscope_app.exchange.contents import Contents, Item
from flowscope_app.exchange.envelope import is_envelope
from flowscope_app.exchange.source import Source, UnsoundError

Writer = Callable[[Contents, BinaryIO], int]
Reader = Callable[[Source, Iterable[bytes]], Iterator[Item]]


@dataclass(frozen=True, slots=True)
class Format:
    """One row. `binary` formats are not for a terminal; a format without `read` can only be written."""

    name: str
    endings: tuple[str, ...]
    help: str
    write: Writer
    read: Reader | None
    binary: bool = False


FORMATS: dict[str, Format] = {
    row.name: row
    for row in (
        Format(
            "flowscope",
            (".flowscope",),
            "session file: everything, checksummed, compressed",
            session_file.write,
            session_file.read,
            binary=True,
        ),
        Format(
            "json",
            (".json",),
            "one array of Universal Trace Format objects",
            json_files.write_array,
            json_files.read_values,
        ),
        Format(
            "jsonl",
            (".jsonl", ".ndjson"),
            "Universal Trace Format objects, one a line",
            json_files.write_lines,
            json_files.read_lines,
        ),
        Format(
            "chrome",
            (".trace",),
            "Chrome trace events, which Perfetto and chrome://tracing open; structure, values cut",
            chrome.write,
            None,
        ),
    )
}

_SESSION = re.compile(rb'\{\s*"flowscope"\s*:\s*"session"')


def format_named(name: str) -> Format:
    """The format called `name`; FlowScopeError that lists what there is."""
    found = FORMATS.get(name.lower())
    if found is None:
        raise FlowScopeError(f"format {name!r} is not supported", "there are: " + ", ".join(FORMATS))
    return found


def format_of_file(path: Path) -> Format:
    """The format that a file's ending means, the session file if it has none; FlowScopeError for any other."""
    ending = path.suffix.lower()
    if not ending:
        return FORMATS["flowscope"]
    for row in FORMATS.values():
        if ending in row.endings:
            return row
    raise FlowScopeError(
        f"no format is known for files ending in {ending}", "choose one with --format: " + ", ".join(FORMATS)
    )


def recognise(head: bytes) -> Format:
    """The format of a file that begins with `head`, decompressed. Its name is not asked. Raises UnsoundError."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] == b"[":
        return FORMATS["json"]
    if start[:1] != b"{":
        raise UnsoundError("it holds no session", "import reads " + ", ".join(readable()))
    if _SESSION.match(start):  # before all else: the header may be longer than what is seen of it
        return FORMATS["flowscope"]
    try:
        first = orjson.loads(start.partition(b"\n")[0])
    except orjson.JSONDecodeError:
        # A line too long to be seen whole is a record's; a short one that is no JSON goes over several lines.
        return FORMATS["jsonl" if b"\n" not in start else "json"]
    if is_envelope(first):
        return FORMATS["flowscope"]
    return FORMATS["jsonl"]


def readable() -> list[str]:
    """The names of the formats that can be imported."""
    return [row.name for row in FORMATS.values() if row.read]
