"""The bare POST: our own HTTP front, JSON in and JSON out, and nothing behind it.

    python -m tests.bench.front

The same parts with the same settings as the daemon's: what a request costs before there is any execution.
"""

import msgspec
import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from msgspec import Struct
from quart import Response
from quart_trio import QuartTrio

from sandboxd.api.guard import answer, body
from sandboxd.api.incoming import BODY_TIMEOUT_S, MAX_BODY_BYTES, Framed
from sandboxd.config import Settings
from sandboxd.daemon import BACKLOG, bind


class Asked(Struct):
    """The same request as an execution's."""

    code: str


_asked = msgspec.json.Decoder(Asked)


def make_app() -> QuartTrio:
    """One route, decoded and encoded as the doors do it."""
    app = QuartTrio("bare", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["BODY_TIMEOUT"] = BODY_TIMEOUT_S

    @app.post("/")
    async def post() -> Response:
        asked = await body(_asked, Framed())
        return answer({"results": {"size": len(asked.code)}, "logs": []})

    return app


async def main() -> None:
    """Serves on a free port until it is killed."""
    settings = Settings(bind="127.0.0.1:0")
    config = Config()
    config.bind = [f"fd://{bind(settings).detach()}"]
    config.backlog = BACKLOG
    config.graceful_timeout = settings.drain_ms / 1000
    config.errorlog = None
    config.include_server_header = False
    async with trio.open_nursery() as nursery:
        addresses: list[str] = await nursery.start(serve, make_app(), config)
        print(f"listening on {addresses[0]}", flush=True)


if __name__ == "__main__":
    trio.run(main)
