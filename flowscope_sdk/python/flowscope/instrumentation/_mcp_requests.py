"""One MCP request, on the side that sends it or on the side that serves it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from flowscope import _context, _propagate, _runtime
from flowscope._guard import failed, guarded
from flowscope._span import NOOP, Span
from flowscope.instrumentation import _genai

# What of the protocol is work, and what kind. The rest (handshakes, pings, subscriptions) is plumbing and no span.
_KINDS = {
    "tools/call": "tool",
    "tools/list": "task",
    "prompts/get": "prompt",
    "prompts/list": "task",
    "resources/read": "retriever",
    "resources/list": "task",
    "resources/templates/list": "task",
    "completion/complete": "task",
    "sampling/createMessage": "llm",
    "elicitation/create": "task",
}


def sending(method: Any, params: Any) -> Request:
    """A request that goes out."""
    return _begin(method, params, "client", None)


def serving(method: Any, params: Any) -> Request:
    """A request that has come in: a child of the caller's span, if its `_meta` names one."""
    try:
        meta = _genai.get(params, "_meta")
        caller = _propagate.extract(meta) if isinstance(meta, Mapping) else None
    except Exception as error:
        failed("an MCP request", error)
        caller = None
    return _begin(method, params, "server", caller if caller is not None and caller._id else None)


def of_model(request: Any) -> tuple[Any, Any]:
    """Method and params of a request that is a model of the SDK's first generation."""
    data = plain(request)
    return _genai.get(data, "method"), _genai.get(data, "params")


def plain(model: Any) -> Any:
    """A model as it stands on the wire; None if it can't be told."""
    try:
        return model.model_dump(by_alias=True, mode="json", exclude_none=True)
    except Exception as error:
        failed("an MCP message", error)
        return None


def _begin(method: Any, params: Any, side: str, caller: Any) -> Request:
    request = Request()
    try:
        request.caller = caller
        kind = _KINDS.get(method)
        if kind is not None:
            target = _genai.get(params, "name") or _genai.get(params, "uri")
            request.span = _runtime.start_span(
                f"{method} {target}" if isinstance(target, str) else method,
                kind=kind,
                framework="mcp",
                **({"parent": caller} if caller is not None else {}),
                input=_given(method, params),
                metadata=_about(method, target, side),
            )
    except Exception as error:
        failed("an MCP request", error)
    return request


def _given(method: str, params: Any) -> Any:
    if not isinstance(params, Mapping):
        return ...
    if method == "tools/call":
        return params.get("arguments") or {}
    return {name: value for name, value in params.items() if name != "_meta"}


def _about(method: str, target: Any, side: str) -> dict[str, Any]:
    about: dict[str, Any] = {"mcp.method.name": method, "mcp.side": side}
    if not isinstance(target, str):
        return about
    if method == "tools/call":
        about |= {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": target}
    elif method == "prompts/get":
        about["gen_ai.prompt.name"] = target
    elif method == "resources/read":
        about["mcp.resource.uri"] = target
    return about


class Request:
    """Its span is current in the block, and ends with it."""

    def __init__(self) -> None:
        self.span: Span = NOOP
        self.caller: Any = None
        self._output: Any = ...
        self._wrong: tuple[str, str] | None = None
        self._entered: list[_context.Token] = []

    def __enter__(self) -> Request:
        if self.caller is not None:
            self._entered.append(_context.attach(self.caller))
        if self.span is not NOOP:
            self._entered.append(_context.attach(self.span))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._entered:
            _context.detach(self._entered.pop())
        self._end(error)

    def with_context(self, params: Any) -> Any:
        """`params` that carry the current span in their `_meta`; the program's own stay as they are."""
        try:
            mine = _propagate.outgoing()
            meta = dict(_genai.get(params, "_meta") or {})
            if not mine or "traceparent" in meta or not (params is None or isinstance(params, Mapping)):
                return params
            return {**(params or {}), "_meta": {**mine, **meta}}
        except Exception as error:
            failed("an MCP request", error)
            return params

    def model_with_context(self, request: Any) -> Any:
        """The same for a model; one without params goes as it is."""
        try:
            root = getattr(request, "root", request)
            params = getattr(root, "params", None)
            if params is None and str(root.method).endswith("/list"):
                types = sys.modules.get("mcp.types")  # the first of these only since 1.20
                params = (getattr(types, "PaginatedRequestParams", None) or types.RequestParams)()  # type: ignore[union-attr]
            mine = _propagate.outgoing()
            there = {} if params is None or params.meta is None else params.meta.model_dump(by_alias=True)
            if params is None or not mine or "traceparent" in there:
                return request
            meta = type(params).Meta(**{**mine, **{name: value for name, value in there.items() if value is not None}})
            root = root.model_copy(update={"params": params.model_copy(update={"meta": meta})})
            return request.model_copy(update={"root": root}) if hasattr(request, "root") else root
        except Exception as error:
            failed("an MCP request", error)
            return request

    @guarded
    def answered(self, result: Any) -> None:
        """What was answered, as it stands on the wire."""
        if result is None:
            return
        self._output = result
        if _genai.get(result, "isError") is True:
            texts = [_genai.get(part, "text") for part in _genai.get(result, "content") or ()]
            self._wrong = "tool_error", next((text for text in texts if isinstance(text, str)), "the tool failed")
        elif isinstance(_genai.get(result, "code"), int) and isinstance(_genai.get(result, "message"), str):
            self._wrong = str(_genai.get(result, "code")), _genai.get(result, "message")

    def watch(self, responder: Any) -> None:
        """See what a responder of the first generation is given to send."""
        respond = responder.respond

        async def watched(response: Any, *args: Any, **kwargs: Any) -> Any:
            self.answered(plain(response))
            return await respond(response, *args, **kwargs)

        try:
            responder.respond = watched
        except Exception as error:
            failed("an MCP request", error)

    @guarded
    def _end(self, error: BaseException | None) -> None:
        if not self.span.is_recording:
            return
        if error is not None:
            code = _genai.get(_genai.get(error, "error"), "code")
            self.span.set("error.type", str(code) if isinstance(code, int) else type(error).__name__)
        elif self._wrong is not None:
            self.span.set("error.type", self._wrong[0])
            self.span.status, self.span.error = "error", self._wrong[1]
        self.span.end(self._output, error=error)
