"""Whether the daemon lives, and whether it is ready. No token: nothing here tells of users."""

from quart import Blueprint, Response

from sandboxd.api.guard import answer
from sandboxd.executions.health import Health


def health(health: Health) -> Blueprint:
    """/livez and /readyz."""
    routes = Blueprint("health", __name__)

    @routes.get("/livez")
    async def livez() -> Response:
        return answer({"status": "alive"})

    @routes.get("/readyz")
    async def readyz() -> Response:
        state = await health.state()
        return answer(state, 200 if state.ready else 503)

    return routes
