"""The bare POST: our own HTTP front, JSON in and JSON out, and nothing behind it.

    python -m tests.bench.front

The same parts with the same settings as the daemon's: what a request costs before there is any execution.
"""

import msgspec
import trio
from msgspec import Struct
from quart import Response
from quart_trio import QuartTrio

from sandboxd.api.connections import Connections, most_connections
from sandboxd.api.direct import Door, Reply
from sandboxd.api.guard import answer, body
from sandboxd.api.incoming import BODY_TIMEOUT_S, MAX_BODY_BYTES, Framed, Incoming
from sandboxd.config import Settings
from sandboxd.listening import address, listening


class Asked(Struct):
    """The same request as an execution's."""

    code: str


_asked = msgspec.json.Decoder(Asked)


def make_front() -> Connections:
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

    return Connections(app, [door], most=most_connections())


async def main() -> None:
    """Serves on a free port until it is killed."""
    with listening(Settings(bind="127.0.0.1:0")) as [listener]:
        async with trio.open_nursery() as nursery:
            await nursery.start(make_front().serve, [trio.SocketListener(trio.socket.from_stdlib_socket(listener))])
            print(f"listening on http://{address(listener)}", flush=True)


if __name__ == "__main__":
    trio.run(main)
