"""Environments of their own for what the benchmarks set beside FlowScope, made on first use in the user's cache."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

import platformdirs


def environment(name: str, packages: Sequence[str]) -> Path | None:
    """The Python that has `packages`; None, and standard error says why, where they can't be installed."""
    cache = Path(platformdirs.user_cache_dir("flowscope", appauthor=False))
    folder = cache / f"bench-{name}-{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    installed = folder / "installed"
    if installed.exists() and installed.read_text() == "\n".join(packages):
        return python
    print(f"installing {', '.join(packages)} into {folder}", file=sys.stderr)
    try:
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"they can't be installed: {error}", file=sys.stderr)
        return None
    installed.write_text("\n".join(packages))
    return python
