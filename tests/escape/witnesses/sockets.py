"""Listeners of every kind that Node can reach, which count whoever calls."""

import contextlib
import selectors
import socket
import threading
from pathlib import Path
from types import TracebackType


class Sockets:
    """`with Sockets(path) as sockets: …; sockets.calls`: connections and datagrams by kind. `path` is the unix one's."""

    def __init__(self, path: Path) -> None:
        self.calls: dict[str, int] = {}
        self.path, self.abstract = str(path), f"sandboxd-witness-{path}"
        self._open: dict[str, socket.socket] = {}
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._hear, daemon=True)

    def __enter__(self) -> "Sockets":
        self.tcp = self._listen("tcp", socket.AF_INET, ("127.0.0.1", 0))[1]
        self._listen("tcp6", socket.AF_INET6, ("::1", self.tcp))
        self.udp = self._listen("udp", socket.AF_INET, ("127.0.0.1", 0), socket.SOCK_DGRAM)[1]
        self._listen("udp6", socket.AF_INET6, ("::1", self.udp), socket.SOCK_DGRAM)
        self._listen("unix", socket.AF_UNIX, self.path)
        Path(self.path).chmod(0o777)
        self._listen("abstract", socket.AF_UNIX, f"\0{self.abstract}")
        self._thread.start()
        return self

    def _listen(self, name: str, family: int, address: object, kind: int = socket.SOCK_STREAM) -> tuple[str, int]:
        listener = socket.socket(family, kind)
        try:
            listener.bind(address)  # type: ignore[arg-type]
        except OSError:
            listener.close()
            if family != socket.AF_INET6:  # a machine may do without IPv6
                raise
            return "", 0
        if kind == socket.SOCK_STREAM:
            listener.listen(100)
        self._open[name] = listener
        bound: tuple[str, int] = listener.getsockname()
        return bound

    def _hear(self) -> None:
        with selectors.DefaultSelector() as selector:
            for name, listener in self._open.items():
                listener.setblocking(False)
                selector.register(listener, selectors.EVENT_READ, name)
            selector.register(self._stopped, selectors.EVENT_READ, None)
            while True:
                ready = [key.data for key, _ in selector.select()]
                for name in filter(None, ready):
                    self._take(name)
                if ready == [None]:  # nothing more to be heard
                    return

    def _take(self, name: str) -> None:
        listener = self._open[name]
        with contextlib.suppress(OSError):
            if listener.type == socket.SOCK_STREAM:
                listener.accept()[0].close()
            else:
                listener.recv(65_536)
            self.calls[name] = self.calls.get(name, 0) + 1

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.close()
        self._thread.join()
        for one in (*self._open.values(), self._stopped):
            one.close()
