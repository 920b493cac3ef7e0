"""A driver of a client of thirty lines: a PUSH socket, no headers, no acknowledgement, no settings but two."""

import json
import os
import secrets
import sys
from datetime import UTC, datetime
from typing import Any

import zmq

push = zmq.Context.instance().socket(zmq.PUSH)
push.linger = 120_000
push.connect(os.environ["FLOWSCOPE_ADDR"])


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def run(told: dict[str, Any], parent: str | None, trace: str) -> None:
    record = {
        "id": secrets.token_hex(8),
        "parent_id": parent,
        "session_id": os.environ["FLOWSCOPE_SESSION"],
        "start_time": now(),
    }
    for child in told.get("children", ()):
        run(child, record["id"], trace)
    record |= {
        "operation": told["operation"],
        "end_time": now(),
        "input": told.get("input"),
        "output": told.get("output"),
    }
    push.send_json({**record, "language": "bare", "metadata": {"flowscope.trace_id": trace}})


for line in sys.stdin:
    told = json.loads(line)
    if told["do"] == "exit":
        break
    if told["do"] == "trace" and "from" not in told:
        run(told["tree"], None, secrets.token_hex(16))
    known = told["do"] in ("trace", "flush") and "from" not in told
    print(json.dumps({"ok": known, "flushed": True, "error": None if known else "not known here"}), flush=True)
