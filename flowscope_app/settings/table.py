"""The settings as data: name, type, default and help; the file and the docs are made from these rows."""

from __future__ import annotations

from dataclasses import dataclass

Value = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Setting:
    """One row. `type` is exact: a bool is not taken for an int, an int is taken for a float."""

    name: str
    type: type[bool] | type[int] | type[float] | type[str]
    default: Value
    help: str
    choices: tuple[Value, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    def fault(self, value: object) -> str:
        """Why `value` can't be this setting, as the end of a sentence; empty if it can."""
        if not self._has_type(value):
            return f"must be {_NAMES[self.type]}, not {type(value).__name__}"
        if self.choices and value not in self.choices:
            return "must be one of " + ", ".join(str(choice) for choice in self.choices)
        if isinstance(value, int | float) and not isinstance(value, bool):
            if self.minimum is not None and not value >= self.minimum:
                return f"must be at least {self.minimum:g}"
            if self.maximum is not None and not value <= self.maximum:
                return f"must be at most {self.maximum:g}"
        return ""

    def _has_type(self, value: object) -> bool:
        if self.type is float:
            return type(value) in (int, float)
        return type(value) is self.type


_NAMES: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "appearance.theme",
        str,
        "system",
        "Colours of the window. `system` follows the desktop's own choice.",
        choices=("system", "dark", "light"),
    ),
    Setting(
        "timeline.follow",
        bool,
        True,
        "Keep the newest spans in sight while a program runs. Panning stops it; one key resumes it.",
    ),
    Setting(
        "timeline.tracks",
        str,
        "caller",
        "What a track of the timeline is: a thread with all that it called in its program (`caller`), a program,"
        " a thread or a task.",
        choices=("caller", "program", "thread", "task"),
    ),
    # Nothing recorded goes by age or number unless the user says so: an old run is what a new one is compared with.
    # A limit in bytes there is, as a full disk would end every recording; it is far above a year of common use.
    Setting(
        "retention.days",
        float,
        0.0,
        "Sessions with no new span for this many days are deleted, unless pinned. 0 keeps them however old.",
        minimum=0,
        maximum=36500,
    ),
    Setting(
        "retention.gigabytes",
        float,
        50.0,
        "When the database grows beyond this (in 10^9 bytes), the least recently active sessions that are not"
        " pinned are deleted until it fits. 0 for no limit.",
        minimum=0,
        maximum=1e6,
    ),
    Setting(
        "retention.sessions",
        int,
        0,
        "How many sessions are kept; pinned ones don't count and are never deleted. 0 for no limit.",
        minimum=0,
        maximum=10_000_000,
    ),
    Setting("session.last", str, "", "Id of the session shown last; it is shown again at the next start."),
    Setting("filter.text", str, "", "The filter as it stood when the window was closed."),
    Setting("window.geometry", str, "", "Where the window stood, as Qt saves it, in base64."),
    Setting("window.layout", str, "", "How its panes were arranged, as Qt saves it, in base64."),
)

_BY_NAME = {row.name: row for row in SETTINGS}


def setting(name: str) -> Setting:
    """The row called `name`; KeyError if there is none (a programming error, not a user's)."""
    return _BY_NAME[name]
