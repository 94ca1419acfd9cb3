"""The actions door: /health, /validate, /execute."""

from typing import Final, Literal

import msgspec
from msgspec import Struct
from quart import Response

from sandboxd.api.direct import Door, Reply
from sandboxd.api.guard import bearer, body
from sandboxd.api.incoming import Incoming
from sandboxd.executions.actions.config import FileConfig, InlineConfig
from sandboxd.executions.actions.service import Actions
from sandboxd.executions.service import Service
from sandboxd.models import Principal


class ActionRequest(Struct, forbid_unknown_fields=True):
    """POST /execute."""

    config: InlineConfig
    """The action and its fixtures."""
    mode: Literal["execute", "validate"] = "execute"
    """validate judges, and runs nothing."""


_execute: Final = msgspec.json.Decoder(ActionRequest)
_validate: Final = msgspec.json.Decoder(FileConfig)


def actions(service: Service, use: Actions) -> Door:
    """The door's routes."""
    door = Door("actions", "")

    async def caller(incoming: Incoming) -> Principal:
        principal = await service.principal(bearer(incoming))
        use.admit(principal)
        return principal

    @door.routes.get("/health")
    async def health() -> Response:
        return Response("ok", content_type="text/plain; charset=utf-8")

    @door.post("/validate")
    async def validate(incoming: Incoming) -> Reply:
        principal = await caller(incoming)
        return Reply(await use.validate(principal, await body(_validate, incoming)))

    @door.post("/execute")
    async def execute(incoming: Incoming) -> Reply:
        principal = await caller(incoming)
        asked = await body(_execute, incoming)
        report = await use.execute(principal, asked.config, dry=asked.mode == "validate")
        return Reply(report, 400 if report.summary.status == "validation_failed" else 200)

    return door
