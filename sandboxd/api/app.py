"""The HTTP application: every door on one engine."""

from collections.abc import Container
from functools import cache

from quart_trio import QuartTrio

from sandboxd import metrics
from sandboxd.api import problems
from sandboxd.api.actions import actions as actions_door
from sandboxd.api.code_nodes import code_nodes
from sandboxd.api.connections import Connections, most_connections
from sandboxd.api.executions import executions
from sandboxd.api.health import health
from sandboxd.api.incoming import BODY_TIMEOUT_S, MAX_BODY_BYTES
from sandboxd.api.limits import limits
from sandboxd.api.openapi import openapi
from sandboxd.executions.actions.service import Actions
from sandboxd.executions.health import Health
from sandboxd.executions.service import Service
from sandboxd.executions.submissions import Submissions


def make_app(
    service: Service, submissions: Submissions, actions: Actions, state: Health, served: Container[str]
) -> Connections:
    """The application for the service, where clients reach it, with those doors that are `served`."""
    every = {
        "code-nodes": code_nodes(service),
        "executions": executions(service, submissions),
        "actions": actions_door(service, actions),
    }
    doors = [door for name, door in every.items() if name in served]
    app = QuartTrio("sandboxd", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["BODY_TIMEOUT"] = BODY_TIMEOUT_S
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False  # an OPTIONS nobody asked for would be answered as HTML
    app.url_map.merge_slashes = False  # two slashes are another route, which is a 404; else a redirect in HTML
    problems.install(app)
    app.register_blueprint(health(state))
    app.register_blueprint(limits(service))
    app.register_blueprint(openapi(served))
    for door in doors:
        app.register_blueprint(door.routes)
    return Connections(app, doors, most=most_connections(), answered=_count)


_answers = cache(metrics.HTTP.labels)


def _count(status: int) -> None:
    _answers(status).inc()
