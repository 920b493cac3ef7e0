"""Load and save the settings: one JSON file, replaced whole, never trusted, a broken one set aside."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from flowscope_app.base.errors import FlowScopeError
from flowscope_app.base.paths import home
from flowscope_app.settings.migrate import STEPS, VERSION, migrate
from flowscope_app.settings.table import SETTINGS, Value, setting

FILE_NAME = "settings.json"
MAX_BYTES = 1 << 20


class Settings:
    """The values in force. `notice` says in one line what was wrong with the file; it is empty if nothing was."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notice = ""
        self._values: dict[str, Value] = {}
        self._unknown: dict[str, Any] = {}

    @classmethod
    def load(cls, folder: Path | None = None, *, set_aside: bool = True) -> Settings:
        """Read the file in `folder` (FlowScope's home by default). Never raises: what is unusable is default.

        A file that is unusable as a whole is renamed, unless `set_aside` is false.
        """
        settings = cls((folder or home()) / FILE_NAME)
        try:
            values = settings._read()
        except FileNotFoundError:
            return settings
        except OSError as error:
            settings.notice = f"the settings in {settings.path} can't be read ({error.strerror}): defaults are used"
            return settings
        except _UnusableError as error:
            place = settings._set_aside() if set_aside else ""
            settings.notice = f"the settings in {settings.path} can't be used ({error}): {place}defaults are used"
            return settings
        settings._take(values)
        return settings

    def __getitem__(self, name: str) -> Value:
        return self._values.get(name, setting(name).default)

    def text(self, name: str) -> str:
        """The value of a text setting."""
        return str(self[name])

    def flag(self, name: str) -> bool:
        """The value of a yes-or-no setting."""
        return bool(self[name])

    def set(self, name: str, value: Value) -> None:
        """Change one setting in memory; FlowScopeError if the value does not fit its row."""
        fault = setting(name).fault(value)
        if fault:
            raise FlowScopeError(f"setting {name} {fault}")
        self._values[name] = value

    def reset(self, name: str) -> None:
        """Back to the default."""
        self._values.pop(setting(name).name, None)

    def save(self) -> None:
        """Write the file by way of a temporary one, so that a crash leaves the old or the new, never half.

        Raises FlowScopeError if the folder can't be written.
        """
        chosen = {name: value for name, value in self._values.items() if value != setting(name).default}
        document = {"version": VERSION, "settings": {**self._unknown, **chosen}}
        data = json.dumps(document, indent=2, sort_keys=True).encode() + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _replace(self.path, data)
        except OSError as error:
            raise FlowScopeError(
                f"the settings can't be saved in {self.path}: {error.strerror}",
                "make the folder writable or set FLOWSCOPE_HOME",
            ) from error

    def _read(self) -> dict[str, Any]:
        with self.path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise _UnusableError("it is too large")
        try:
            document = json.loads(data)
        except (ValueError, RecursionError):
            raise _UnusableError("it is not JSON") from None
        version = document.get("version") if isinstance(document, dict) else None
        values = document.get("settings") if isinstance(document, dict) else None
        if type(version) is not int or not isinstance(values, dict):
            raise _UnusableError("it is not a settings file")
        if version > VERSION:
            raise _UnusableError(f"it was written by a newer FlowScope (version {version}, this one knows {VERSION})")
        try:
            return migrate(values, version, steps=STEPS)
        except KeyError:
            raise _UnusableError(f"its version {version} is unknown") from None

    def _take(self, values: dict[str, Any]) -> None:
        """Keep each value that fits its row; one that does not is default and said, the rest still hold."""
        known = {row.name: row for row in SETTINGS}
        faults = []
        for name, value in values.items():
            row = known.get(name)
            if row is None:
                self._unknown[name] = value  # another version's setting: kept, so that going back loses nothing
            elif fault := row.fault(value):
                faults.append(f"{name} {fault}")
            else:
                self._values[name] = value
        if faults:
            self.notice = f"in {self.path}: " + "; ".join(faults) + ": the default is used"

    def _set_aside(self) -> str:
        aside = self.path.with_name(FILE_NAME + ".broken")
        try:
            self.path.replace(aside)
        except OSError:
            return "it could not be set aside, "
        return f"it was set aside as {aside.name}, "


class _UnusableError(Exception):
    """The file as a whole can't be used."""


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=path.name + ".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
