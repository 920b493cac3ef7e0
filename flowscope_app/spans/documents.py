"""Retrieved documents out of the shapes that retrievers record them in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowscope_app.spans.parts import first, json_text, text

MAX_DOCUMENTS = 5_000

_LISTS = ("documents", "nodes", "source_nodes", "source_documents", "results", "matches", "output")
_TEXTS = ("page_content", "text", "content", "document.content", "pageContent", "body", "snippet")
_SCORES = ("score", "relevance_score", "_score", "similarity", "similarity_score", "document.score")


@dataclass(frozen=True, slots=True)
class Document:
    """A document as a retriever gave it: `score` None when it gave none; `source` names where it is from."""

    text: str
    score: float | None = None
    source: str = ""


def documents_in(value: Any) -> list[Document]:
    """The documents in a retriever's output; empty when it holds none."""
    if isinstance(value, Mapping):
        for key in _LISTS:
            found = documents_in(value[key]) if isinstance(value.get(key), (list, Mapping)) else []
            if found:
                return found
        return []
    if not isinstance(value, list):
        return []
    documents: list[Document] = []
    for item in value[:MAX_DOCUMENTS]:
        document = _document(item)
        if document is None:
            return []
        documents.append(document)
    return documents


def _document(item: Any, score: float | None = None) -> Document | None:
    if isinstance(item, str):
        return Document(item, score)
    if isinstance(item, list) and len(item) == 2 and isinstance(item[1], (int, float)):  # (document, score)
        return _document(item[0], float(item[1]))
    if not isinstance(item, Mapping):
        return None
    for key in ("kwargs", "node", "document"):  # LangChain's constructor, LlamaIndex, OpenInference
        inner = item.get(key)
        if isinstance(inner, Mapping):
            outer = _number(first(item, *_SCORES))
            return _document(inner, score if outer is None else outer)
    content = first(item, *_TEXTS)
    if content is None:
        return None
    metadata = first(item, "metadata", "document.metadata", "extra_info")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    said = _number(first(item, *_SCORES))
    if said is None:
        said = _number(first(metadata, *_SCORES))
    source = first(metadata, "source", "file_name", "file_path", "title", "url")
    source = source if source is not None else first(item, "source", "title", "id", "id_", "document.id")
    return Document(json_text(content), score if said is None else said, text(source))


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
