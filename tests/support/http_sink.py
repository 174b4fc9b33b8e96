"""An HTTP server that remembers what it was sent and misbehaves on request."""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .ports import free_port
from .tls import TlsFiles, tls_files
from .wait import wait_for


@dataclass(frozen=True)
class Request:
    """One request as it arrived. Header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """What the sink says: after `delay` seconds, or never when `hang_up` is set."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0
    hang_up: bool = False  # read the request, then close without a word


class HttpSink:
    """Records requests. Set `answer` to change its manners for all that follow:

    sink.answer = Answer(500)                                   errors
    sink.answer = Answer(delay=3)                               slow
    sink.answer = Answer(302, headers={"Location": "..."})      redirect
    sink.answer = lambda request: Answer(201)                   decide per request
    sink.script = [Answer(503), Answer(503)]                    these first, then `answer`
    sink.refuse(); sink.accept()                                nobody listens; again
    """

    def __init__(self, tls: TlsFiles | None = None) -> None:
        self.requests: list[Request] = []
        self.answer: Answer | Callable[[Request], Answer] = Answer()
        self.script: list[Answer] = []
        self._tls = tls
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server: _Server | None = None
        self.port = free_port()
        self.accept()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def accept(self) -> None:
        """Listen; after refuse(), on the same port as before."""
        if self._server:
            return
        self._closing.clear()
        self._server = _Server(("127.0.0.1", self.port), _handler(self))
        if self._tls:
            self._server.socket = _server_context(self._tls).wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def refuse(self) -> None:
        """Cut all connections and stop listening: new ones are refused until accept()."""
        if not self._server:
            return
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.cut_all()
        self._server = None

    def wait(self, count: int, timeout: float = 10) -> list[Request]:
        """Wait until at least COUNT requests have come; all of them so far."""
        wait_for(lambda: len(self.requests) >= count, timeout, f"{count} requests at {self.url}")
        return list(self.requests)

    def clear(self) -> None:
        self.requests.clear()

    def take(self, request: Request) -> Answer:
        """Record REQUEST and choose its answer (called by the handler threads)."""
        with self._lock:
            self.requests.append(request)
            if self.script:
                return self.script.pop(0)
        return self.answer(request) if callable(self.answer) else self.answer

    def linger(self, seconds: float) -> None:
        """A delay that ends early when the sink is closed."""
        self._closing.wait(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a handler that waits for a kept-alive peer must not hold us up
    request_queue_size = 128

    def __init__(self, *args: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*args)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def cut_all(self) -> None:
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that goes away is nothing to report: tests kill peers."""


def _server_context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert, files.key)
    return context


def _handler(sink: HttpSink) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, _read_body(self))
            answer = sink.take(request)
            if answer.delay:
                sink.linger(answer.delay)
            if answer.hang_up:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """The requests are recorded already."""

    return Handler


def _read_body(handler: BaseHTTPRequestHandler) -> bytes:
    if "chunked" not in handler.headers.get("Transfer-Encoding", ""):
        return handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
    body = b""
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    while handler.rfile.readline().strip():
        pass  # trailers
    return body


@contextlib.contextmanager
def http_sink(tls: bool = False) -> Iterator[HttpSink]:
    """Run one sink; see HttpSink for its manners."""
    sink = HttpSink(tls_files() if tls else None)
    try:
        yield sink
    finally:
        sink.refuse()
