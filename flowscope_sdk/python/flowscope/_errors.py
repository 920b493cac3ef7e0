"""An exception as data: read at once on the calling thread, made into text by the background thread."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType

from flowscope._capture_walk import safe_text

MAX_MESSAGE = 8_192
MAX_CHAIN = 8
FIRST_FRAMES, LAST_FRAMES = 20, 60
_OURS = str(Path(__file__).parent)

_Frame = tuple[str, int, str]
_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"


class ErrorInfo:
    """What an exception says and where it came from; holds no frame and no object of the program."""

    __slots__ = ("chain", "message", "type")

    def __init__(self, error: BaseException) -> None:
        kind = type(error)
        module = kind.__module__
        self.type = kind.__qualname__ if module in ("builtins", "__main__") else f"{module}.{kind.__qualname__}"
        self.message = _message(error)
        self.chain = list(_chain(error))

    def stacktrace(self) -> str:
        """As Python prints it, without FlowScope's own frames. Reads source files: not for the calling thread."""
        parts = []
        for joint, message, frames, left_out in reversed(self.chain):
            lines = traceback.StackSummary.from_list(
                [traceback.FrameSummary(name, line, where, lookup_line=True) for name, line, where in frames]
            ).format()
            if left_out:
                lines.insert(FIRST_FRAMES, f"  ... {left_out:,} more frames ...\n")
            head = "Traceback (most recent call last):\n" if lines else ""
            parts.append(f"{head}{''.join(lines)}{message}\n{joint}")
        return "".join(parts)


def _message(error: BaseException) -> str:
    text = safe_text(error)
    if len(text) > MAX_MESSAGE:
        text = f"{text[:MAX_MESSAGE]}… ({len(text):,} characters)"
    name = type(error).__name__
    text = f"{name}: {text}" if text else name
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "backslashreplace").decode()
    return text


def _chain(error: BaseException | None) -> list[tuple[str, str, list[_Frame], int]]:
    """The exception and those behind it, last first; each with how it is joined to the one printed after it."""
    found: list[tuple[str, str, list[_Frame], int]] = []
    seen: set[int] = set()
    joint = ""
    while error is not None and id(error) not in seen and len(found) < MAX_CHAIN:
        seen.add(id(error))
        frames, left_out = _frames(error.__traceback__)
        notes = "".join(f"\n{safe_text(note)[:MAX_MESSAGE]}" for note in _notes(error)[:MAX_CHAIN])
        found.append((joint, _message(error) + notes, frames, left_out))
        if error.__cause__ is not None:
            error, joint = error.__cause__, _CAUSE
        elif error.__suppress_context__:
            break
        else:
            error, joint = error.__context__, _CONTEXT
    return found


def _notes(error: BaseException) -> list[str]:
    notes = getattr(error, "__notes__", None)
    return notes if isinstance(notes, list) else []


def _frames(trace: TracebackType | None) -> tuple[list[_Frame], int]:
    frames: list[_Frame] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith(_OURS):
            frames.append((code.co_filename, trace.tb_lineno, code.co_name))
        trace = trace.tb_next
    left_out = len(frames) - FIRST_FRAMES - LAST_FRAMES
    if left_out <= 0:
        return frames, 0
    return frames[:FIRST_FRAMES] + frames[-LAST_FRAMES:], left_out
