"""A TCP relay between a client and a server, to be a bad network on request."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

from .ports import free_port

CHUNK = 65536
RESET = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close() sends RST


class _Link:
    """One client's connection and ours to the server."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.ends = (client, server)
        self.relayed = 0  # bytes, both ways together
        self.cut_after: int | None = None
        self.broken = False
        self._ways_open = 2
        self._lock = threading.Lock()
        for end in self.ends:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def finish_way(self, sink: socket.socket) -> None:
        """One side has said all it will: pass that on; close after the second."""
        with self._lock:
            self._ways_open -= 1
            last = self._ways_open == 0
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
        if last:
            for end in self.ends:
                end.close()

    def reset(self) -> None:
        """RST to both sides."""
        self.broken = True
        for end in self.ends:
            reset(end)


def reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        end.shutdown(socket.SHUT_RD)  # sends nothing, wakes the thread that reads
    end.close()


class FaultProxy:
    """Listens on `port` and relays to `target`, both on loopback. Change its manners any time:

    proxy.cut_all()          reset every connection; new ones work
    proxy.refuse()           reset all and refuse new ones, until proxy.accept()
    proxy.hang()             connections stay, nothing passes, until proxy.flow()
    proxy.cut_after = 100    reset a connection when it would relay more bytes than that
    proxy.cuts = [100, 200]  the same for the next connections only, one number each
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = free_port()
        self.accepted = 0
        self.cut_after: int | None = None
        self.cuts: list[int] = []
        self._links: list[_Link] = []
        self._flowing = threading.Event()
        self._listener: socket.socket | None = None
        self.flow()
        self.accept()

    def accept(self) -> None:
        """Listen, on the same port as ever."""
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
            threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def refuse(self) -> None:
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() does not
            self._listener.close()
            self._listener = None
        self.cut_all()

    def hang(self) -> None:
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    def cut_all(self) -> None:
        links, self._links = self._links, []
        for link in links:
            link.reset()

    def _serve(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # refuse() closed it
            while True:
                client, _ = listener.accept()
                self.accepted += 1
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
        except OSError:
            reset(client)  # as near to "refused" as a relay can come
            return
        server.settimeout(None)
        link = _Link(client, server)
        if self.cuts:
            link.cut_after = self.cuts.pop(0)
        self._links.append(link)
        for way in (link.ends, link.ends[::-1]):
            threading.Thread(target=self._pump, args=(link, *way), daemon=True).start()

    def _pump(self, link: _Link, source: socket.socket, sink: socket.socket) -> None:
        """Relay one way until it ends or breaks."""
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                self._flowing.wait()
                limit = self.cut_after if link.cut_after is None else link.cut_after
                left = None if limit is None else max(0, limit - link.relayed)
                sink.sendall(data[:left])
                if left is not None and left < len(data):
                    link.reset()
                    return
                link.relayed += len(data)
            if not link.broken:
                link.finish_way(sink)
            return
        link.reset()


@contextlib.contextmanager
def fault_proxy(target: int) -> Iterator[FaultProxy]:
    """Relay to the loopback port TARGET; see FaultProxy for its manners."""
    proxy = FaultProxy(target)
    try:
        yield proxy
    finally:
        proxy.flow()
        proxy.refuse()
