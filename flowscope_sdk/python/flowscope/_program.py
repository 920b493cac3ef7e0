"""What this program is called, and the session that its spans belong to unless another is given."""

from __future__ import annotations

import os
import sys

_session = ""


def default_session() -> str:
    """`<program>-<YYYYmmdd-HHMMSS>-<4 hex digits>`, local time; the same for a process and what it forks."""
    global _session
    if not _session:
        import re
        import time

        name = re.sub(r"[^\w.-]+", "_", program())[:60].strip("._-") or "program"
        _session = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}-{os.urandom(2).hex()}"
    return _session


def program() -> str:
    """What a person calls this program: the script's or module's name."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    name = getattr(spec, "name", "") or ""
    if name:
        return str(name).removesuffix(".__main__")
    path = sys.argv[0] if getattr(sys, "argv", None) else ""
    name = path.replace(os.sep, "/").rpartition("/")[2]
    stem = name.rpartition(".")[0] or name
    return "python" if stem in ("", "-", "-c", "-m") else stem
