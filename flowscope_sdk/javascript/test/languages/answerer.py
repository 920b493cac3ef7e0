"""A Starlette application behind uvicorn: answers, or fails inside a tool."""

import asyncio
import socket

import flowscope.auto  # noqa: F401
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route


@flowscope.trace("look up", kind="tool")
async def look_up(what: str) -> str:
    if what == "broken":
        raise LookupError(f"nothing is {what}")
    return f"all is {what}"


async def answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse(await look_up(request.path_params["what"]))


listening = socket.create_server(("127.0.0.1", 0))
print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
app = Starlette(routes=[Route("/answer/{what}", answer)])
asyncio.run(uvicorn.Server(uvicorn.Config(app, log_level="critical")).serve(sockets=[listening]))
