"""A real Redis on loopback."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .ports import free_port
from .proc import Proc, await_ready
from .scratch import scratch
from .tls import TlsFiles, tls_files
from .tools import need

# Tests always have a way in, whatever users and passwords they set up.
ADMIN, ADMIN_PASSWORD = "tiphys-admin", "tiphys-admin-pw"


@dataclass
class RedisServer:
    """Plain TCP on `port`; TLS on `tls_port` when it was asked for."""

    port: int
    tls_port: int | None
    password: str | None
    tls: TlsFiles | None
    proc: Proc
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """For redis-cli -u and clients that take one; TLS when the server has it."""
        secret = f":{self.password}@" if self.password else ""
        scheme, port = ("rediss", self.tls_port) if self.tls else ("redis", self.port)
        return f"{scheme}://{secret}{self.host}:{port}"

    def client(self, **options: Any) -> Any:
        """A redis.Redis of the admin; OPTIONS (username, password, db, ...) override."""
        import redis

        defaults = {
            "host": self.host,
            "port": self.port,
            "username": ADMIN,
            "password": ADMIN_PASSWORD,
            "socket_timeout": 10,  # a refused AUTH leaves the connection open: never hang on it
            "decode_responses": True,
        }
        return redis.Redis(**{**defaults, **options})

    def tls_client(self, **options: Any) -> Any:
        """The same over TLS, verifying the server against our CA."""
        assert self.tls, "started without tls=True"
        return self.client(
            **{
                "port": self.tls_port,
                "host": "localhost",
                "ssl": True,
                "ssl_ca_certs": str(self.tls.ca),
                **options,
            }
        )

    def await_ready(self) -> None:
        import redis

        # LOADING and refused connections are both "not yet"
        await_ready(self.proc, lambda: self.client().ping(), 10, ignore=redis.RedisError)

    def kill9(self) -> None:
        self.proc.kill9()

    def start(self) -> None:
        """Start again on the same port and data."""
        self.proc.start()
        self.await_ready()

    def restart(self) -> None:
        """kill -9, then start. What was not durable is gone, as after a crash."""
        self.kill9()
        self.start()


@contextlib.contextmanager
def redis_server(
    password: str | None = None,
    tls: bool = False,
    users: Mapping[str, str] | None = None,
    durable: bool = False,
    extra: str = "",
) -> Iterator[RedisServer]:
    """Run one Redis.

    USERS maps a name to ACL rules ("on >secret ~* &* +@all"); with USERS and no
    PASSWORD the default user is switched off. DURABLE syncs every write to disk
    before the answer. EXTRA lines end up in redis.conf.
    """
    need("redis-server")
    with scratch("redis") as folder:
        port = free_port()
        tls_port = free_port() if tls else None
        files = tls_files() if tls else None
        conf = folder / "redis.conf"
        conf.write_text(
            _config(folder, port, password, users or {}, durable, extra)
            + (_tls_config(tls_port, files) if files else "")
        )
        proc = Proc(["redis-server", conf], folder / "redis.log", name="redis")
        with proc:
            server = RedisServer(port, tls_port, password, files, proc)
            server.await_ready()
            yield server


def _config(
    folder: Path,
    port: int,
    password: str | None,
    users: Mapping[str, str],
    durable: bool,
    extra: str,
) -> str:
    lines = [
        "bind 127.0.0.1",
        f"port {port}",
        f"dir {folder}",
        'save ""',
        f"user {ADMIN} on >{ADMIN_PASSWORD} ~* &* +@all",
        "appendonly yes\nappendfsync always" if durable else "appendonly no",
    ]
    if password:
        lines.append(f"requirepass {password}")
    elif users:
        lines.append("user default off")
    lines += [f"user {name} {rules}" for name, rules in users.items()]
    return "\n".join([*lines, extra, ""])


def _tls_config(port: int | None, files: TlsFiles) -> str:
    return (
        f"tls-port {port}\ntls-cert-file {files.cert}\ntls-key-file {files.key}\n"
        f"tls-ca-cert-file {files.ca}\ntls-auth-clients optional\n"
    )
