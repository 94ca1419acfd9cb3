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

from sandboxd.api.direct import Direct, Reply
from sandboxd.api.guard import answer, body
from sandboxd.api.incoming import BODY_TIMEOUT_S, MAX_BODY_BYTES, Framed, Incoming
from sandboxd.config import Settings
from sandboxd.daemon import BACKLOG, bind


class Asked(Struct):
    """The same request as an execution's."""

    code: str


_asked = msgspec.json.Decoder(Asked)


def make_app() -> Direct:
    """One route in each of the two ways, decoded and encoded as the doors do it: / by the framework, /direct past it."""
    app = QuartTrio("bare", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["BODY_TIMEOUT"] = BODY_TIMEOUT_S

    async def reply(incoming: Incoming) -> Reply:
        asked = await body(_asked, incoming)
        return Reply({"results": {"size": len(asked.code)}, "logs": []})

    @app.post("/")
    async def post() -> Response:
        return answer((await reply(Framed())).value)

    return Direct(app, {"/direct": reply})


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
