"""Stack traces as frames: which are the user's own, which belong to a library."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

MAX_FRAMES = 2_000  # of one exception; a recursion's innermost and outermost are kept
MAX_RAISED = 20_000  # characters

_PYTHON = re.compile(r'^\s+File "(?P<file>.+?)", line (?P<line>\d+)(?:, in (?P<name>.+))?$')
_NODE = re.compile(r"^\s+at (?:(?P<name>[^()]+?) \()?(?P<file>[^()\s][^()]*?):(?P<line>\d+):\d+\)?$")
_PACKAGE = re.compile(r"(?:site-packages|dist-packages|node_modules)[/\\](@[^/\\]+[/\\][^/\\]+|[^/\\]+)")
_PYTHON_LIB = re.compile(r"[/\\]lib(?:64)?[/\\]python\d[\d.]*[/\\]|[/\\]Python\d+[/\\]Lib[/\\]|^<frozen ")
_MARKS = re.compile(r"^[\s^~]+$")
_GROUP = re.compile(r"^\s*\|? *\+-\+?-+ \d+ -+$|^\s*\|? *\+-+ \d+ -+$")
_GROUP_EDGE = re.compile(r"^ *[|+](?:-+$)? ?")
_CAUSES = (
    ("The above exception was the direct cause of the following exception", "caused by"),
    ("During handling of the above exception, another exception occurred", "while handling"),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """A place in a program; `package` is the library it belongs to, empty for the user's own code."""

    file: str
    line: int
    name: str = ""
    code: str = ""
    package: str = ""

    @property
    def own(self) -> bool:
        """Whether it is the user's own code."""
        return not self.package


@dataclass(slots=True)
class Trace:
    """One exception of a chain: frames innermost first, and how it says itself: `ValueError: no such order`."""

    raised: str = ""
    frames: list[Frame] = field(default_factory=list)
    relation: str = ""  # to the one shown before it: "caused by", "while handling", "one of"; empty for the first


def parse(text: str) -> list[Trace]:
    """The exceptions in a Python or Node stack trace, the one raised last first; empty if it is neither."""
    traces = [Trace()]
    for line in text.splitlines():
        relation = next((name for sentence, name in _CAUSES if sentence in line), "")
        if relation:
            traces[-1].relation = relation
            traces.append(Trace())
        elif _GROUP.match(line):
            traces.append(Trace(relation="one of"))
        else:
            _take(traces[-1], line)
    found = [trace for trace in traces if trace.frames]
    for trace in found:
        if len(trace.frames) > MAX_FRAMES:
            del trace.frames[MAX_FRAMES // 2 : -MAX_FRAMES // 2]
    parts = [trace for trace in found if trace.relation == "one of"]
    chain = [trace for trace in reversed(found) if trace.relation != "one of"]
    return chain + parts


def _take(trace: Trace, line: str) -> None:
    plain = _GROUP_EDGE.sub("", line, count=1) if line.lstrip()[:1] in ("|", "+") else line
    python = _PYTHON.match(plain)
    node = None if python else _NODE.match(plain)
    match = python or node
    if match:
        frame = Frame(match["file"], int(match["line"]), match["name"] or "", "", _package(match["file"]))
        if python:
            trace.frames.insert(0, frame)  # Python says the innermost last, Node first
        else:
            trace.frames.append(frame)
    elif plain.startswith(("Traceback (most recent", "Exception Group Traceback", " Exception Group Traceback")):
        return
    elif plain.startswith("    ") and trace.frames and not trace.raised:
        if not trace.frames[0].code and not _MARKS.match(plain):
            trace.frames[0] = replace(trace.frames[0], code=plain.strip())
    elif plain.strip() and len(trace.raised) < MAX_RAISED:
        trace.raised = f"{trace.raised}\n{plain}" if trace.raised else plain.strip()


def _package(file: str) -> str:
    found = _PACKAGE.findall(file)
    if found:
        return str(found[-1]).replace("\\", "/").removesuffix(".py")
    if _PYTHON_LIB.search(file):
        return "python"
    return "node" if file.startswith("node:") else ""
