"""httpx2: requests made inside a span carry it to the other side."""

from __future__ import annotations

from typing import Any

from flowscope.instrumentation import _http_client
from flowscope.instrumentation._patches import Patches

_patches = Patches()


def install(module: Any) -> None:
    """Instrument `httpx2._client`. A second time does nothing."""
    _http_client.patch_httpx(_patches, module)


def uninstall() -> None:
    """Take everything back that install() did."""
    _patches.undo()
