"""One unit of work: what is known of it, filled in by the calling thread, encoded later by the background thread."""

from __future__ import annotations

from time import monotonic_ns
from typing import TYPE_CHECKING, Any, ClassVar, Self

from flowscope import _context
from flowscope._capture import loads, snapshot
from flowscope._errors import ErrorInfo
from flowscope._guard import failed
from flowscope._intake import SPAN_COST
from flowscope._streams import Answer, Stream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowscope._intake import Intake

_SCALARS = frozenset((str, int, float, bool, type(None)))


class Span:
    """A span. Times are nanoseconds since the epoch; `end_ns` is None and `status` "pending" until end().

    What is set is snapshotted at once, so that later changes to it do not show. Nothing here raises.
    """

    # Slots, each set by begin(): the smallest and quickest object there is.
    __slots__ = (
        "__weakref__", "_clock", "_cost", "_depth", "_error_info", "_id", "_input", "_intake", "_level", "_metadata",
        "_output", "_parent", "_queued", "_shown", "_stream", "_task", "_thread", "_trace", "end_ns", "error",
        "framework", "kind", "operation", "session_id", "start_ns", "status",
    )  # fmt: skip
    is_recording: ClassVar[bool] = True
    operation: str
    framework: str
    kind: str
    session_id: str
    start_ns: int
    end_ns: int | None
    status: str
    error: str | None

    _metadata: dict[str, Any] | None
    # Ids as integers: their text is made by the background thread. A parent of 0 is none.
    _id: int
    _trace: int
    _parent: int
    _depth: int  # how many spans of this process stand above it
    _clock: int  # monotonic_ns() at start_ns
    _intake: Intake
    _thread: str
    _task: str | None
    _input: bytes | None
    _output: bytes | None
    _stream: Stream | None
    _error_info: ErrorInfo | None
    # Whether the background thread will look at this span again without being told.
    _queued: bool
    # What the intake counts for it, in bytes.
    _cost: int
    # When a pending state of it was last sent (monotonic ns); 0 = never.
    _shown: int
    # 0: all is sent; 1: no payloads; 2: nothing unless it fails.
    _level: int

    @property
    def id(self) -> str:
        """16 hex digits."""
        return f"{self._id:016x}"

    @property
    def trace_id(self) -> str:
        """32 hex digits, shared by all spans under one root."""
        return f"{self._trace:032x}"

    @property
    def parent_id(self) -> str | None:
        """16 hex digits; None for a root."""
        return f"{self._parent:016x}" if self._parent else None

    @property
    def metadata(self) -> dict[str, Any]:
        """What is known beside input and output, by its standard name; set() and set_metadata() take snapshots."""
        found = self._metadata
        if found is None:
            found = self._metadata = {}
        return found

    @property
    def input(self) -> Any:
        """What went in, as it was when it was set: plain JSON types."""
        return None if self._input is None else loads(self._input)

    @input.setter  # noqa: A003
    def input(self, value: Any) -> None:
        if self._level != 1:
            self._input = snapshot(value)
            self._changed(len(self._input))

    @property
    def output(self) -> Any:
        """What came out, as it was when it was set: plain JSON types."""
        data = output_json(self)
        return None if data is None else loads(data)

    @output.setter
    def output(self, value: Any) -> None:
        if self._level != 1:
            self._output = snapshot(value)
            self._stream = None
            self._changed(len(self._output))

    def stream(self, text: str) -> None:
        """Append a piece of streamed text: until an output is set, the pieces so far are the output."""
        self._grow("text", text)

    def stream_reasoning(self, text: str) -> None:
        """Append a piece of streamed reasoning (thinking)."""
        self._grow("reasoning", text)

    def stream_tool_call(
        self, key: object, arguments: str = "", *, id: str | None = None, name: str | None = None
    ) -> None:
        """Append a piece of a streamed tool call's arguments (JSON text).

        `key` tells the calls of one answer apart: their index or id.
        """
        self._grow("tool_call", arguments, key, id, name)

    def _grow(self, kind: str, piece: str, key: object = None, id: str | None = None, name: str | None = None) -> None:
        try:
            answer = self._stream
            if not isinstance(answer, Answer):
                self.first_token()
                if self._level == 1:
                    return
                answer = self._stream = Answer()
            if kind == "tool_call":
                answer.add_call(key, piece, id, name)
            else:
                answer.add(kind, piece)
            self._changed(len(piece))
        except Exception as error:
            failed("Span.stream", error)

    def first_token(self) -> None:
        """Note that the first piece of a streamed answer is here now; only the first call counts."""
        metadata = self.metadata
        if "flowscope.first_token_ns" not in metadata:
            waited = monotonic_ns() - self._clock
            metadata["flowscope.first_token_ns"] = waited
            metadata["flowscope.stream"] = True
            if self.kind == "llm":
                metadata["gen_ai.response.time_to_first_chunk"] = waited / 1e9

    def set(self, key: str, value: Any) -> None:
        """Set one member of the metadata."""
        try:
            self.metadata[key] = value if type(value) in _SCALARS else loads(snapshot(value))
            self._changed(64)
        except Exception as error:
            failed("Span.set", error)

    def set_metadata(self, members: Mapping[str, Any]) -> None:
        """Set several members of the metadata."""
        for key, value in members.items():
            self.set(key, value)

    def fail(self, error: BaseException) -> None:
        """Note the exception that the work failed with. The span stays open until end()."""
        try:
            self.status = "error"
            self.error = type(error).__name__
            info = ErrorInfo(error)
            self.error = info.message
            self._error_info = info
            self._changed(256)
        except Exception as mistake:
            failed("Span.fail", mistake)

    def end(self, output: Any = ..., error: BaseException | None = None, end_ns: int | None = None) -> None:
        """Finish the span, now or at `end_ns`; only the first call counts."""
        if self.end_ns is not None:
            return
        try:
            now = self.start_ns + monotonic_ns() - self._clock
            size = 0
            if output is not ... and self._level != 1:
                self._output = data = snapshot(output)
                if self._stream is not None:
                    self._stream = None
                size = len(data)
            if error is not None:
                self.fail(error)
            elif self.status == "pending":
                self.status = "success"
            self.end_ns = now if end_ns is None else max(end_ns, self.start_ns)
            if not self._queued:
                self._requeue(size)
            elif size:
                self._cost += size
                self._intake.bytes += size
        except Exception as mistake:
            failed("Span.end", mistake)

    def _changed(self, size: int) -> None:
        """Have the background thread look at the span (again), if it would not by itself."""
        if self._queued:
            self._cost += size
            self._intake.bytes += size
        else:
            self._requeue(size)

    def _requeue(self, size: int = 0) -> None:
        if self._level != 2 or (self.end_ns is not None and self.status == "error"):
            self._queued = True
            self._intake.put(self, size + SPAN_COST)

    def __repr__(self) -> str:
        return f"<Span {self.operation!r} {self.id} {self.status}>"


class Unrecorded(Span):
    """Stands where a span is not recorded.

    `through` is the span that its children belong to; with `blocks` they aren't recorded either.
    """

    __slots__ = ("blocks", "through")
    is_recording = False

    def __init__(self, through: Span | None = None, *, blocks: bool = False) -> None:
        self.through = through
        self.blocks = blocks
        self.operation = self.framework = self.kind = self.session_id = self._thread = ""
        self.start_ns = self._clock = self._id = self._trace = self._parent = self._depth = self._cost = self._shown = 0
        self.end_ns = self.error = self._task = self._input = self._output = self._stream = self._error_info = None
        self.status = "pending"
        self._queued = True
        self._level = 1

    @property
    def metadata(self) -> dict[str, Any]:
        """A new one each time: what is put into it goes nowhere."""
        return {}

    def stream(self, text: str) -> None: ...
    def stream_reasoning(self, text: str) -> None: ...
    def stream_tool_call(
        self, key: object, arguments: str = "", *, id: str | None = None, name: str | None = None
    ) -> None: ...
    def first_token(self) -> None: ...
    def set(self, key: str, value: Any) -> None: ...
    def set_metadata(self, members: Mapping[str, Any]) -> None: ...
    def fail(self, error: BaseException) -> None: ...
    def end(self, output: Any = ..., error: BaseException | None = None, end_ns: int | None = None) -> None: ...
    def _changed(self, size: int) -> None: ...


class Remote(Unrecorded):
    """A span of another process, known by its ids only."""

    __slots__ = ("_entered", "baggage", "tracestate")

    def __init__(self, trace_id: int, span_id: int, session_id: str = "", *, sampled: bool = True) -> None:
        super().__init__(blocks=not sampled)
        self._trace = trace_id
        self._id = span_id
        self.session_id = session_id
        self.through = self if span_id and sampled else None
        # What its process sent along, to be handed on; baggage without what is FlowScope's.
        self.tracestate = self.baggage = ""
        self._entered: list[_context.Token] = []

    def __enter__(self) -> Self:
        if self._id:
            self._entered.append(_context.attach(self))
        return self

    def __exit__(self, *_: object) -> None:
        if self._entered:
            _context.detach(self._entered.pop())


class Unsampled(Unrecorded):
    """Stands for a trace that FLOWSCOPE_SAMPLE leaves out: other processes are told of it, to leave it out too."""

    __slots__ = ()

    def __init__(self, trace_id: int, span_id: int) -> None:
        super().__init__(blocks=True)
        self._trace = trace_id
        self._id = span_id


NOOP = Unrecorded(blocks=True)
"""What is returned where FlowScope is off: it and all that is opened inside it leaves no trace."""


def output_json(span: Span) -> bytes | None:
    """The output so far as JSON: what was set, else what has been streamed."""
    stream = span._stream
    return span._output if stream is None else stream.json()


def plain(members: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of metadata that nobody else can change."""
    return {key: value if type(value) in _SCALARS else loads(snapshot(value)) for key, value in members.items()}
