"""What `make matrix` runs, it can run: its environments hold a framework and little else."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

from patience import PATIENCE

ROOT = Path(__file__).parents[2]
COLLECT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"hypothesis", "PySide6", "pyqtgraph", "peewee", "msgspec"}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Missing())
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--collect-only", *sys.argv[1:]]))
"""


def test_the_tests_of_each_group_are_there_and_need_nothing_of_the_apps() -> None:
    groups = tomllib.loads((ROOT / "tests" / "matrix" / "rows.toml").read_text())["group"].values()
    tests = [path for group in groups for path in group["tests"]]
    assert all((ROOT / path).is_file() for path in tests)
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            COLLECT,
            "-c",
            os.devnull,
            "--rootdir",
            str(ROOT),
            "tests/sdk/instrumentation/test_mcp.py",
        ],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "support"), *sys.path])},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
