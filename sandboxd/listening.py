"""The sockets that the daemon listens on: bound by itself, or given by the service manager (sd_listen_fds(3))."""

import os
import socket
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from typing import Final

import structlog

from sandboxd.config import Settings
from sandboxd.errors import SettingsError

log = structlog.get_logger()
BACKLOG: Final = 1024
"""Connections that may wait to be accepted; one more is tried again by its client's kernel, after a second."""
FIRST_GIVEN: Final = 3
_VARIABLES: Final = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")


@contextmanager
def listening(settings: Settings) -> Iterator[list[socket.socket]]:
    """What was given to us, or else one socket of our own at `bind`; clients can connect from now on, and wait in it.

    Raises SettingsError.
    """
    listeners = given_sockets(os.environ)
    if listeners:
        log.info("bind is not used", bind=settings.bind, given=[address(each) for each in listeners])
    else:
        listeners = [_bind(settings)]
    with ExitStack() as opened:
        for listener in listeners:
            opened.enter_context(listener)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted connections inherit both
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, settings.drain_ms)  # ends who reads nothing at all
        yield listeners


def given_sockets(environment: MutableMapping[str, str]) -> list[socket.socket]:
    """The sockets that LISTEN_FDS says were given to this process, none of which anything that we start inherits.

    The variables are taken out of the environment. Raises SettingsError for a descriptor that cannot be served.
    """
    count, pid, _ = (environment.pop(name, "") for name in _VARIABLES)
    if pid != str(os.getpid()):  # meant for another: whoever started us was given them
        return []
    if not count.isdecimal() or int(count) == 0:
        raise SettingsError(f"LISTEN_FDS must be how many sockets were given, not {count!r}")
    return [_given(FIRST_GIVEN + number) for number in range(int(count))]


def address(listener: socket.socket) -> str:
    """HOST:PORT, an IPv6 address in brackets."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if listener.family == socket.AF_INET6 else f"{host}:{port}"


def _given(number: int) -> socket.socket:
    try:
        os.set_inheritable(number, False)
        listener = socket.socket(fileno=number)
    except OSError as problem:
        raise SettingsError(f"Descriptor {number} of LISTEN_FDS is not a socket: {problem.strerror}") from None
    tcp = listener.family in (socket.AF_INET, socket.AF_INET6) and listener.type == socket.SOCK_STREAM
    if not tcp:
        raise SettingsError(f"Descriptor {number} of LISTEN_FDS is not a TCP socket; of the unit's, use ListenStream=HOST:PORT")
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise SettingsError(f"Descriptor {number} of LISTEN_FDS does not listen; the unit of the socket needs Accept=no")
    return listener


def _bind(settings: Settings) -> socket.socket:
    host, port = settings.address
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as problem:
        listener.close()
        raise SettingsError(f"Cannot listen on {settings.bind} (bind): {problem.strerror or problem}") from None
    return listener
