"""What integrations say of models in the words of OpenTelemetry's GenAI conventions; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# The conventions' well-known provider names, by what the frameworks call them.
_PROVIDERS = {
    "azure": "azure.ai.openai",
    "azure_openai": "azure.ai.openai",
    "amazon_bedrock": "aws.bedrock",
    "bedrock": "aws.bedrock",
    "google_genai": "gcp.gemini",
    "google_gemini": "gcp.gemini",
    "gemini": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "vertex": "gcp.vertex_ai",
    "mistralai": "mistral_ai",
    "mistral": "mistral_ai",
    "xai": "x_ai",
    "ibm": "ibm.watsonx.ai",
    "watsonx": "ibm.watsonx.ai",
}

# Providers that speak somebody else's API, by the end of their host's name.
_HOSTS = {
    "openai.com": "openai",
    "openai.azure.com": "azure.ai.openai",
    "cognitiveservices.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.inference",
    "anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "deepseek.com": "deepseek",
    "groq.com": "groq",
    "x.ai": "x_ai",
    "mistral.ai": "mistral_ai",
    "perplexity.ai": "perplexity",
    "cohere.com": "cohere",
    "cohere.ai": "cohere",
    "openrouter.ai": "openrouter",
    "together.xyz": "together_ai",
    "together.ai": "together_ai",
    "fireworks.ai": "fireworks_ai",
    "moonshot.ai": "moonshot_ai",
}

# The conventions' request parameters, by the names that client libraries use.
_PARAMETERS = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "seed": "gen_ai.request.seed",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "num_predict": "gen_ai.request.max_tokens",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "n": "gen_ai.request.choice.count",
    "stop": "gen_ai.request.stop_sequences",
    "stop_sequences": "gen_ai.request.stop_sequences",
    "stream": "gen_ai.request.stream",
}

_INPUT = "gen_ai.usage.input_tokens"
_OUTPUT = "gen_ai.usage.output_tokens"
_CACHE_READ = "gen_ai.usage.cache_read.input_tokens"
_CACHE_WRITE = "gen_ai.usage.cache_creation.input_tokens"
_REASONING = "gen_ai.usage.reasoning.output_tokens"

# Each of the conventions' counts, by the paths at which providers and frameworks report it, best first.
_USAGE_PATHS: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    (_INPUT, (("input_tokens",), ("prompt_tokens",), ("prompt_token_count",), ("prompt_eval_count",))),
    (_OUTPUT, (("output_tokens",), ("completion_tokens",), ("candidates_token_count",), ("eval_count",))),
    (
        _CACHE_READ,
        (
            ("input_token_details", "cache_read"),
            ("prompt_tokens_details", "cached_tokens"),
            ("input_tokens_details", "cached_tokens"),
            ("cache_read_input_tokens",),
            ("cached_content_token_count",),
        ),
    ),
    (
        _CACHE_WRITE,
        (
            ("input_token_details", "cache_creation"),
            ("cache_creation_input_tokens",),
        ),
    ),
    (
        _REASONING,
        (
            ("output_token_details", "reasoning"),
            ("completion_tokens_details", "reasoning_tokens"),
            ("output_tokens_details", "reasoning_tokens"),
            ("thoughts_token_count",),
        ),
    ),
)


def provider(name: object) -> str | None:
    """The conventions' name of a model provider, `name` itself if they have none for it."""
    if not isinstance(name, str) or not name:
        return None
    lowered = name.lower()
    return _PROVIDERS.get(lowered, lowered)


def provider_at(host: object, default: str) -> str:
    """The provider that answers at a host; `default` where that is nobody known."""
    if isinstance(host, str):
        parts = host.lower().rstrip(".").split(".")
        for start in range(len(parts)):
            found = _HOSTS.get(".".join(parts[start:]))
            if found is not None:
                return found
    return default


def request(params: Mapping[str, Any]) -> dict[str, Any]:
    """`gen_ai.request.*` from a client's own parameters; what is unset or not plain is left out."""
    found: dict[str, Any] = {}
    model = params.get("model") or params.get("model_name") or params.get("model_id")
    if isinstance(model, str):
        found["gen_ai.request.model"] = model
    for name, key in _PARAMETERS.items():
        value = params.get(name)
        if isinstance(value, str) and key.endswith("stop_sequences"):
            value = [value]
        if isinstance(value, bool | int | float) or (isinstance(value, list) and value and _texts(value)):
            found.setdefault(key, value)
    return found


def usage(*reports: Any) -> dict[str, int]:
    """`gen_ai.usage.*` from the first of `reports` (mappings or objects, in any provider's shape) that counts."""
    for report in reports:
        if report is None:
            continue
        found: dict[str, int] = {}
        for key, paths in _USAGE_PATHS:
            count = next((c for c in (_count(report, path) for path in paths) if c is not None), None)
            if count is not None:
                found[key] = count
        if _INPUT in found or _OUTPUT in found:
            return found
    return {}


def add_usage(total: dict[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """`total` with the counts of `more` added, for a call that answered with several generations."""
    for key, count in more.items():
        total[key] = total.get(key, 0) + count
    return total


def tool_call(call: Any) -> dict[str, Any] | None:
    """One tool call as `{"id", "name", "arguments"}` from LangChain's, OpenAI's or LlamaIndex's shape."""
    function = get(call, "function")
    name = get(function, "name") or get(call, "name") or get(call, "tool_name")
    if not isinstance(name, str):
        return None
    given = [get(function, "arguments"), *(get(call, key) for key in ("args", "arguments", "tool_kwargs", "input"))]
    return {
        "id": get(call, "id") or get(call, "tool_id") or get(call, "tool_call_id"),
        "name": name,
        "arguments": next((arguments for arguments in given if arguments is not None), None),
    }


def get(holder: Any, key: str) -> Any:
    """`holder[key]` of a mapping or `holder.key` of an object; None if it has none or does not let itself be read."""
    if isinstance(holder, Mapping):
        return holder.get(key)
    if holder is None or isinstance(holder, str | bytes | int | float):
        return None
    try:
        return getattr(holder, key, None)
    except Exception:
        return None


def _count(report: Any, path: tuple[str, ...]) -> int | None:
    for key in path:
        report = get(report, key)
    return report if isinstance(report, int) and not isinstance(report, bool) else None


def _texts(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)
