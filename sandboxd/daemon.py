"""The composition root: every floor of one daemon, opened in order and closed in the opposite one."""

import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import trio
from hypercorn.config import Config
from hypercorn.trio import serve as serve_http

from sandboxd import __version__
from sandboxd.api.app import make_app
from sandboxd.api.in_flight import InFlight
from sandboxd.config import Settings
from sandboxd.errors import SettingsError
from sandboxd.executions.engine import open_engine, read_policy
from sandboxd.executions.ledger import open_ledger
from sandboxd.executions.service import Service
from sandboxd.store.database import open_database
from sandboxd.store.group_commit import open_group_commit
from sandboxd.store.locks import lock_directory

log = structlog.get_logger()
SERVED_PROFILES = ["code-nodes"]


def set_up_logging() -> None:
    """One JSON line an event on stderr."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)


async def serve(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT; a second signal cuts what the first lets finish."""
    policy = read_policy(settings)
    with lock_directory(settings.data_path), open_database(settings.data_path) as database, _own_group():
        async with open_group_commit(database) as group, open_engine(settings, policy, SERVED_PROFILES) as engine:
            service = Service(engine, await open_ledger(group, database))
            log.info("starting", version=__version__, node=engine.node.version, node_origin=engine.node.origin)
            await _serve_http(settings, service)
    log.info("stopped")


async def _serve_http(settings: Settings, service: Service) -> None:
    stop, app = trio.Event(), InFlight(make_app(service))
    config = Config()
    config.bind = [settings.bind]
    config.graceful_timeout = settings.drain_ms / 1000
    config.errorlog = None
    config.include_server_header = False
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_watch_signals, stop, nursery.cancel_scope)
            async with trio.open_nursery() as serving:
                bound: list[str] = await serving.start(_listen, app, config, stop)
                for address in bound:
                    print(f"listening on {address}", file=sys.stderr, flush=True)
                await stop.wait()
                log.info("draining", running=service.engine.queue.running)
                await app.idle()  # no longer than hypercorn's grace, which ends every connection
                serving.cancel_scope.cancel()
            nursery.cancel_scope.cancel()
    except* OSError as problems:
        raise SettingsError(f"Cannot listen on {settings.bind}: {problems.exceptions[0]}") from None


async def _listen(app, config, stop, *, task_status):  # type: ignore[no-untyped-def]  # hypercorn's own types
    await serve_http(app, config, shutdown_trigger=stop.wait, task_status=task_status)


async def _watch_signals(stop: trio.Event, everything: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            if stop.is_set():
                everything.cancel()
                return
            stop.set()


@contextmanager
def _own_group() -> Iterator[None]:
    """A nursery wraps what is raised in it; an operator's mistake is told as what it is."""
    try:
        yield
    except BaseExceptionGroup as group:
        found: BaseException = group
        while isinstance(found, BaseExceptionGroup) and len(found.exceptions) == 1:
            found = found.exceptions[0]
        if isinstance(found, SettingsError):
            raise found from None
        raise
