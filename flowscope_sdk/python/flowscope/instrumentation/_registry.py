"""The registry of integrations: what FlowScope instruments, and in which versions."""

from __future__ import annotations

from typing import NamedTuple


class Integration(NamedTuple):
    """One framework: `entry` (`module:function`) is called with each of `targets` right after it is imported."""

    name: str
    targets: tuple[str, ...]
    package: str
    """The distribution whose version counts."""
    since: str
    """The oldest version that is supported; older ones are left alone."""
    before: str
    """The first version that no test has seen; it is instrumented all the same, and status() says so."""
    entry: str
    aliases: tuple[str, ...] = ()
    page: str = ""
    """Its page in docs/integrations, if that is not called as it is."""

    @property
    def supported(self) -> str:
        """The version range as a person writes it."""
        return f">={self.since},<{self.before}"


REGISTRY: dict[str, Integration] = {
    integration.name: integration
    for integration in (
        Integration(
            name="langchain",
            targets=(
                "langchain_core.tracers.context",
                "langchain_core.callbacks.manager",
                "langchain_core.language_models.chat_models",
                "langchain_core.language_models.llms",
                "langchain_core.retrievers",
                "langchain_core.tools",
                "langchain_core.embeddings",  # a module of its own up to 0.1.37, then a package
                "langchain_core.embeddings.embeddings",
                "langchain.chains.base",
                "langchain_classic.chains.base",
            ),
            package="langchain-core",
            since="0.1.19",
            before="2",
            entry="flowscope.instrumentation.langchain:install",
            aliases=("langgraph", "langchain_core", "langchain_classic"),
        ),
        Integration(
            name="llamaindex",
            targets=("llama_index_instrumentation", "llama_index.core.instrumentation"),
            package="llama-index-core",
            since="0.10.68",
            before="0.15",
            entry="flowscope.instrumentation.llamaindex:install",
            aliases=("llama_index", "llama_index_core", "llamaindex_core"),
        ),
        Integration(
            name="openai",
            targets=("openai._base_client",),
            package="openai",
            since="1.40",
            before="4",
            entry="flowscope.instrumentation.openai:install",
        ),
        Integration(
            name="anthropic",
            targets=("anthropic._base_client",),
            package="anthropic",
            since="0.39",
            before="3",
            entry="flowscope.instrumentation.anthropic:install",
        ),
        Integration(
            name="google-genai",
            targets=("google.genai._api_client",),
            package="google-genai",
            since="1.20",
            before="4",
            entry="flowscope.instrumentation.google_genai:install",
            aliases=("google_genai", "genai", "gemini"),
        ),
        Integration(
            name="litellm",
            targets=(
                "litellm",
                "litellm.litellm_core_utils.streaming_handler",
                "litellm.responses.streaming_iterator",
                "litellm.responses.litellm_completion_transformation.streaming_iterator",
                "litellm.responses.mcp.mcp_streaming_iterator",
            ),
            package="litellm",
            since="1.74",
            before="2",
            entry="flowscope.instrumentation.litellm:install",
        ),
        Integration(
            name="ollama",
            targets=("ollama._client",),
            package="ollama",
            since="0.4",
            before="1",
            entry="flowscope.instrumentation.ollama:install",
        ),
        Integration(
            name="mcp",
            targets=(
                "mcp.shared.session",
                "mcp.server.lowlevel.server",
                "mcp.shared.jsonrpc_dispatcher",
                "mcp.shared.direct_dispatcher",
                "mcp.server.runner",
            ),
            package="mcp",
            since="1.9",
            before="3",
            entry="flowscope.instrumentation.mcp:install",
        ),
        Integration(
            name="httpx",
            targets=("httpx._client",),
            package="httpx",
            since="0.23",
            before="1",
            entry="flowscope.instrumentation.httpx:install",
            page="http",
        ),
        Integration(
            name="httpx2",
            targets=("httpx2._client",),
            package="httpx2",
            since="2",
            before="3",
            entry="flowscope.instrumentation.httpx2:install",
            page="http",
        ),
        Integration(
            name="urllib3",
            targets=("urllib3.connectionpool",),
            package="urllib3",
            since="1.26",
            before="3",
            entry="flowscope.instrumentation.urllib3:install",
            page="http",
            aliases=("requests",),
        ),
        Integration(
            name="aiohttp",
            targets=("aiohttp.client", "aiohttp.web_app"),
            package="aiohttp",
            since="3.8",
            before="4",
            entry="flowscope.instrumentation.aiohttp:install",
            page="http",
        ),
        Integration(
            name="starlette",
            targets=("starlette.applications",),
            package="starlette",
            since="0.27",
            before="2",
            entry="flowscope.instrumentation.starlette:install",
            page="http",
            aliases=("fastapi",),
        ),
        Integration(
            name="flask",
            targets=("flask.app",),
            package="flask",
            since="2.2",
            before="4",
            entry="flowscope.instrumentation.flask:install",
            page="http",
        ),
        Integration(
            name="django",
            targets=(
                "django.core.handlers.wsgi",
                "django.core.handlers.asgi",
                "django.core.handlers.base",
                "django.core.handlers.exception",
            ),
            package="django",
            since="4.2",
            before="7",
            entry="flowscope.instrumentation.django:install",
            page="http",
        ),
    )
}
