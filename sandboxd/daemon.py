"""The composition root: every floor of one daemon, opened in order and closed in the opposite one."""

import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence

import structlog
import trio

from sandboxd import __version__, metrics, notify
from sandboxd.api.app import make_app
from sandboxd.api.connections import Connections
from sandboxd.audit import Audit
from sandboxd.broker.broker import Outside
from sandboxd.config import Settings
from sandboxd.executions.actions.service import Actions
from sandboxd.executions.engine import Engine, open_engine, read_policy_files
from sandboxd.executions.health import Health
from sandboxd.executions.ledger import open_ledger
from sandboxd.executions.reload import fingerprints, serve_reloads
from sandboxd.executions.service import Service
from sandboxd.executions.standing import standing
from sandboxd.executions.submissions import Submissions, open_submissions
from sandboxd.jail.cgroups import open_subtree
from sandboxd.listening import address, listening
from sandboxd.metrics_listener import metrics_listener, serving_metrics
from sandboxd.policy.load import load_policy
from sandboxd.store.database import open_database
from sandboxd.store.group_commit import open_group_commit
from sandboxd.store.locks import lock_directory

log = structlog.get_logger()
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
STOP_S = 10.0
"""How much longer than its drain a stop may take: cutting what runs, and writing down its end."""


async def serve(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT; a second signal cuts what the first lets finish. SIGHUP has the policy read again.

    Raises what hinders a start.
    """
    for number in _SIGNALS:  # what they are again when the receiver is closed: a late one must not tear the end
        signal.signal(number, signal.SIG_IGN)
    with trio.open_signal_receiver(*_SIGNALS) as signals, trio.open_signal_receiver(signal.SIGHUP) as hangups:
        async with trio.open_nursery() as nursery:
            stop = _Stop()
            nursery.start_soon(stop.watch, signals)
            nursery.start_soon(notify.keep_watchdog)
            await _serve(settings, stop, hangups)
            nursery.cancel_scope.cancel()
    log.info("stopped")


class _Stop:
    """What the signals ask for: the first to let finish what runs, the second to `cut` it."""

    def __init__(self) -> None:
        self.asked, self.cut = trio.Event(), trio.CancelScope()

    async def watch(self, signals: AsyncIterator[int]) -> None:
        async for _ in signals:
            if self.asked.is_set():
                self.cut.cancel()
            self.asked.set()


async def _serve(settings: Settings, stop: _Stop, hangups: AsyncIterator[int]) -> None:
    files = read_policy_files(settings)
    policy, audit = load_policy(files), Audit(settings.data_path)
    served = [door for door in settings.doors if door in policy.profiles]  # each serves the profile of its name
    with (
        lock_directory(settings.data_path),
        open_database(settings.data_path) as database,
        listening(settings) as listeners,
        metrics_listener(settings) as watched,
        open_subtree() as subtree,
    ):
        own_ports = frozenset(each.getsockname()[1] for each in (*listeners, watched) if each is not None)
        outside = Outside(own_ports=own_ports)  # code must not come back in by another door
        audit.note("policy loaded", sha256=fingerprints(files))
        async with (
            open_group_commit(database) as group,
            open_engine(settings, policy, served, outside, audit, subtree) as engine,
        ):
            ledger = await open_ledger(group, database)
            async with open_submissions(settings, engine, ledger, group, database) as submissions:
                log.info("starting", version=__version__, node=engine.node.version, node_origin=engine.node.origin)
                service = Service(engine, ledger)
                actions = Actions(service, group, settings.actions)
                health = Health(engine, submissions, group)
                connections = make_app(service, submissions, actions, health, engine.pools)
                async with (
                    serving_metrics(watched, metrics.registry(standing(engine, submissions))),
                    trio.open_nursery() as aside,
                ):
                    aside.start_soon(serve_reloads, hangups, settings, engine, audit)
                    with stop.cut:
                        await _serve_http(settings, submissions, engine, connections, listeners, stop.asked)
                    aside.cancel_scope.cancel()


async def _serve_http(
    settings: Settings,
    submissions: Submissions,
    engine: Engine,
    connections: Connections,
    listeners: Sequence[socket.socket],
    stop: trio.Event,
) -> None:
    async with trio.open_nursery() as nursery:
        accepting = [trio.SocketListener(trio.socket.from_stdlib_socket(listener)) for listener in listeners]
        urls = [f"http://{address(listener)}" for listener in listeners]
        await nursery.start(connections.serve, accepting)
        for url in urls:
            print(f"listening on {url}", file=sys.stderr, flush=True)
        notify.ready(f"serving {', '.join(engine.pools)} on {' '.join(urls)}")
        await stop.wait()
        drain_s, running = settings.drain_ms / 1000, engine.queue.running
        log.info("draining", running=running)
        notify.stopping(f"finishing {running} executions", drain_s + STOP_S)
        submissions.drain()
        with trio.move_on_after(drain_s):
            await connections.drain()
            await submissions.idle()
        nursery.cancel_scope.cancel()
