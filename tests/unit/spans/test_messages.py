"""Chats out of every shape that frameworks and providers record them in."""

import pytest
from langchain_core.documents import Document as LangChainDocument
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.llms import ChatMessage, ChatResponse
from llama_index.core.schema import NodeWithScore, TextNode

from flowscope_app.spans.messages import Message, conversation, received_messages, sent_messages
from flowscope_app.spans.parts import Part

CALL = {"name": "lookup_order", "args": {"order_id": 4417}, "id": "c1"}
TURNS = [
    SystemMessage("You are a support agent."),
    HumanMessage("Where is my refund?"),
    AIMessage("", tool_calls=[CALL]),
    ToolMessage("too many requests", tool_call_id="c1", status="error"),
]
EXPECTED = [
    Message("system", (Part("text", "You are a support agent."),)),
    Message("user", (Part("text", "Where is my refund?"),)),
    Message("assistant", (Part("tool_call", '{"order_id": 4417}', "lookup_order", "c1"),)),
    Message("tool", (Part("tool_result", "too many requests", "lookup_order", "c1", error=True),)),
]


def chat(given, result=None, metadata=None, kind="llm"):
    return conversation(kind, given, result, metadata or {})


def roles(messages):
    return [(message.role, "|".join(part.text for part in message.parts)) for message in messages]


@pytest.mark.parametrize("dump", [dumpd, lambda m: m.model_dump(mode="json")], ids=["constructor", "plain"])
@pytest.mark.parametrize("wrap", [lambda m: {"messages": [m]}, lambda m: {"messages": m}, lambda m: m])
def test_langchain_messages(dump, wrap):
    found = chat(wrap([dump(turn) for turn in TURNS]))
    assert list(found.sent) == EXPECTED


def test_langchain_generations_carry_reported_tokens():
    usage = {"input_tokens": 812, "output_tokens": 88, "total_tokens": 900}
    generation = ChatGeneration(message=AIMessage("Hi", usage_metadata=usage))
    result = LLMResult(generations=[[generation]])
    for output in ({"generations": [[dumpd(generation)]]}, result.model_dump(mode="json", serialize_as_any=True)):
        assert received_messages(output) == [Message("assistant", (Part("text", "Hi"),), tokens=88)]
    chunk = AIMessageChunk("Hel").model_dump(mode="json")
    assert roles(received_messages({"generations": [[{"text": "Hel", "message": chunk}]]})) == [("assistant", "Hel")]


def test_completion_models_and_prompts():
    found = chat({"prompts": ["Say hi", "Say ho"]}, {"generations": [[{"text": "hi"}], [{"text": "ho"}]]})
    assert roles(found.sent) == [("user", "Say hi"), ("user", "Say ho")]
    assert roles(found.received) == [("assistant", "hi"), ("assistant", "ho")]


def test_openai_chat_with_tools_images_and_reasoning():
    given = {
        "model": "gpt-4o-mini",
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 4000}},
            ]},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
        ],
    }  # fmt: skip
    result = {"choices": [{"message": {"role": "assistant", "reasoning_content": "Cats…", "content": "A cat."}}]}
    found = chat(given, result)
    assert [message.role for message in found.sent] == ["developer", "user", "assistant", "tool"]
    assert found.sent[1].parts[1] == Part("media", "image, 3 kB", "image/png")
    assert found.sent[2].parts == (Part("tool_call", '{"at": 1}', "look", "c1"),)
    assert found.sent[3].parts == (Part("tool_result", "a cat", "look", "c1"),)
    assert found.received[0].parts == (Part("reasoning", "Cats…"), Part("text", "A cat."))


def test_openai_responses():
    given = {
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "order 4417?"}]},
            {"type": "function_call", "call_id": "c1", "name": "lookup", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "shipped"},
        ],
    }
    result = {
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "thinking"}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Shipped."}]},
        ]
    }
    found = chat(given, result)
    assert roles(found.sent) == [
        ("system", "Be brief."), ("user", "order 4417?"), ("assistant", "{}"), ("tool", "shipped")
    ]  # fmt: skip
    assert found.sent[3].parts[0].name == "lookup"
    assert roles(found.received) == [("assistant", "thinking"), ("assistant", "Shipped.")]
    assert roles(chat({"input": "hello"}).sent) == [("user", "hello")]


def test_anthropic_content_blocks():
    given = {
        "system": "Be brief.",
        "messages": [
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm"},
                {"type": "tool_use", "id": "t1", "name": "lookup", "input": {"id": 1}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1", "is_error": True,
                 "content": [{"type": "text", "text": "no such order"}]},
                {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "A" * 8000}}]},
        ],
    }  # fmt: skip
    result = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Sorry."}]}
    found = chat(given, result)
    assert found.sent[0] == Message("system", (Part("text", "Be brief."),))
    assert [part.kind for part in found.sent[1].parts] == ["reasoning", "tool_call"]
    assert found.sent[2].parts[0] == Part("tool_result", "no such order", "lookup", "t1", error=True)
    assert found.sent[2].parts[1].name == "image/jpeg"
    assert roles(found.received) == [("assistant", "Sorry.")]


def test_langchain_says_an_anthropic_call_only_once():
    block = {"type": "tool_use", "id": "t1", "name": "lookup", "input": {}}
    message = AIMessage([block], tool_calls=[{"name": "lookup", "args": {}, "id": "t1"}])
    assert len(received_messages(dumpd(message))[0].parts) == 1


def test_llamaindex_messages():
    message = ChatMessage(role="assistant", content="Hi")
    message.blocks.append(ToolCallBlock(tool_call_id="c1", tool_name="add", tool_kwargs={"a": 1}))
    given = {"messages": [ChatMessage(role="user", content="Hello").model_dump(mode="json")]}
    found = chat(given, ChatResponse(message=message).model_dump(mode="json"))
    assert roles(found.sent) == [("user", "Hello")]
    assert found.received[0].parts == (Part("text", "Hi"), Part("tool_call", '{"a": 1}', "add", "c1"))


def test_google_parts():
    given = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "system_instruction": "brief"}
    call = {"function_call": {"name": "add", "args": {"a": 1}}}
    found = chat(given, {"candidates": [{"content": {"role": "model", "parts": [{"text": "ok"}, call]}}]})
    assert roles(found.sent) == [("system", "brief"), ("user", "hi")]
    assert [part.kind for part in found.received[0].parts] == ["text", "tool_call"]


def test_genai_attributes_in_metadata():
    metadata = {
        "gen_ai.system_instructions": [{"type": "text", "content": "brief"}],
        "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"hi"}]}]',
        "gen_ai.output.messages": [
            {"role": "assistant", "finish_reason": "stop", "parts": [
                {"type": "reasoning", "content": "hm"},
                {"type": "tool_call", "id": "c", "name": "add", "arguments": {"a": 1}},
                {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"},
                {"type": "uri", "modality": "image", "uri": "https://example.org/x.png"}]},
        ],
    }  # fmt: skip
    found = chat(None, None, metadata)
    assert roles(found.sent) == [("system", "brief"), ("user", "hi")]
    assert [part.kind for part in found.received[0].parts] == ["reasoning", "tool_call", "media", "media"]
    assert found.received[0].parts[3].text == "https://example.org/x.png"


def test_openinference_attributes_in_metadata():
    metadata = {
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "hi",
        "llm.input_messages.10.message.role": "user",
        "llm.input_messages.10.message.content": "last",
        "llm.input_messages.2.message.role": "user",
        "llm.input_messages.2.message.contents.0.message_content.type": "text",
        "llm.input_messages.2.message.contents.0.message_content.text": "middle",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "add",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"a": 1}',
    }
    found = chat(None, None, metadata)
    assert roles(found.sent) == [("user", "hi"), ("user", "middle"), ("user", "last")]
    assert found.received[0].parts == (Part("tool_call", '{"a": 1}', "add", "c"),)


def test_a_tools_own_span_shows_arguments_and_result():
    output = {"output": ToolMessage('{"status": "refunded"}', tool_call_id="c1", name="lookup").model_dump(mode="json")}
    found = chat({"order_id": "4417"}, output, kind="tool")
    assert roles(found.sent) == [("arguments", '{"order_id": "4417"}')]
    assert found.received[0].parts == (Part("tool_result", '{"status": "refunded"}', "lookup", "c1"),)
    assert not chat({"order_id": "4417"}, {"status": "refunded"}, kind="tool")


def test_bare_text_is_a_message_only_of_a_model():
    assert roles(chat("hi", "ho").sent) == [("user", "hi")]
    assert not chat("hi", "ho", kind="tool")
    assert not chat({"question": "hi"}, {"answer": "ho"}, kind="chain")
    assert not chat({"input": "hi", "text": "x"}, {"text": "y"}, kind="chain")


def test_a_graphs_state_shows_only_what_a_node_added():
    before = [turn.model_dump(mode="json") for turn in TURNS[:2]]
    after = [*before, AIMessage("30 days").model_dump(mode="json")]
    found = chat({"messages": before, "order": 4417}, {"messages": after}, kind="chain")
    assert roles(found.received) == [("assistant", "30 days")]


@pytest.mark.parametrize(
    "output",
    [
        {"documents": [LangChainDocument("alpha", metadata={"source": "a.md", "score": 0.5}).model_dump()]},
        [dumpd(LangChainDocument("alpha", metadata={"source": "a.md", "score": 0.5}))],
        [NodeWithScore(node=TextNode(text="alpha", metadata={"file_name": "a.md"}), score=0.5).model_dump(mode="json")],
        {"nodes": [{"node": {"text": "alpha", "metadata": {"source": "a.md"}}, "score": 0.5}]},
        [[{"page_content": "alpha", "metadata": {"source": "a.md"}}, 0.5]],
        [{"document.content": "alpha", "document.score": "0.5", "document.metadata": {"source": "a.md"}}],
        {"results": [{"content": "alpha", "score": 0.5, "id": "a.md"}]},
    ],
)  # fmt: skip
def test_retrieved_documents(output):
    found = chat({"query": "greek"}, output, kind="retriever")
    assert found.query == "greek"
    assert [(d.text, d.score, d.source) for d in found.documents] == [("alpha", 0.5, "a.md")]


@pytest.mark.parametrize(
    "garbage",
    [
        None, 0, 1.5, True, [], {}, [[]], [None], [[[["x"]]]], {"messages": None}, {"messages": [1, None]},
        {"messages": {"role": 3}}, {"choices": [None, 3, {}]}, {"generations": [None, [None], 4]},
        {"lc": 1}, {"lc": 1, "id": [], "kwargs": 4}, [{"lc": 1, "id": 4, "kwargs": {}}],
        {"role": "user", "content": {"a": {"b": 1}}},
        {"messages": [{"role": "user", "content": [{"type": []}]}]}, {"blocks": "x"}, {"candidates": [{"content": 4}]},
        {"message": {"message": {"message": {"role": "user", "content": "x"}}}},
        {"messages": [{"role": "assistant", "tool_calls": [None, 3, {"function": 4}]}]},
        {"messages": [{"role": "tool", "content": {"deep": [1]}}]}, {"documents": [None]}, {"nodes": {"node": 4}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["llm", "chain", "retriever"])
def test_what_is_no_chat_never_raises(garbage, kind):
    conversation(kind, garbage, garbage, {"gen_ai.input.messages": garbage, "llm.input_messages.x": garbage})
    sent_messages(garbage)
    received_messages(garbage)


def test_deep_nesting_is_cut_not_followed():
    content = "x"
    for _ in range(900):
        content = [{"type": "tool_result", "content": content}]
    found = chat({"messages": [{"role": "user", "content": content}]})
    assert found.sent[0].parts
