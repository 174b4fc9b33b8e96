"""What the stories share: the worker's command line, and the two apps on free ports."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import uvicorn
from support import wait_for

ROOT = Path(__file__).resolve().parents[2]
DOCPROC = ROOT / "config" / "docproc"
WORKER = DOCPROC / "worker"
REPORT = DOCPROC / "sample" / "lab-report.pdf"


def load(name: str, file: Path) -> ModuleType:
    """A module by its file: both apps are called app.py."""
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


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
        done = subprocess.run(
            command, env=environ, capture_output=True, text=True, timeout=120, check=False, pass_fds=[write]
        )
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
        wait_for(lambda: server.started, 20, "uvicorn to start")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
