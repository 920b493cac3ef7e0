"""docs/cli.md and docs/session-file.md say what the code does."""

from __future__ import annotations

import argparse
import re
from importlib import import_module
from pathlib import Path

import pytest

from flowscope_app.cli.checks import VARIABLES
from flowscope_app.cli.commands import COMMANDS
from flowscope_app.exchange import FORMATS
from flowscope_app.exchange.envelope import VERSION
from flowscope_app.exchange.lines import MAX_LINE

DOCS = Path(__file__).resolve().parents[3] / "docs"
CLI = (DOCS / "cli.md").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_described(name: str) -> None:
    heading = re.search(rf"^## `flowscope {name}\b.*$", CLI, re.MULTILINE)
    assert heading, name
    parser = argparse.ArgumentParser(add_help=False)
    import_module(f"flowscope_app.cli.{'import_' if name == 'import' else name}").add_arguments(parser)
    for action in parser._actions:
        for option in action.option_strings[:1]:
            assert action.help == argparse.SUPPRESS or option in heading[0], option


def test_every_variable_is_named() -> None:
    assert [name for name in VARIABLES if f"`{name}`" not in CLI] == []


def test_every_format_stands_in_the_table_with_its_endings() -> None:
    for row in FORMATS.values():
        line = next(line for line in CLI.splitlines() if line.startswith(f"| `{row.name}` |"))
        assert all(f"`{ending}`" in line for ending in row.endings)


def test_the_session_file_page_knows_version_and_limits() -> None:
    page = (DOCS / "session-file.md").read_text()
    assert f"Version {VERSION}." in page
    assert f"longer than {MAX_LINE >> 20} MiB" in page
