"""The collector's own figures: on the control channel, in the doctor's report, and as Prometheus text."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import zmq
from patience import PATIENCE, PATIENCE_MS
from ports import free_ports
from prometheus_client.parser import text_string_to_metric_families

from flowscope.protocol import Header, ProducerInfo, encode_header
from flowscope_app.base.figures import FIGURES
from flowscope_app.collector import client

LOST = {"id": "x"}  # no session, no operation: refused


def span(number: int) -> dict[str, Any]:
    return {"id": str(number), "session_id": "s", "operation": "op", "start_time": "2026-11-22T15:11:42Z"}


def send(addr: str, *messages: list[bytes]) -> None:
    with zmq.Context() as context, context.socket(zmq.PUSH) as push:
        push.setsockopt(zmq.LINGER, PATIENCE_MS)
        push.connect(addr)
        for message in messages:
            push.send_multipart(message)


def status_when(collector: Any, what: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    control, found = client.control_of(collector.addr), {}

    def asked(_reader: Any) -> bool:
        found.update(client.request(control, {"cmd": "status"}, PATIENCE))
        return what(found)

    collector.wait_for(asked)
    return found


def metrics(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as reply:
        families = list(text_string_to_metric_families(reply.read().decode()))
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_the_status_tells_every_figure_and_each_program(collector: Any) -> None:
    producer = ProducerInfo("p", "s", program="bot.py", pid=7, host=socket.gethostname())
    header = Header(producer=producer, seq=4, count=2, dropped=5, sent_ns=1)
    send(collector.addr, [encode_header(header), orjson.dumps([span(1), LOST])])
    status = status_when(collector, lambda found: found["health"]["spans_stored"] == 1)
    health = status["health"]
    assert health.keys() == {figure.name for figure in FIGURES}
    lost = ("records_refused", "records_dropped", "records_missing")
    assert [health[name] for name in lost] == [1, 5, 3]
    assert health["lag_ms"] > 1e9, "it was sent in 1970"
    assert health["memory_bytes"] > 1 << 20 and health["database_bytes"] > 1 << 12
    assert (health["writable"], health["producers"]) == (1, 1)
    assert health["commit_p99_ms"] >= health["commit_median_ms"] > 0
    quiet = status_when(collector, lambda found: not found["health"]["queue"])
    assert sum(quiet["commits"]) >= 1, "a commit is counted by how long it took"
    (program,) = status["programs"]
    assert (program["program"], program["records"], program["dropped"]) == ("bot.py", 2, 5)


def test_what_does_not_say_when_it_was_sent_has_no_lag(collector: Any) -> None:
    send(collector.addr, [orjson.dumps(span(1))])
    assert status_when(collector, lambda found: found["health"]["spans_stored"] == 1)["health"]["lag_ms"] is None


def test_the_doctor_says_the_figures(collector: Any) -> None:
    send(collector.addr, [orjson.dumps([span(1), LOST])])
    status_when(collector, lambda found: found["health"]["records_refused"] == 1)
    command = [sys.executable, "-m", "flowscope_app", "doctor", "--addr", collector.addr, "--db", collector.db]
    said = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "spans stored 1" in lines
    assert any(line.endswith("refused 1") and line != "refused 1" for line in lines), "it is marked"
    assert any(line.startswith("memory ") for line in lines)


def test_prometheus_reads_the_same_figures(start_collector: Callable[..., Any]) -> None:
    with free_ports(1) as port:
        collector = start_collector("--metrics", str(port))
    send(collector.addr, [orjson.dumps([span(1), span(2), LOST])])
    status_when(collector, lambda found: found["health"]["spans_stored"] == 2)
    found = metrics(port)
    assert found["flowscope_spans_stored_total"] == 2
    assert found["flowscope_records_refused_total"] == 1
    assert found["flowscope_memory_bytes"] > 1 << 20
    assert found["flowscope_writable"] == 1
    assert all(name.startswith("flowscope_") for name in found)
    assert collector.stop() == 0
    with pytest.raises(OSError, match=r"refused"):
        metrics(port)


def test_a_taken_metrics_port_is_one_clear_line(home: Path, free_addr: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "flowscope_app", "collect", "--addr", free_addr, "--metrics", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"127.0.0.1:{port} for metrics is in use by" in done.stderr
    assert "--metrics" in done.stderr
