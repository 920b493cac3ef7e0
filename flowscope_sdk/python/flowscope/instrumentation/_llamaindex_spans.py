"""LlamaIndex's own spans as FlowScope's; a call that hands out a stream stays open until the stream is read."""

from __future__ import annotations

import inspect
import sys
import weakref
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from flowscope import _context, _runtime
from flowscope._guard import guarded
from flowscope.instrumentation import _llamaindex_values as values
from flowscope.instrumentation import _nesting
from flowscope.instrumentation._llamaindex_calls import Call, Stream, Streamed
from flowscope.instrumentation._serialise import mro_names

if TYPE_CHECKING:
    from flowscope._span import Span

FRAMEWORK = "llamaindex"
# Spans that ended lately are still parents of what a background task starts under them.
_REMEMBERED = 1024
_CHAT_WRITERS = frozenset(("write_response_to_history", "awrite_response_to_history"))


class Calls:
    """The open calls of LlamaIndex in this process, by LlamaIndex's span ids."""

    def __init__(self, active: ContextVar[str | None]) -> None:
        self._active = active
        self._open: dict[str, Call] = {}
        self._ended: OrderedDict[str, Span] = OrderedDict()
        self._streams: weakref.WeakKeyDictionary[Any, Stream] = weakref.WeakKeyDictionary()
        self._chats: dict[int, Stream] = {}

    def current(self) -> Span | None:
        """The span of the call that LlamaIndex says is running here; of a stream's body it does not say so itself."""
        call = self._open.get(self._active.get() or "")
        span = call.span if call is not None else None
        read = self._being_read() if self._streams else None
        if read is None or (span is not None and not _nesting.is_inner(read, span)):
            return span
        return read

    def _being_read(self) -> Span | None:
        """The call whose stream's body is running here: its frame stands below the one that asks."""
        try:
            bodies = {
                frame: group
                for stream, group in list(self._streams.items())
                if (frame := getattr(stream, "gi_frame", None) or getattr(stream, "ag_frame", None)) is not None
            }
        except RuntimeError:  # another thread has begun a stream meanwhile
            return None
        frame = sys._getframe(2) if bodies else None
        while frame is not None:
            group = bodies.get(frame)
            if group is not None:
                return group.calls[0].span
            frame = frame.f_back
        return None

    def find(self, id_: str | None) -> Call | None:
        """The open call with LlamaIndex's span id `id_`."""
        return self._open.get(id_ or "")

    def enter(self, id_: str, bound: inspect.BoundArguments, instance: Any, parent_id: str | None, tags: Any) -> None:
        """A call begins. A private method of an object in whose public method it is called is part of that call."""
        name = id_[:-37].rpartition("<locals>.")[2]  # without "-" and a uuid
        method = name.rpartition(".")[2]
        above = self._open.get(parent_id or "")
        if method.startswith("_") and not method.startswith("__") and above is not None and above.instance is instance:
            above.ids.append(id_)
            self._open[id_] = above
            return
        if instance is not None:  # up to 0.11 it was named for the class that defines the method
            name = f"{type(instance).__name__}.{method}"
            if method in _CHAT_WRITERS:
                self._chat(instance).writing = True
        kind = values.kind(instance, method, bound)
        about: dict[str, Any] = {"llamaindex.span_id": id_, **values.about(instance, kind)}
        if tags:
            about["llamaindex.tags"] = values.readable(tags)
        span = _runtime.start_span(
            name,
            kind=kind,
            framework=FRAMEWORK,
            parent=self._parent(above, parent_id),
            input=values.call_input(bound),
            metadata=about,
        )
        self._open[id_] = Call(span, id_, above, instance, method)

    def leave(self, id_: str, instance: Any, result: Any) -> None:
        """A call returns. With a stream it stays open until the stream is read, closed or forgotten."""
        call = self._open.get(id_)
        if call is None:
            return
        if call.ids[0] != id_:
            self._part_over(call, id_, result)
            return
        if inspect.isgenerator(result) or inspect.isasyncgen(result):
            self._wait(call, result)
        elif hasattr(result, "response_gen") and mro_names(result) & {"StreamingResponse", "AsyncStreamingResponse"}:
            self._wait_for_response(call, result)
        elif "StreamingAgentChatResponse" in mro_names(result):
            self._wait_for_chat(call, result)
        else:
            self.end(call, result=result)
        self._written_by(id_, instance)

    def drop(self, id_: str, instance: Any, error: BaseException | None) -> None:
        """A call raises."""
        call = self._open.get(id_)
        if call is not None and call.ids[0] == id_:
            self.end(call, error=error)
        self._written_by(id_, instance)

    def end(self, call: Call, *, result: Any = ..., error: BaseException | None = None) -> None:
        """Close a call's span; what only steers the program is no failure."""
        for id_ in call.ids:
            self._open.pop(id_, None)
            self._ended[id_] = _nesting.remember(call.span)
        while len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)
        output: Any = call.output
        if output is ... and result is not ...:
            output = values.embedding_output(result) if call.span.kind == "embedding" else values.readable(result)
        if call.span.kind == "workflow" and result is not ... and not isinstance(result, BaseException):
            output = output if isinstance(output, dict) and "result" in output else {"result": output}
        if call.span.kind == "retriever" and result is not ...:
            call.span.set_metadata(values.retrieval_metadata(result))
            output = {"documents": values.readable(result)}
        steering = values.control_flow(error)
        if steering is None:
            call.span.end(output=output, error=error)
        else:
            call.span.set_metadata(steering)
            call.span.end(output=output)
        call.instance = None

    def end_streamed(self, call: Call, error: BaseException | None = None) -> None:
        """A model's stream is over: so are the calls around it that handed out nothing but it."""
        output = call.output
        self.end(call, error=error)
        above = call.above
        while above is not None and above.returned and above.group is not None and not above.group.watched:
            if above.output is ...:
                above.output = output
            self.end(above, error=error)
            above = above.above

    # Streams

    def _wait(self, call: Call, stream: Any) -> Stream:
        group = self._streams.get(stream)
        if group is None:
            group = self._streams[stream] = Stream()
            weakref.finalize(stream, self._forgotten, group)
        call.returned = True
        call.group = group
        group.calls.append(call)
        return group

    def _wait_for_response(self, call: Call, response: Any, attribute: str = "response_gen") -> None:
        stream = getattr(response, attribute)
        asynchronous = inspect.isasyncgen(stream)
        if not (asynchronous or inspect.isgenerator(stream)):
            self.end(call, result=response)
            return
        group = self._wait(call, stream)
        if not group.watched:
            group.watched = True
            # What the stream does is done under the innermost of the calls that returned it.
            inside = group.calls[0].ids[0]
            watched = self._aread(stream, group, inside) if asynchronous else self._read(stream, group, inside)
            setattr(response, attribute, watched)
            self._streams[watched] = group
            weakref.finalize(watched, self._forgotten, group)
        if call.output is ...:
            call.output = Streamed(group, values.readable(response))

    def _wait_for_chat(self, call: Call, response: Any) -> None:
        if not getattr(response, "is_writing_to_memory", True):
            asynchronous = getattr(response, "achat_stream", None) is not None
            self._wait_for_response(call, response, "achat_stream" if asynchronous else "chat_stream")
            return
        call.returned = True
        chat = self._chat(response)
        chat.calls.append(call)
        for piece in chat.pieces:
            call.span.stream(piece)
        # The thread that writes may have been done before.
        if not chat.writing and (response.is_done or response.exception is not None):
            self._chat_written(response)

    def _chat(self, response: Any) -> Stream:
        key = id(response)
        chat = self._chats.get(key)
        if chat is None:
            chat = self._chats[key] = Stream()
            weakref.finalize(response, self._chat_forgotten, key)
        return chat

    def chat_piece(self, writer: Call, text: str) -> None:
        """A chat engine's answer grows while a thread of its own writes it to the engine's memory."""
        if writer.instance is not None and "StreamingAgentChatResponse" in mro_names(writer.instance):
            chat = self._chat(writer.instance)
            chat.pieces.append(text)
            for call in chat.calls:
                call.span.stream(text)

    def _written_by(self, id_: str, instance: Any) -> None:
        if id_[:-37].rpartition(".")[2] in _CHAT_WRITERS:
            self._chat(instance).writing = False
            self._chat_written(instance)

    def _chat_written(self, response: Any) -> None:
        chat = self._chats.get(id(response)) if response is not None else None
        if chat is None:
            return
        calls, chat.calls = chat.calls, []
        for call in calls:
            output = values.readable(response)
            if not output.get("response"):  # before 0.14 it was known when the reader had read it
                output["response"] = "".join(chat.pieces).strip()
            call.output = output if call.output is ... else call.output
            self.end(call, error=getattr(response, "exception", None))

    @guarded
    def _chat_forgotten(self, key: int) -> None:
        chat = self._chats.pop(key, None)
        for call in chat.calls if chat is not None else ():
            self.end(call)

    @guarded
    def _forgotten(self, group: Stream) -> None:
        for call in list(group.calls):
            if call.span.kind == "llm" and call.ids[0] in self._open:  # its end would have been told
                self.end_streamed(call, error=GeneratorExit())
        self._finish(group, None)

    def _finish(self, group: Stream, error: BaseException | None) -> None:
        for call in group.calls:
            if isinstance(call.output, Streamed):
                call.output = call.output.whole()
            elif call.output is ... and group.pieces:
                call.output = "".join(group.pieces)
            if call.ids[0] in self._open:
                self.end(call, error=error)

    @guarded
    def _grow(self, group: Stream, piece: Any) -> None:
        text = piece if isinstance(piece, str) else getattr(piece, "delta", None)
        if isinstance(text, str) and text:
            group.pieces.append(text)
            for call in group.calls:
                call.span.stream(text)

    def _read(self, stream: Any, group: Stream, inside: str) -> Iterator[Any]:
        over: BaseException | None = None
        try:
            while True:
                token = self._active.set(inside)
                try:
                    piece = next(stream)
                except StopIteration:
                    return
                finally:
                    _context.put_back(self._active, token)
                self._grow(group, piece)
                yield piece
        except BaseException as error:
            over = error
            raise
        finally:
            stream.close()
            guarded(self._finish)(group, over)

    async def _aread(self, stream: Any, group: Stream, inside: str) -> AsyncIterator[Any]:
        over: BaseException | None = None
        try:
            while True:
                token = self._active.set(inside)
                try:
                    piece = await anext(stream)
                except StopAsyncIteration:
                    return
                finally:
                    _context.put_back(self._active, token)
                self._grow(group, piece)
                yield piece
        except BaseException as error:
            over = error
            raise
        finally:
            await stream.aclose()
            guarded(self._finish)(group, over)

    # Parents

    def _part_over(self, call: Call, id_: str, result: Any) -> None:
        # Events of a model's stream carry the id of the method that made it, so the id stays until the stream is over.
        if not (inspect.isgenerator(result) or inspect.isasyncgen(result)):
            self._open.pop(id_, None)
            call.ids.remove(id_)

    def _parent(self, above: Call | None, parent_id: str | None) -> Span | None:
        span = above.span if above is not None else self._ended.get(parent_id or "")
        if span is None:
            return _context.current()
        inner = _nesting.current_but("llamaindex")
        return inner if inner is not None and _nesting.is_inner(inner, span) else span
