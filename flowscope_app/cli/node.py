"""What a Node program's environment must hold for it to be traced: NODE_OPTIONS with the JavaScript package."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

PACKAGE = "@flowscope/auto-langchain"
FILES = (".js", ".mjs", ".cjs")
PROGRAMS = frozenset({"node", "nodejs", "npm", "npx", "pnpm", "yarn", "tsx", "ts-node"})
_OLDEST = (20, 6)
_ENTRY = Path("dist", "index.mjs")
_CHECKOUT = Path(__file__).parents[2] / "flowscope_sdk" / "javascript" / "packages" / "auto-langchain"


def attach(command: Sequence[str], environment: dict[str, str], folder: Path) -> str:
    """Set NODE_OPTIONS in `environment` for `command`, run in `folder`; returns why it is not traced, "" if it is."""
    options = environment.get("NODE_OPTIONS", "")
    if "auto-langchain" in options:
        return ""
    old = _too_old(command, environment)
    if old:
        return f"Node {_OLDEST[0]}.{_OLDEST[1]} or newer is needed to trace a program, this is {old}; it runs untraced"
    entry = find(command, environment, folder)
    if entry is None:
        return (
            f"{PACKAGE} is neither in the program's node_modules nor in FLOWSCOPE_NODE: npm install {PACKAGE};"
            " it runs untraced"
        )
    environment["NODE_OPTIONS"] = f"{options} --import={entry.resolve().as_uri()}".strip()
    return ""


def find(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Path | None:
    """The package's entry: FLOWSCOPE_NODE's, that of the program's folders, that of the checkout this app runs from."""
    for package in _packages(command, environment, folder):
        entry = package / _ENTRY
        if entry.is_file():
            return entry
    return None


def _packages(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Iterator[Path]:
    given = environment.get("FLOWSCOPE_NODE")
    if given:
        # A folder to install into, its node_modules, or the package itself.
        yield from (Path(given, "node_modules", PACKAGE), Path(given, PACKAGE), Path(given))
    script = next((Path(word) for word in command[1:] if Path(word).suffix in FILES), None)
    starts = [folder / script.parent, folder] if script is not None else [folder]
    for start in starts:
        for parent in (start.resolve(), *start.resolve().parents):
            yield parent / "node_modules" / PACKAGE
    if (_CHECKOUT.parents[1] / "node_modules" / "zeromq").exists():
        yield _CHECKOUT


def _too_old(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """The version of a Node that doesn't know `--import`, with which it would not start at all; empty for any other."""
    program = command[0] if Path(command[0]).stem in ("node", "nodejs") else "node"
    path = shutil.which(program, path=environment.get("PATH", os.defpath))
    if path is None:
        return ""
    bare = {name: value for name, value in environment.items() if name != "NODE_OPTIONS"}
    try:
        asked = subprocess.run([path, "--version"], env=bare, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    said = asked.stdout.strip()
    found = re.fullmatch(r"v(\d+)\.(\d+)\..*", said)
    return said if found is not None and (int(found[1]), int(found[2])) < _OLDEST else ""
