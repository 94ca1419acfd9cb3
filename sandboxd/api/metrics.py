"""The page with the metrics, for a listener of its own."""

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from quart import Response, request
from quart_trio import QuartTrio

from sandboxd.api import problems


def metrics_app(registry: CollectorRegistry) -> QuartTrio:
    """An ASGI application with one page, in OpenMetrics for who asks for it."""
    app = QuartTrio("sandboxd.metrics", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    problems.install(app)

    @app.get("/metrics")
    async def scrape() -> Response:
        encode, media = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(registry), content_type=media)

    return app
