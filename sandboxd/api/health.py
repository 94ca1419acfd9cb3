"""Whether the daemon lives, and whether it is ready. No token: nothing here tells of users."""

from quart import Blueprint, Response

from sandboxd.api.guard import answer
from sandboxd.executions.service import Service


def health(service: Service) -> Blueprint:
    """/livez and /readyz."""
    routes = Blueprint("health", __name__)

    @routes.get("/livez")
    async def livez() -> Response:
        return answer({"status": "alive"})

    @routes.get("/readyz")
    async def readyz() -> Response:
        state = service.state()
        return answer(state, 200 if state.ready else 503)

    return routes
