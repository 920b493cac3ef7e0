"""Evaluates a question-answering index made with LlamaIndex, then chats with it. Offline; the model is scripted."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.llms import CustomLLM
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback

HANDBOOK = {
    "travel.md": "Trips are booked through the travel desk. Trains are preferred below 800 km. A hotel may cost up to "
    "EUR 140 a night; above that your manager approves it beforehand.",
    "expenses.md": "Receipts are handed in within 30 days with the expense form. Meals are paid up to EUR 38 a day. "
    "Approved expenses are paid out with the next salary.",
    "vacation.md": "Everyone has 28 days of vacation a year. Up to 6 unused days carry over until the end of March. "
    "Requests go to the team lead two weeks ahead.",
    "security.md": "Laptops are encrypted and locked when unattended. A lost device is reported to the security desk "
    "within one hour, at any time of day. Passwords are kept in the password manager.",
    "oncall.md": "Whoever is on call answers an alarm within 15 minutes. A week on call gives one day off. Incidents "
    "are written up within three working days, without naming who made a mistake.",
    "onboarding.md": "New colleagues get a laptop, an access card and a mentor on the first day. The mentor plans the "
    "first two weeks and is asked before anyone else.",
}
QUESTIONS = {
    "How much may a hotel cost a night?": (
        "A hotel may cost up to EUR 140 a night. Anything above that needs your manager's approval before you book "
        "(travel.md)."
    ),
    "How many vacation days carry over?": (
        "Up to 6 unused vacation days carry over, and they must be taken by the end of March (vacation.md)."
    ),
    "How soon must a lost laptop be reported?": (
        "Within one hour, at any time of day, to the security desk (security.md)."
    ),
    "When are expenses paid out?": (
        "Approved expenses are paid out with the next salary, if the receipts came within 30 days (expenses.md)."
    ),
    "What do I get for a week on call?": (
        "A week on call gives you one day off. While on call you answer alarms within 15 minutes (oncall.md)."
    ),
    "Who plans my first two weeks?": (
        "Your mentor does; you meet on the first day and ask them before anyone else (onboarding.md)."
    ),
}
CHAT = {
    "I am going to Lyon": (
        "For Lyon the travel desk books you a train, since it is below 800 km. Your hotel may cost up to EUR 140 a "
        "night and meals are paid up to EUR 38 a day. Keep the receipts: they are handed in within 30 days."
    ),
    "What if the only hotel": (
        "Then ask your manager for approval before you book: EUR 185 is above the limit of EUR 140 a night. With the "
        "approval attached to the expense form, the whole amount is paid out with your next salary."
    ),
}
JUDGE = "Say whether the answer follows from the context. Reply with a number from 0 to 1 and one short reason."


class ScriptedLLM(CustomLLM):
    """A chat model that answers from a script, at the pace of a real one."""

    model: str = "handbook-chat-mini"
    temperature: float = 0.1
    max_tokens: int = 300

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name=self.model, is_chat_model=True, context_window=16_000, num_output=self.max_tokens)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        text = self._answer(messages)
        time.sleep(pace(messages) * (0.2 + 0.004 * tokens(text)))
        return self._response(messages, text, text)

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        def stream() -> ChatResponseGen:
            time.sleep(pace(messages) * 0.24)
            text = ""
            for word in re.findall(r"\S+\s*", self._answer(messages)):
                text += word
                yield self._response(messages, text, word)
                time.sleep(0.009)

        return stream()

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        asked = [ChatMessage(role="user", content=prompt)]
        text = self._answer(asked)
        time.sleep(pace(asked) * (0.2 + 0.004 * tokens(text)))
        return CompletionResponse(text=text, raw=self._response(asked, text, text).raw)

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        yield self.complete(prompt, formatted, **kwargs)

    def _answer(self, messages: Sequence[ChatMessage]) -> str:
        asked = messages[-1].content or ""
        if any(JUDGE in (message.content or "") for message in messages):
            source = re.findall(r"\((\w+\.md)\)", asked)
            return f"1.0 Every figure of the answer stands in {source[0]}." if source else "0.4 No source is named."
        if "standalone question" in asked:
            return "May I book a hotel in Lyon for EUR 185 a night if no cheaper one is free?"
        return next(
            (answer for words, answer in {**QUESTIONS, **CHAT}.items() if words in asked), "The handbook does not say."
        )

    def _response(self, messages: Sequence[ChatMessage], text: str, delta: str) -> ChatResponse:
        usage = {"prompt_tokens": sum(tokens(m.content or "") + 4 for m in messages), "completion_tokens": tokens(text)}
        raw = {"model": f"{self.model}-2026-10", "choices": [{"finish_reason": "stop"}], "usage": usage}
        return ChatResponse(message=ChatMessage(role="assistant", content=text), delta=delta, raw=raw)


class WordEmbedding(BaseEmbedding):
    """Texts with words in common lie near each other; enough for six pages."""

    def _get_query_embedding(self, query: str) -> list[float]:
        time.sleep(0.09)
        return self._embed(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        time.sleep(0.02)
        return self._embed(text)

    def _embed(self, text: str) -> list[float]:
        vector = [1e-6] * 512
        for word in re.findall(r"[a-z]{4,}", text.lower()):
            if word not in ("file", "name", "what", "within", "before", "that", "with", "must"):
                vector[zlib.crc32(word[:5].encode()) % 512] += 1.0
        return vector


def pace(messages: Sequence[ChatMessage]) -> float:
    """How slow the model is with this question: the same each time, another for each."""
    return 0.8 + zlib.crc32("".join(m.content or "" for m in messages).encode()) % 1000 / 1000


def tokens(text: str) -> int:
    """About how many tokens a text has."""
    return len(text) * 10 // 42


def main() -> None:
    """Build the index, ask and judge six questions three at a time, then talk to it."""
    Settings.llm = ScriptedLLM()
    Settings.embed_model = WordEmbedding(model_name="handbook-embed-small", embed_batch_size=8)
    documents = [Document(text=text, doc_id=name, metadata={"file_name": name}) for name, text in HANDBOOK.items()]
    index = VectorStoreIndex.from_documents(documents)
    engine = index.as_query_engine(similarity_top_k=2)
    judge = ScriptedLLM(model="handbook-judge")

    def evaluate(question: str) -> tuple[str, str, float]:
        response = engine.query(question)
        context = "\n".join(node.get_content() for node in response.source_nodes)
        verdict = judge.chat(
            [
                ChatMessage(role="system", content=JUDGE),
                ChatMessage(role="user", content=f"Context:\n{context}\n\nQuestion: {question}\nAnswer: {response}"),
            ]
        )
        return question, str(response), float((verdict.message.content or "0").split()[0])

    with ThreadPoolExecutor(3, "eval") as pool:
        results = list(pool.map(evaluate, QUESTIONS))
    for question, _answer, score in results:
        print(f"{score:.1f}  {question}")
    print(f"mean {sum(score for *_, score in results) / len(results):.2f}")

    chat = index.as_chat_engine(chat_mode="condense_plus_context", similarity_top_k=2)
    for message in ("I am going to Lyon for three days. What is paid?", "What if the only hotel left costs EUR 185?"):
        print(f"> {message}")
        for piece in chat.stream_chat(message).response_gen:
            print(piece, end="", flush=True)
        print()


if __name__ == "__main__":
    main()
