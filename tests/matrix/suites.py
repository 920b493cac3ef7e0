"""`make suites`: the frameworks' own tests with and without FlowScope attached; the same ones must pass.

python tests/matrix/suites.py [NAME ...]     NAME: langchain-core, langchain-classic, langgraph
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from environments import SDK, cache, environment

DATA = Path(__file__).with_name("suites.toml")


@dataclass(frozen=True)
class Suite:
    """One row of the data file, which says what each member means."""

    name: str
    source: str
    pins: list[str]
    tests: list[str]
    env: dict[str, str]
    count: list[str]


def suites() -> list[Suite]:
    """The suites of the data file."""
    with DATA.open("rb") as file:
        return [Suite(**suite) for suite in tomllib.load(file)["suite"]]


def sources(suite: Suite) -> Path:
    """The folder of the unpacked source distribution; downloaded once."""
    name, _, version = suite.source.partition("==")
    stem = f"{name.replace('-', '_')}-{version}"
    folder = cache() / "suites"
    if not (folder / stem / "pyproject.toml").exists():
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:", "--dest", str(folder)]
        subprocess.run([sys.executable, "-m", "pip", "download", *options, suite.source], check=True)
        with tarfile.open(folder / f"{stem}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    return folder / stem


def run(suite: Suite, python: Path, folder: Path, *, attached: bool, only: list[str] | None = None) -> dict[str, str]:
    """Run a suite's tests; the outcome of each by its id."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        inner = {name: value for name, value in os.environ.items() if not name.startswith(("FLOWSCOPE_", "LANG"))}
        inner |= {"PYTHONPATH": str(SDK), "HOME": scratch, **suite.env}
        options: list[str] = []
        if attached:  # a recording: most of these suites forbid sockets
            inner |= {"FLOWSCOPE_ADDR": f"file://{scratch}/recording.flowscope"}
            options = ["-p", "flowscope.auto"]
        if only is None:
            tests = suite.tests
        else:
            tests = [*only, *(each for each in suite.tests if each.startswith("--"))]
        log = cache() / "suites" / f"{suite.name}-{'with' if attached else 'without'}.log"
        command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1"]
        with log.open("w") as said:
            subprocess.run(
                [*command, f"--junitxml={report}", *options, *tests],
                cwd=folder, env=inner, stdout=said, stderr=subprocess.STDOUT, check=False,
            )  # fmt: skip
        if attached and not any(Path(scratch).glob("recording*")):
            raise SystemExit(f"{suite.name}: nothing was recorded; see {log}")
        return outcomes(report) if report.exists() else {}


def outcomes(report: Path) -> dict[str, str]:
    """The outcome of each test of a JUnit report, by what pytest takes to run it again."""
    found: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        file, name = case.get("file") or "", case.get("name") or ""
        classes = (case.get("classname") or "").removeprefix(file.removesuffix(".py").replace("/", ".")).strip(".")
        id_ = "::".join(part for part in (file, *classes.split("."), name) if part)
        said = "passed"
        for kind, word in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
            if case.find(kind) is not None:
                said = word
                break
        found[id_] = said if found.get(id_) != "failed" else "failed"
    return found


def compare(suite: Suite) -> int:
    """Run a suite both ways and say what differs; how many tests do that should not."""
    python, folder = environment(suite.name, tuple(suite.pins)), sources(suite)
    without = run(suite, python, folder, attached=False)
    attached = run(suite, python, folder, attached=True)
    for word, found in (("without FlowScope", without), ("with FlowScope", attached)):
        counts = Counter(found.values())
        print(f"{suite.name} {word}: {', '.join(f'{counts[each]:,} {each}' for each in sorted(counts))}", flush=True)
    different = [id_ for id_ in without | attached if without.get(id_) != attached.get(id_)]
    if different:  # a test that fails now and then is no difference: alone, and thrice
        different = [id_ for id_ in different if not settled(suite, python, folder, id_)]
    unnamed = [id_ for id_ in different if not any(each in id_ for each in suite.count)]
    for id_ in different:
        word = "not named" if id_ in unnamed else "counts handlers"
        print(f"    differs ({word}): {id_}: {without.get(id_)} without, {attached.get(id_)} with")
    named = len(different) - len(unnamed)
    print(
        f"{suite.name}: {len(without) - len(different):,} of {len(without):,} come out the same, {named} count handlers"
    )
    return len(unnamed) + (not without)


def settled(suite: Suite, python: Path, folder: Path, id_: str) -> bool:
    """Whether a test that came out differently comes out the same when it is run alone."""
    for _ in range(3):
        without = run(suite, python, folder, attached=False, only=[id_])
        attached = run(suite, python, folder, attached=True, only=[id_])
        if without == attached and without:
            print(f"    comes out the same alone: {id_}", flush=True)
            return True
    return False


def main() -> int:
    """Compare each suite; 1 if a test differs that is not named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("names", nargs="*", help="suites (default: all)")
    parser.add_argument("--again", action="store_true", help="download the sources again")
    options = parser.parse_args()
    if options.again:
        shutil.rmtree(cache() / "suites", ignore_errors=True)
    known = {suite.name for suite in suites()}
    for name in options.names:
        if name not in known:
            parser.error(f"there is no suite {name!r}; there are {', '.join(sorted(known))}")
    wrong = sum(compare(suite) for suite in suites() if not options.names or suite.name in options.names)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
