"""What the stories share: the worker's command line, the two apps, and servers of our own on free ports."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import redis
import uvicorn

ROOT = Path(__file__).resolve().parents[2]
DOCPROC = ROOT / "config" / "docproc"
WORKER = DOCPROC / "worker"
REPORT = DOCPROC / "sample" / "lab-report.pdf"
for folder in (WORKER, DOCPROC / "upload", DOCPROC / "sample"):
    sys.path.insert(0, str(folder))

# What a developer's shell may hold must not reach the steps.
for name in ("GEMINI_API_KEY", "GEMINI_URL", "NEO4J_URI", "REDIS_URL", "GRAPH_FILE", "MEDICAL_CATALOG_URL"):
    os.environ.pop(name, None)
os.environ["UPLOAD_DIR"] = "/nonexistent/docproc-tests-name-their-own"


def load(name: str, file: Path) -> ModuleType:
    """A module by its file: both apps are called app.py."""
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def wait_for(what: str, condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Poll until the condition yields something true; fail with its name otherwise."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"timed out waiting for {what}")


class Ended:
    """How a step ended: exit code, its last line on stderr, and what it left for the runner."""

    def __init__(self, done: subprocess.CompletedProcess[str], left: str) -> None:
        self.code = done.returncode
        self.said = done.stderr.strip()
        self.printed = done.stdout.strip()
        self.left = left


def step(name: str, *args: object, **env: str) -> Ended:
    """Run a step as the pipeline does: `python3 -m docproc.<name>`."""
    read, write = os.pipe()
    try:
        command = ["/usr/bin/python3", "-m", f"docproc.{name}", *map(str, args)]
        environ = {**os.environ, "PYTHONPATH": str(WORKER), "TERMINATION_LOG": f"/proc/self/fd/{write}", **env}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False, pass_fds=[write])
    finally:
        os.close(write)
    with os.fdopen(read) as pipe:
        return Ended(done, pipe.read())


def serve(app: Any) -> Iterator[str]:
    """Serve an ASGI app on a free port; yields its URL."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_for("the server", lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture(scope="session")
def catalog_app() -> ModuleType:
    return load("catalog_app", DOCPROC / "catalog" / "app.py")


@pytest.fixture(scope="session")
def upload_app() -> ModuleType:
    return load("upload_app", DOCPROC / "upload" / "app.py")


@pytest.fixture(scope="session")
def catalog(catalog_app: ModuleType) -> Iterator[str]:
    """The medical catalog, on its own port."""
    yield from serve(catalog_app.app)


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Redis server that belongs to one test."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/0"

    def answers() -> bool:
        try:
            with redis.Redis.from_url(url) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    try:
        wait_for("redis-server", answers)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=10)
