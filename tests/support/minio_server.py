"""A real S3 store on loopback: the pinned MinIO, with strict signatures."""

import contextlib
import http.client
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .ports import free_port
from .proc import Proc, await_ready
from .scratch import scratch
from .tls import TlsFiles, tls_files
from .tools import cached_service

ACCESS_KEY, SECRET_KEY = "tiphys-test-key", "tiphys-test-secret"


@dataclass
class MinioServer:
    """`endpoint` is host:port; plain HTTP unless it was started with tls=True."""

    port: int
    folder: Path
    proc: Proc
    tls: TlsFiles | None
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def objects(self) -> Path:
        """Where buckets are folders; what is in an object is MinIO's own format."""
        return self.folder / "data"

    def make_bucket(self, name: str) -> str:
        """A folder of the data is a bucket."""
        (self.objects / name).mkdir()
        return name

    def keys(self, bucket: str) -> list[str]:
        """The keys of BUCKET, as they lie on the disk: each object is a folder with xl.meta."""
        root = self.objects / bucket
        return sorted(str(meta.parent.relative_to(root)) for meta in root.rglob("xl.meta"))

    def uploads(self) -> list[Path]:
        """Multipart uploads that were begun and neither completed nor aborted."""
        return list((self.objects / ".minio.sys" / "multipart").glob("*/*/"))

    def ready(self) -> bool:
        if self.tls:
            context = ssl.create_default_context(cafile=str(self.tls.ca))
            link: http.client.HTTPConnection = http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=5, context=context
            )
        else:
            link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with contextlib.closing(link):
            link.request("GET", "/minio/health/ready")
            return link.getresponse().status == 200


@contextlib.contextmanager
def minio_server(tls: bool = False, region: str = "us-east-1") -> Iterator[MinioServer]:
    """Run one MinIO; skips where it cannot be built (no Go)."""
    program = cached_service("minio/build.sh")
    with scratch("minio") as folder:
        port = free_port()
        files = tls_files() if tls else None
        (folder / "data").mkdir()
        argv: list[str | Path] = [program, "server", "--quiet", "--address", f"127.0.0.1:{port}"]
        argv += ["--console-address", f"127.0.0.1:{free_port()}"]
        if files:
            certs = folder / "certs"
            certs.mkdir()
            (certs / "public.crt").write_bytes(files.cert.read_bytes())
            (certs / "private.key").write_bytes(files.key.read_bytes())
            argv += ["--certs-dir", certs]
        env = {
            "MINIO_ROOT_USER": ACCESS_KEY,
            "MINIO_ROOT_PASSWORD": SECRET_KEY,
            "MINIO_SITE_REGION": region,
            "HOME": str(folder),
        }
        proc = Proc([*argv, folder / "data"], folder / "minio.log", name="minio", env=env)
        with proc:
            server = MinioServer(port, folder, proc, files)
            await_ready(proc, server.ready, 60, ignore=(OSError, http.client.HTTPException))
            yield server
