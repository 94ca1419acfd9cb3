"""The bare POST: our own HTTP front, JSON in and JSON out, and nothing behind it.

    python -m tests.bench.front

The same parts with the same settings as the daemon's: what a request costs before there is any execution.
"""

from functools import partial

import msgspec
import trio
from msgspec import Struct
from quart import Response
from quart_trio import QuartTrio

from sandboxd.api.direct import Door, Reply
from sandboxd.api.front import Front
from sandboxd.api.guard import answer, body
from sandboxd.api.incoming import BODY_TIMEOUT_S, MAX_BODY_BYTES, Framed, Incoming
from sandboxd.config import Settings
from sandboxd.daemon import bind


class Asked(Struct):
    """The same request as an execution's."""

    code: str


_asked = msgspec.json.Decoder(Asked)


def make_front() -> Front:
    """One route in each of the two ways, decoded and encoded as the doors do it: / by the framework, /direct past it."""
    app = QuartTrio("bare", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["BODY_TIMEOUT"] = BODY_TIMEOUT_S
    door = Door("bare", "")

    @door.post("/direct")
    async def reply(incoming: Incoming) -> Reply:
        asked = await body(_asked, incoming)
        return Reply({"results": {"size": len(asked.code)}, "logs": []})

    @app.post("/")
    async def post() -> Response:
        return answer((await reply(Framed())).value)

    return Front(app, [door])


async def main() -> None:
    """Serves on a free port until it is killed."""
    settings = Settings(bind="127.0.0.1:0")
    async with trio.open_nursery() as nursery:
        serve = partial(make_front().serve, bind(settings), stop=trio.Event(), drain_s=0)
        address: str = await nursery.start(serve)
        print(f"listening on {address}", flush=True)


if __name__ == "__main__":
    trio.run(main)
