"""Each rule finds in a real program's run what the program does, and nothing else of the kind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE

from flowscope_app.analysis.snapshot import Snapshot
from flowscope_app.exchange import import_file
from flowscope_app.qtmodels.findings_model import Found, independent, look
from flowscope_app.store import StoreReader, StoreWriter

PROGRAM = Path(__file__).parent.parent / "support" / "findings_program.py"


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Found]]:
    """What is found in each of the program's sessions, by their ids."""
    folder = tmp_path_factory.mktemp("findings")
    file, db = folder / "run.flowscope", str(folder / "run.db")
    environment = os.environ | {"FLOWSCOPE_ADDR": f"file://{file}", "FLOWSCOPE_HOME": str(folder)}
    subprocess.run([sys.executable, str(PROGRAM)], env=environment, check=True, timeout=PATIENCE)
    with StoreWriter.open(db) as writer:
        list(import_file(file, writer))
    found = {}
    with StoreReader(db) as reader:
        for session in reader.sessions():
            table, notes = reader.load(session.key).table(), reader.notes_since(session.key, 0)
            all_found = look(Snapshot.of(table, table.latest), notes, table.tracks)
            found[session.id] = [
                one for one in all_found if not one.finding.unless_dependent or independent(reader, one)
            ]
    return found


@pytest.mark.parametrize(
    ("session", "rule", "title"),
    [
        ("in_a_row", "sequential", "3 calls of weather one after the other under in_a_row"),
        ("the_same_prompt", "repeated prompt", "The same prompt sent to FakeListChatModel 3 times"),
        ("tried_again", "retries", "flaky failed and was tried again twice"),
        ("slow_to_begin", "slow first token", "until the first token in a stream of FakeListChatModel"),
        ("growing", "growing context", "The input of GenericFakeChatModel grew from 300 tok to 4.8k tok in 5 calls"),
        ("one_look_up_each", "n+1", "8 look-ups by VectorStoreRetriever in one run of one_look_up_each"),
        ("waiting", "nothing running", "in waiting with nothing running"),
        ("one_dear_call", "cost", "of the cost is one call of ask"),
        ("swallowed", "swallowed error", "broken failed, and swallowed ended as if it had not"),
    ],
)
def test_what_a_program_does_is_found(findings: dict[str, list[Found]], session: str, rule: str, title: str) -> None:
    told = [one.finding for one in findings[session] if one.finding.rule == rule]
    assert len(told) == 1, [(one.finding.rule, one.finding.title) for one in findings[session]]
    assert title in told[0].title
    others = {
        name: [one.finding.title for one in found if one.finding.rule == rule] for name, found in findings.items()
    }
    found_in = {name for name, titles in others.items() if titles}
    if rule in ("nothing running", "sequential"):  # a busy machine's pauses make such of any program's calls
        assert session in found_in
    else:
        assert found_in == {session}, others
