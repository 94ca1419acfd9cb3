"""/limits: what the bearer of a token may do, read from the policy as it stands."""

from quart import Blueprint, Response

from sandboxd.api.guard import answer, bearer
from sandboxd.api.incoming import Framed
from sandboxd.executions.limits import told
from sandboxd.executions.service import Service


def limits(service: Service) -> Blueprint:
    """The route. A token says whose limits; one whose tier opens no door is told just that."""
    routes = Blueprint("limits", __name__)

    @routes.get("/limits")
    async def get() -> Response:
        principal = await service.principal(bearer(Framed()))
        return answer(told(service.engine.policy, principal.tier, service.engine.pools))

    return routes
