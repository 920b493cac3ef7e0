"""One virtual environment a row, made once and kept outside of the checkout."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SDK = ROOT / "flowscope_sdk" / "python"
ROWS = Path(__file__).with_name("rows.toml")
TEST_NEEDS = ("pytest>=8,<10", "pytest-asyncio>=1,<2", "pytest-timeout>=2.3,<3")


class Unavailable(Exception):
    """A row can't be run on this machine; the text says why in a few words."""


@dataclass(frozen=True)
class Row:
    """Versions that are run together; `python` is the only Python they install on, "" for any."""

    name: str
    group: str
    pins: tuple[str, ...]
    python: str = ""


def rows(path: Path = ROWS) -> list[Row]:
    """The rows of the data file, in its order."""
    with path.open("rb") as file:
        return [Row(**{**row, "pins": tuple(row["pins"])}) for row in tomllib.load(file)["row"]]


def cache() -> Path:
    """Where the environments are kept: $XDG_CACHE_HOME/flowscope."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flowscope"


def environment(name: str, pins: tuple[str, ...], python: str = "") -> Path:
    """The Python of an environment with these pins and what the SDK needs; made now if there is none yet."""
    needs = (*pins, *_sdk_needs(), *TEST_NEEDS)
    interpreter = _interpreter(python)
    version = subprocess.check_output([interpreter, "-c", "import sys; print(sys.version)"], text=True)
    key = hashlib.sha256("\n".join((*needs, version)).encode()).hexdigest()[:12]
    folder = cache() / "matrix" / f"{name}-{key}"
    binary = folder / "bin" / "python"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([interpreter, "-m", "venv", str(folder)], check=True)
        done = subprocess.run(
            [str(binary), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *needs],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            (cache() / "matrix" / f"{name}.log").write_text(done.stdout + done.stderr)
            said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip failed"]
            raise Unavailable(f"does not install: {said[-1].removeprefix('ERROR: ')}")
        (folder / "ready").touch()
    return binary


def _sdk_needs() -> tuple[str, ...]:
    with (SDK / "pyproject.toml").open("rb") as file:
        return tuple(tomllib.load(file)["project"]["dependencies"])


def _interpreter(python: str) -> str:
    # The interpreter itself: an environment made from another one would see that one's packages.
    own = getattr(sys, "_base_executable", None) or sys.executable
    if not python or sys.version_info[:2] == tuple(map(int, python.split("."))):
        return str(own)
    found = shutil.which(f"python{python}")
    if found is None or subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode:
        raise Unavailable(f"needs Python {python}")
    return found
