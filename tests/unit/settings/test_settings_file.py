"""The settings file: what is saved comes back, what is broken is set aside and said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowscope_app.base.errors import FlowScopeError
from flowscope_app.settings import SETTINGS, Settings
from flowscope_app.settings.migrate import VERSION, migrate


def test_without_a_file_everything_is_default_and_nothing_is_said(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path)
    assert all(settings[row.name] == row.default for row in SETTINGS)
    assert settings.notice == ""


def test_a_saved_value_comes_back(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path)
    settings.set("appearance.theme", "dark")
    settings.set("timeline.follow", False)
    settings.save()
    again = Settings.load(tmp_path)
    assert again.text("appearance.theme") == "dark"
    assert again.flag("timeline.follow") is False


def test_only_what_differs_from_the_default_is_written(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path)
    settings.set("appearance.theme", "system")
    settings.set("session.last", "demo")
    settings.save()
    document = json.loads(settings.path.read_text())
    assert document == {"version": VERSION, "settings": {"session.last": "demo"}}


def test_reset_goes_back_to_the_default(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path)
    settings.set("appearance.theme", "dark")
    settings.reset("appearance.theme")
    assert settings.text("appearance.theme") == "system"


@pytest.mark.parametrize(
    ("name", "value"),
    [("appearance.theme", "purple"), ("timeline.follow", 1), ("timeline.follow", "yes"), ("session.last", 7)],
)
def test_a_value_that_does_not_fit_is_refused(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(FlowScopeError, match=f"setting {name} must be"):
        Settings.load(tmp_path).set(name, value)  # type: ignore[arg-type]


def test_an_unknown_setting_is_a_programming_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        Settings.load(tmp_path)["no.such"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a settings file"),
        (b'{"version": "1", "settings": {}}', "not a settings file"),
        (b'{"version": true, "settings": {}}', "not a settings file"),
        (b'{"version": 1, "settings": []}', "not a settings file"),
        (b'{"version": 99, "settings": {}}', "newer FlowScope"),
        (b'{"version": 0, "settings": {}}', "version 0 is unknown"),
        (b" " * 2_000_000, "too large"),
    ],
)
def test_a_broken_file_is_set_aside_and_said_and_defaults_hold(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    settings = Settings.load(tmp_path)
    assert settings.text("appearance.theme") == "system"
    assert why in settings.notice
    assert "settings.json.broken" in settings.notice
    assert "\n" not in settings.notice
    assert not path.exists()
    assert (tmp_path / "settings.json.broken").read_bytes() == content
    settings.save()
    assert Settings.load(tmp_path).notice == ""


def test_one_bad_value_costs_only_itself(tmp_path: Path) -> None:
    values = {"appearance.theme": "purple", "session.last": "demo"}
    (tmp_path / "settings.json").write_text(json.dumps({"version": VERSION, "settings": values}))
    settings = Settings.load(tmp_path)
    assert settings.text("appearance.theme") == "system"
    assert settings.text("session.last") == "demo"
    assert "appearance.theme must be one of system, dark, light" in settings.notice


def test_a_setting_of_another_version_is_kept(tmp_path: Path) -> None:
    values = {"future.thing": [1, 2]}
    (tmp_path / "settings.json").write_text(json.dumps({"version": VERSION, "settings": values}))
    settings = Settings.load(tmp_path)
    settings.set("appearance.theme", "dark")
    settings.save()
    document = json.loads(settings.path.read_text())
    assert document["settings"] == {"future.thing": [1, 2], "appearance.theme": "dark"}


def test_a_save_that_fails_is_one_line_and_leaves_the_old_file(tmp_path: Path) -> None:
    folder = tmp_path / "file, not a folder"
    folder.write_text("")
    with pytest.raises(FlowScopeError, match=r"can't be saved.*FLOWSCOPE_HOME"):
        Settings.load(folder).save()


def test_a_save_leaves_nothing_but_the_file(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path)
    settings.set("appearance.theme", "dark")
    settings.save()
    settings.save()
    assert [path.name for path in tmp_path.iterdir()] == ["settings.json"]


def test_migration_goes_through_every_step_in_order() -> None:
    steps = {1: lambda values: {**values, "b": values["a"] + 1}, 2: lambda values: {"c": values["b"] * 10}}
    assert migrate({"a": 1}, 1, to=3, steps=steps) == {"c": 20}
    assert migrate({"b": 4}, 2, to=3, steps=steps) == {"c": 40}
    assert migrate({"c": 5}, 3, to=3, steps=steps) == {"c": 5}
    with pytest.raises(KeyError):
        migrate({}, 0, to=3, steps=steps)
