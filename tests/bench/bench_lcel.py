"""What a traced LCEL chain of five steps costs its thread, side by side with LangSmith's tracer."""

from __future__ import annotations

import gc
import logging
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import zmq

CALLS = 60
ROUNDS = 30

# LangSmith's end: it takes everything, as its server would, in a process of its own.
HTTP_SINK = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        else:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(202)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = do_PATCH = answer

    def log_message(self, *args):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
print(server.server_port, flush=True)
server.serve_forever()
"""
ZMQ_SINK = """
import sys, zmq
socket = zmq.Context().socket(zmq.PULL)
print(socket.bind_to_random_port("tcp://127.0.0.1"), flush=True)
while True:
    socket.recv_multipart()
"""


def chain() -> Any:
    """Prompt, chat model, parser and two functions."""
    from langchain_core.language_models.fake_chat_models import FakeListChatModel
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.runnables import RunnableLambda

    prompt = ChatPromptTemplate.from_messages([("system", "You answer in one sentence."), ("human", "{question}")])
    model = FakeListChatModel(responses=["The order left our house on Monday and takes two to five days."])
    answer = RunnableLambda(lambda text: {"answer": text})
    return prompt | model | StrOutputParser() | RunnableLambda(str.strip) | answer


QUESTION = {"question": "Where is my order? It was due on Tuesday and I have had no word of it since."}


def microseconds(call: Callable[[], Any]) -> float:
    """Processor time of this thread for one call, a chain's."""
    begun = time.thread_time()
    for _ in range(CALLS):
        call()
    return (time.thread_time() - begun) / CALLS * 1e6


def side_by_side(
    ways: dict[str, tuple[Callable[[], AbstractContextManager[None]], Callable[[], Any]]],
) -> dict[str, float]:
    """The median of rounds taken in turn, so that a busy machine slows all alike."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for round_number in range(ROUNDS + 2):
        for name, (setting, call) in ways.items():
            with setting():
                call()
                gc.collect()
                time.sleep(0.05)  # what runs behind the calling thread catches up
                figure = microseconds(call)
            if round_number >= 2:
                taken[name].append(figure)
    return {name: statistics.median(figures) for name, figures in taken.items()}


def start(source: str) -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def langsmith_tracer(port: int) -> Any:
    from langchain_core.tracers.langchain import LangChainTracer
    from langsmith import Client

    return LangChainTracer(client=Client(api_url=f"http://127.0.0.1:{port}", api_key="bench"), project_name="bench")


def main() -> int:
    """Print the figures."""
    import flowscope
    from flowscope import instrumentation

    @contextmanager
    def attached() -> Any:
        instrumentation.activate("langchain")
        try:
            yield
        finally:
            instrumentation.deactivate("langchain")

    @contextmanager
    def alone() -> Any:
        yield

    collector, port = start(ZMQ_SINK)
    server, http_port = start(HTTP_SINK)
    try:
        logging.getLogger("langsmith").setLevel(logging.CRITICAL)  # it tells at length of what was not sent
        flowscope.init(addr=f"tcp://127.0.0.1:{port}", session_id="bench")
        steps, tracer = chain(), langsmith_tracer(http_port)
        us = side_by_side(
            {
                "alone": (alone, lambda: steps.invoke(QUESTION)),
                "flowscope": (attached, lambda: steps.invoke(QUESTION)),
                "langsmith": (alone, lambda: steps.invoke(QUESTION, {"callbacks": [tracer]})),
            }
        )
    finally:
        for process in (collector, server):
            process.kill()
            process.wait()
    ours, theirs = us["flowscope"] - us["alone"], us["langsmith"] - us["alone"]
    print(
        f"LCEL chain of five steps, calling thread: {us['alone']:.0f} us untraced; flowscope adds {ours:.0f} us,"
        f" langsmith {theirs:.0f} us: flowscope costs {ours / theirs:.2f} of it"
    )
    return 0


if __name__ == "__main__":
    assert zmq  # so that it is loaded before anything is measured
    sys.exit(main())
