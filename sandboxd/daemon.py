"""The composition root: every floor of one daemon, opened in order and closed in the opposite one."""

import signal
import socket
import sys

import structlog
import trio
from hypercorn.utils import repr_socket_addr

from sandboxd import __version__, metrics
from sandboxd.api.app import make_app
from sandboxd.broker.broker import Outside
from sandboxd.config import Settings
from sandboxd.errors import SettingsError
from sandboxd.executions.actions.service import Actions
from sandboxd.executions.engine import open_engine, read_policy
from sandboxd.executions.health import Health
from sandboxd.executions.ledger import open_ledger
from sandboxd.executions.service import Service
from sandboxd.executions.standing import standing
from sandboxd.executions.submissions import Submissions, open_submissions
from sandboxd.metrics_listener import metrics_listener, serving_metrics
from sandboxd.store.database import open_database
from sandboxd.store.group_commit import open_group_commit
from sandboxd.store.locks import lock_directory

log = structlog.get_logger()
BACKLOG = 1024
"""Connections that may wait to be accepted; one more is tried again by its client's kernel, after a second."""


async def serve(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT; a second signal cuts what the first lets finish."""
    policy = read_policy(settings)
    served = [door for door in settings.doors if door in policy.profiles]  # each serves the profile of its name
    with (
        lock_directory(settings.data_path),
        open_database(settings.data_path) as database,
        bind(settings) as listener,
        metrics_listener(settings) as watched,
    ):
        own_ports = frozenset(each.getsockname()[1] for each in (listener, watched) if each is not None)
        outside = Outside(own_ports=own_ports)  # code must not come back in by another door
        async with open_group_commit(database) as group, open_engine(settings, policy, served, outside) as engine:
            ledger = await open_ledger(group, database)
            async with open_submissions(settings, engine, ledger, group, database) as submissions:
                log.info("starting", version=__version__, node=engine.node.version, node_origin=engine.node.origin)
                service = Service(engine, ledger)
                actions = Actions(service, group, settings.actions)
                health = Health(engine, submissions, group)
                async with serving_metrics(watched, metrics.registry(standing(engine, submissions))):
                    await _serve_http(settings, service, submissions, actions, health, listener)
    log.info("stopped")


def bind(settings: Settings) -> socket.socket:
    """The listening socket; connections that come before the daemon is ready wait in it. Raises SettingsError."""
    host, port = settings.address
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted connections inherit these. Writes are shielded from cancellation, so a client that does not read its
        # answer would keep the daemon from ever stopping: the kernel gives up on it instead.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, settings.drain_ms)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as problem:
        listener.close()
        raise SettingsError(f"Cannot listen on {settings.bind} (bind): {problem.strerror or problem}") from None
    return listener


async def _serve_http(
    settings: Settings, service: Service, submissions: Submissions, actions: Actions, health: Health, listener: socket.socket
) -> None:
    stop, drain_s = trio.Event(), settings.drain_ms / 1000
    connections = make_app(service, submissions, actions, health, service.engine.pools)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_watch_signals, stop, nursery.cancel_scope)
        address = f"http://{repr_socket_addr(listener.family, listener.getsockname())}"
        await nursery.start(connections.serve, [trio.SocketListener(trio.socket.from_stdlib_socket(listener))])
        print(f"listening on {address}", file=sys.stderr, flush=True)
        await stop.wait()
        log.info("draining", running=service.engine.queue.running)
        submissions.drain()
        with trio.move_on_after(drain_s):
            await connections.drain()
            await submissions.idle()
        nursery.cancel_scope.cancel()


async def _watch_signals(stop: trio.Event, everything: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            if stop.is_set():
                everything.cancel()
                return
            stop.set()
