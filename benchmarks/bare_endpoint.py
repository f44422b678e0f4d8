"""`python -m benchmarks.bare_endpoint FILE`: what one writes in an afternoon, appending each body to a file.

No key, no check, no journal, no sync: it prints its port and serves.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


def main() -> None:
    with Path(sys.argv[1]).open("ab") as file, socket.socket() as listening:

        async def take(request: Request) -> JSONResponse:
            body = await request.body()
            file.write(body + b"\n")
            return JSONResponse({"accepted": True}, 202)

        listening.bind(("127.0.0.1", 0))
        listening.listen(2048)
        print(listening.getsockname()[1], flush=True)
        app = Starlette(routes=[Route("/v1/events", take, methods=["POST"])])
        uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="error", lifespan="off")).run(
            [listening]
        )


if __name__ == "__main__":
    main()
