"""`from flowscope.langchain import ...` hands out the framework's own classes, and the framework is traced by it."""

from __future__ import annotations

import ast
import os
import pickle
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE

import flowscope

STUBS = Path(flowscope.__file__).parent
MODULES = ("flowscope.langchain", "flowscope.llamaindex")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PROGRAM = """
from langchain_core.language_models import FakeListChatModel
from flowscope.langchain import LLMChain, PromptTemplate
from flowscope.llamaindex import Document, MockEmbedding, MockLLM, Settings, VectorStoreIndex

Settings.llm, Settings.embed_model = MockLLM(max_tokens=2), MockEmbedding(embed_dim=4)
print(LLMChain(llm=FakeListChatModel(responses=["yes"]), prompt=PromptTemplate.from_template("{x}")).invoke("1"))
print(VectorStoreIndex.from_documents([Document(text="oak")]).as_query_engine().query("wood?"))
"""


def stubbed(module: str) -> dict[str, str]:
    """The names a type checker sees, by the modules that it takes them from."""
    tree = ast.parse((STUBS / f"{module.rpartition('.')[2]}.pyi").read_text())
    return {
        alias.asname: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
        if alias.asname
    }


@pytest.mark.parametrize("module", MODULES)
def test_each_name_is_what_the_framework_has_and_what_a_type_checker_sees(module: str) -> None:
    ours, seen = import_module(module), stubbed(module)
    assert {name for name in dir(ours) if not name.startswith("_")} - {"replace"} == seen.keys()
    for name, source in seen.items():
        assert getattr(ours, name) is getattr(import_module(source), name), name


def test_instances_pickle_and_serialise_as_the_frameworks_own() -> None:
    from langchain_core.load import dumpd, load

    from flowscope.langchain import ChatPromptTemplate, LLMChain, PromptTemplate

    prompt = ChatPromptTemplate.from_template("{x}")
    assert pickle.loads(pickle.dumps(prompt)) == prompt
    assert load(dumpd(prompt)) == prompt
    assert PromptTemplate.lc_id()[:2] == ["langchain", "prompts"]
    assert LLMChain.__module__.startswith("langchain_classic.")


def run(source: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "app.py").write_text(source)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSCOPE_")}
    return subprocess.run(
        [sys.executable, "-W", "ignore", str(folder / "app.py")],
        env={**inherited, "FLOWSCOPE_RAISE": "1", **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


@pytest.mark.parametrize("also", ["", "import flowscope.auto\n"], ids=["alone", "with auto"])
def test_importing_from_flowscope_is_all_it_takes_and_nothing_is_recorded_twice(
    also: str, sink: Any, tmp_path: Path
) -> None:
    head = f"import flowscope\nflowscope.init(addr={sink.addr!r})\n"
    done = run(also + head + PROGRAM, tmp_path, FLOWSCOPE_ADDR="" if not also else sink.addr)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "{'x': '1', 'text': 'yes'}\ntext text\n"
    roots = [
        "LLMChain",
        "SentenceSplitter.__call__",
        "MockEmbedding.get_text_embedding_batch",
        "RetrieverQueryEngine.query",
    ]
    trace = sink.receive_until(lambda trace: not trace.pending() and [root.operation for root in trace.roots] == roots)
    assert trace.roots[0].shape() == {"LLMChain": ["FakeListChatModel"]}


@pytest.mark.parametrize(
    ("missing", "wanted", "told"),
    [
        (
            "langchain_core",
            "flowscope.langchain import LLMChain",
            "flowscope.langchain needs LangChain, which is not installed: pip install langchain",
        ),
        (
            "llama_index.core",
            "flowscope.llamaindex import VectorStoreIndex",
            "flowscope.llamaindex needs LlamaIndex, which is not installed: pip install llama-index-core",
        ),
        (
            "langchain_classic",
            "flowscope.langchain import LLMChain",
            "flowscope.langchain.LLMChain is in langchain_classic.chains, which is not installed:"
            " pip install langchain-classic",
        ),
    ],
)
def test_what_is_not_installed_is_said_in_one_line(missing: str, wanted: str, told: str, tmp_path: Path) -> None:
    done = run(f"import sys\nsys.modules[{missing!r}] = None\nfrom {wanted}\n", tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == f"ImportError: {told}"


def test_an_unknown_name_is_an_attribute_error() -> None:
    import flowscope.langchain

    with pytest.raises(AttributeError, match=r"'flowscope\.langchain' has no attribute 'LLMChian'"):
        _ = flowscope.langchain.LLMChian
