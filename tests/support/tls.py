"""Certificates for tests, made by openssl in a few milliseconds."""

import atexit
import functools
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

SERVER_NAMES = (
    "DNS:localhost,IP:127.0.0.1,IP:10.96.0.1,DNS:kubernetes,DNS:kubernetes.default,"
    "DNS:kubernetes.default.svc"
)


@dataclass(frozen=True)
class TlsFiles:
    """Paths of PEM files. The server's certificate is for localhost and 127.0.0.1."""

    ca: Path
    ca_key: Path
    cert: Path
    key: Path
    client_cert: Path
    client_key: Path
    other_ca: Path  # signed nothing here: who trusts only this one must refuse the server
    bundle: Path  # key (PKCS#8), certificate and CA in one file, as Kafka wants them


def tls_files(folder: Path | None = None) -> TlsFiles:
    """A CA with a server and a client certificate; made once per process unless FOLDER is given."""
    return make(folder) if folder else _shared()


@functools.cache
def _shared() -> TlsFiles:
    folder = Path(tempfile.mkdtemp(prefix="tiphys-tls-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return make(folder)


def make(folder: Path) -> TlsFiles:
    folder.mkdir(parents=True, exist_ok=True)
    ca, ca_key = _authority(folder, "ca", "/CN=tiphys-test-ca")
    other_ca, _ = _authority(folder, "other-ca", "/CN=tiphys-other-ca")
    cert, key = _signed(
        folder,
        "server",
        "/CN=localhost",
        f"subjectAltName={SERVER_NAMES}\nextendedKeyUsage=serverAuth,clientAuth\n",
    )
    client_cert, client_key = _signed(
        folder, "client", "/CN=tiphys-client", "extendedKeyUsage=clientAuth\n"
    )
    bundle = folder / "bundle.pem"
    bundle.write_bytes(key.read_bytes() + cert.read_bytes() + ca.read_bytes())
    return TlsFiles(ca, ca_key, cert, key, client_cert, client_key, other_ca, bundle)


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def new_key(path: Path) -> None:
    """Write a private key."""
    # genpkey writes PKCS#8, which every reader takes; "ecparam" output Kafka refuses.
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)


def _authority(folder: Path, name: str, subject: str) -> tuple[Path, Path]:
    cert, key = folder / f"{name}.crt", folder / f"{name}.key"
    new_key(key)
    _openssl("req", "-x509", "-new", "-key", key, "-subj", subject, "-days", "30", "-out", cert)
    return cert, key


def _signed(folder: Path, name: str, subject: str, extensions: str) -> tuple[Path, Path]:
    cert, key = folder / f"{name}.crt", folder / f"{name}.key"
    request, config = folder / f"{name}.csr", folder / f"{name}.ext"
    new_key(key)
    config.write_text(extensions)
    _openssl("req", "-new", "-key", key, "-subj", subject, "-out", request)
    _openssl(
        "x509",
        "-req",
        "-in",
        request,
        "-CA",
        folder / "ca.crt",
        "-CAkey",
        folder / "ca.key",
        "-CAcreateserial",
        "-days",
        "30",
        "-extfile",
        config,
        "-out",
        cert,
    )
    return cert, key
