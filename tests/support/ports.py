"""Free loopback ports that stay free until their server has bound them."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

# Below the range from which the kernel takes ports for outgoing connections:
# one of those could otherwise grab the port between our choice and its use.
LOWEST, HIGHEST = 20000, 32000

_claims: list[int] = []  # file descriptors; their locks end with this process


def free_port() -> int:
    """A TCP port nobody listens on and no other test process has been given.

    "Bind to 0, close, hope" hands one port to two parallel workers now and then.
    So each port has a lock file, held until this process ends.
    """
    folder = Path(tempfile.gettempdir()) / f"tiphys-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for port in random.sample(range(LOWEST, HIGHEST), HIGHEST - LOWEST):
        if _is_free(port) and _claim(folder / str(port)):
            return port
    raise RuntimeError(f"no free port between {LOWEST} and {HIGHEST}")


def _claim(path: Path) -> bool:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return False
    _claims.append(fd)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def accepts(port: int) -> bool:
    """Is somebody listening on this loopback port?"""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
