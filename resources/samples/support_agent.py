"""A support agent made with LangGraph: it plans, looks things up, and answers. Runs offline; the model is scripted."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from operator import add
from typing import Annotated, Any, TypedDict

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda, RunnableParallel
from langchain_core.tools import BaseTool, tool
from langchain_core.vectorstores import InMemoryVectorStore
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

POLICIES = {
    "refunds.md": "Refunds go back to the card that paid. The money arrives within 5 working days after the refund was "
    "issued; some banks take up to 30 days to show it.",
    "returns.md": "Goods can be returned within 60 days. A return is inspected within 2 working days of its arrival, "
    "then the refund is issued automatically.",
    "delivery.md": "The delivery address of an order can be changed until it has left the warehouse. After that the "
    "carrier can redirect it to a pick-up point.",
    "invoices.md": "Invoices are sent by e-mail when an order ships. A company's VAT number can be added afterwards.",
    "warranty.md": "Every appliance has a warranty of two years: a kettle that leaks, a machine that stays cold. "
    "Repairs are free of charge and take about ten days.",
}

ORDERS = {
    "4417": {"order_id": "4417", "item": "Espresso machine Lira 2", "status": "refunded", "amount": "EUR 249.00",
             "refund_issued": "2026-11-18", "expected_by": "2026-11-25"},
    "5120": {"order_id": "5120", "item": "Desk lamp Arc", "status": "packed", "amount": "EUR 64.90",
             "address": "14 Harbour Street, Cork"},
    "6033": {"order_id": "6033", "item": "Kettle Mono", "status": "delivered", "amount": "EUR 39.00",
             "delivered": "2026-11-12", "warranty_until": "2028-11-12"},
}  # fmt: skip

SYSTEM = (
    "You are the support agent of Norrland Home, a shop for household goods. Use the tools to look at orders; never "
    "guess an order's state. Rely on the shop's policies and say which one you used. Be brief, friendly and concrete: "
    "name dates and amounts. If a tool fails, say so plainly and tell the customer what holds in any case."
)

# What the scripted model says: the first entry whose words all stand in the conversation's end, in order of the script.
PLANS: list[tuple[str, list[tuple[str, dict[str, Any]]]]] = [
    ("try once more", [("lookup_order", {"order_id": "4417"})]),
    ("4417", [("lookup_order", {"order_id": "4417"})]),
    (
        "5120",
        [
            ("lookup_order", {"order_id": "5120"}),
            ("change_address", {"order_id": "5120", "address": "3 Mill Lane, Cork"}),
        ],
    ),
    ("6033", [("lookup_order", {"order_id": "6033"})]),
]
ANSWERS = [
    (
        "too many requests",
        "I could not read order 4417 just now: our order service is busy. What I can tell you from our refund policy: "
        "once a refund is issued, the money goes back to the card you paid with and arrives within 5 working days; "
        "some banks take up to 30 days to show it. Ask me again in a moment and I will look up the exact date.",
    ),
    (
        "2026-11-18",
        "Thank you for waiting! The refund of EUR 249.00 for your Espresso machine Lira 2 was issued on 18 November "
        "and should be on your card by 25 November. If it is not there by then, write to us with your order number "
        "4417 and we will ask the bank.",
    ),
    (
        "3 Mill Lane",
        "Done: your Desk lamp Arc is packed but has not left the warehouse, so I changed the delivery address of order "
        "5120 to 3 Mill Lane, Cork. You will get a new confirmation by e-mail.",
    ),
    (
        "2028-11-12",
        "I am sorry that your Kettle Mono leaks. Order 6033 was delivered on 12 November, so it is within our two-year "
        "warranty: the repair is free of charge and takes about ten days. I can send you a return label now.",
    ),
]
TRIAGE = {
    "topic": [("refund", "refund"), ("address", "delivery"), ("leaks", "warranty"), ("", "refund")],
    "mood": [("leaks", "annoyed"), ("once more", "impatient"), ("", "calm")],
    "language": [("", "English")],
}


class RateLimitError(Exception):
    """The order service answers 429."""


class ScriptedChatModel(BaseChatModel):
    """A chat model that answers from a script, at the pace of a real one."""

    model: str = "norrland-chat-mini"
    temperature: float = 0.2
    max_tokens: int = 400
    first_token_s: float = 0.18
    token_s: float = 0.006

    @property
    def _llm_type(self) -> str:
        return "scripted-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, "temperature": self.temperature, "max_tokens": self.max_tokens}

    def bind_tools(self, tools: Sequence[BaseTool], **kwargs: Any) -> Runnable[Any, AIMessage]:  # type: ignore[override]
        schemas = [
            {"type": "function", "function": {"name": t.name, "description": t.description, "parameters": t.args}}
            for t in tools
        ]
        return self.bind(tools=schemas, **kwargs)  # type: ignore[return-value]

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        reply = self._reply(messages, bool(kwargs.get("tools")))
        time.sleep(pace(messages) * (self.first_token_s + self.token_s * max(24, tokens(reply.text) // 2)))
        return ChatResult(generations=[ChatGeneration(message=reply, generation_info={"finish_reason": finish(reply)})])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        reply = self._reply(messages, bool(kwargs.get("tools")))
        time.sleep(pace(messages) * self.first_token_s)
        for word in re.findall(r"\S+\s*", reply.text):
            yield ChatGenerationChunk(message=AIMessageChunk(content=word))
            time.sleep(self.token_s)
        last = AIMessageChunk("", usage_metadata=reply.usage_metadata, response_metadata=reply.response_metadata)
        yield ChatGenerationChunk(message=last, generation_info={"finish_reason": finish(reply)})

    def _reply(self, messages: list[BaseMessage], may_call_tools: bool) -> AIMessage:
        asked = " ".join(m.text for m in messages if isinstance(m, HumanMessage)).rsplit("Customer:", 1)[-1]
        calls: list[tuple[str, dict[str, Any]]] = []
        text = ""
        if may_call_tools:
            last = next(m.text for m in reversed(messages) if isinstance(m, HumanMessage))
            calls = next(plan for words, plan in PLANS if words in last)
        elif messages[0].text.startswith("Classify"):
            what = re.findall(r"the (\w+) of", messages[0].text)[0]
            text = next(answer for words, answer in TRIAGE[what] if words in asked)
        else:
            found = " ".join(m.text for m in messages[-3:] if isinstance(m, ToolMessage))
            text = next((answer for words, answer in ANSWERS if words in found), "How can I help you?")
        spent_in = sum(tokens(m.text) + 4 for m in messages)
        spent_out = tokens(text) + 12 * len(calls)
        return AIMessage(
            content=text,
            tool_calls=[{"name": name, "args": args, "id": f"call_{name}_{args['order_id']}"} for name, args in calls],
            usage_metadata=UsageMetadata(
                input_tokens=spent_in,
                output_tokens=spent_out,
                total_tokens=spent_in + spent_out,
                input_token_details=InputTokenDetails(cache_read=min(spent_in, 64)),
            ),
            response_metadata={"model_name": f"{self.model}-2026-10"},
        )


class WordEmbeddings(Embeddings):
    """Texts with words in common lie near each other; enough for five policies."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self._embed(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        time.sleep(0.11)
        return self._embed(text)

    def _embed(self, text: str) -> list[float]:
        vector = [1e-6] * 512
        for word in re.findall(r"[a-z]{5,}", text.lower()):
            if word not in ("order", "after", "where", "still", "could"):
                vector[zlib.crc32(word[:6].encode()) % 512] += 1.0
        return vector


class State(TypedDict):
    """What the graph's nodes hand on."""

    messages: Annotated[list[AnyMessage], add]
    policies: list[str]


attempts: dict[str, int] = {}


@tool
def lookup_order(order_id: str) -> dict[str, str]:
    """Look up an order's state, amounts and dates."""
    time.sleep(0.3)
    attempts[order_id] = attempts.get(order_id, 0) + 1
    if order_id == "4417" and attempts[order_id] == 1:
        raise RateLimitError("429 orders-service: too many requests, retry after 2 s")
    return ORDERS[order_id]


@tool
def change_address(order_id: str, address: str) -> str:
    """Change the delivery address of an order that has not left the warehouse."""
    time.sleep(0.22)
    return f"The address of order {order_id} is now {address}."


TOOLS: dict[str, BaseTool] = {each.name: each for each in (lookup_order, change_address)}


def pace(messages: list[BaseMessage]) -> float:
    """How slow the model is with this question: the same each time, another for each."""
    return 0.8 + zlib.crc32("".join(m.text for m in messages).encode()) % 1000 / 1400


def tokens(text: str) -> int:
    """About how many tokens a text has."""
    return len(text) * 10 // 42


def finish(reply: AIMessage) -> str:
    return "tool_calls" if reply.tool_calls else "stop"


def call_tool(call: dict[str, Any], question: str, config: RunnableConfig) -> ToolMessage:
    """Run one tool call; what it raises becomes what the model reads."""
    try:
        return TOOLS[call["name"]].invoke({**call, "type": "tool_call"}, config)
    except RateLimitError as error:
        return ToolMessage(content=f"{error}", name=call["name"], tool_call_id=call["id"], status="error")


def build() -> Any:
    """The graph: plan, act, answer."""
    tools = list(TOOLS.values())
    store = InMemoryVectorStore(WordEmbeddings())
    store.add_documents([Document(text, id=name, metadata={"source": name}) for name, text in POLICIES.items()])
    search = store.as_retriever(search_kwargs={"k": 2})

    asking = ChatPromptTemplate.from_messages([("system", SYSTEM), MessagesPlaceholder("messages")])
    planner = (asking | ScriptedChatModel().bind_tools(tools)).with_config(run_name="planner")
    knowing = ChatPromptTemplate.from_messages(
        [("system", SYSTEM + "\n\nThe policies that matter here:\n{policies}"), MessagesPlaceholder("messages")]
    )
    model = ScriptedChatModel(model="norrland-chat-large", first_token_s=0.24)
    writer = (knowing | model).with_config(run_name="writer")

    def plan(state: State) -> dict[str, Any]:
        return {"messages": [planner.invoke({"messages": state["messages"]})]}

    def act(state: State, config: RunnableConfig) -> dict[str, Any]:
        calls = state["messages"][-1].tool_calls
        steps = {
            f"call_{n}": RunnableLambda(partial(call_tool, call), name="call_tool") for n, call in enumerate(calls)
        }
        question = " ".join(m.text for m in state["messages"] if isinstance(m, HumanMessage))
        found = RunnableParallel(policies=search, **steps).with_config(run_name="look_up").invoke(question, config)
        policies = [f"[{each.id}] {each.page_content}" for each in found.pop("policies")]
        return {"messages": list(found.values()), "policies": policies}

    def answer(state: State) -> dict[str, Any]:
        whole: Any = None
        for chunk in writer.stream({"messages": state["messages"], "policies": "\n".join(state["policies"])}):
            whole = chunk if whole is None else whole + chunk
        return {"messages": [AIMessage(whole.content, usage_metadata=whole.usage_metadata)]}

    graph = StateGraph(State)
    for node in (plan, act, answer):
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "act")
    graph.add_edge("act", "answer")
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=InMemorySaver(), name="support-agent")


def sorter() -> Runnable[dict[str, str], dict[str, str]]:
    """Classifies a question for three things at once."""
    model = ScriptedChatModel(first_token_s=0.14)
    sorters = {}
    for what in TRIAGE:
        asking = ChatPromptTemplate.from_messages(
            [("system", f"Classify the {what} of the message. One word."), ("user", "Customer: {question}")]
        )
        sorters[what] = (asking | model | StrOutputParser()).with_config(run_name=f"triage {what}")
    return RunnableParallel(sorters).with_config(run_name="triage")


def main() -> None:
    """Serve a customer who asks twice, then two more, each question sorted first."""
    agent, triage = build(), sorter()
    answers = []
    for customer, question in (
        ("c-1041", "Where is my refund for order 4417?"),
        ("c-1041", "Could you try once more? I need the date."),
        ("c-2210", "Can I still change the address of order 5120 to 3 Mill Lane, Cork?"),
        ("c-3307", "My kettle from order 6033 leaks. What now?"),
    ):
        kind = triage.invoke({"question": question})
        print(f"[{kind['topic']}, {kind['mood']}] {question}")
        config: RunnableConfig = {
            "configurable": {"thread_id": customer},
            "tags": ["support"],
            "metadata": {"customer": customer},
        }
        answers.append(agent.invoke({"messages": [HumanMessage(question)]}, config))
    for state in answers:
        print("-", re.split(r"(?<=[.])\s", state["messages"][-1].text)[0])


if __name__ == "__main__":
    main()
