"""`tiphys dev` and the separate daemons on a data folder of the test, on free loopback ports."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from .ports import free_port
from .proc import Proc
from .tools import tiphys
from .wait import wait_for


def http_status(url: str, data: bytes | None = None, headers: dict[str, str] | None = None, method: str | None = None) -> tuple[int, bytes]:
    """One request; status 0 when nobody answers."""
    request = urllib.request.Request(url, data=data, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


class Cli:
    """The command line on one data folder."""

    def __init__(self, data: Path):
        self.data = data

    def run(self, *words: str, stdin: str | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        argv = [str(tiphys("tiphys")), *words, "--data", str(self.data)]
        return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout)

    def ok(self, *words: str, stdin: str | None = None, timeout: float = 60) -> str:
        done = self.run(*words, stdin=stdin, timeout=timeout)
        assert done.returncode == 0, f"tiphys {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def workflows(self) -> list[dict]:
        return json.loads(self.ok("list", "-A", "-o", "json"))["items"]


class Dev(Cli):
    """`tiphys dev -f resources`; use as a context manager."""

    def __init__(self, folder: Path, resources: str, *words: str):
        super().__init__(folder / "data")
        self.files = folder / "resources.yaml"
        self.files.write_text(resources)
        self.api = free_port()
        self.argv = [str(tiphys("tiphys")), "dev", "-f", str(self.files), "--data", str(self.data), "--port", str(self.api), *words]
        self.log = folder / "dev.log"

    def wait_ready(self) -> Dev:
        wait_for(lambda: http_status(f"http://127.0.0.1:{self.api}/health")[0] == 200, 15, "tiphys dev answers /health")
        return self

    def __enter__(self) -> Dev:
        self.proc = Proc(self.argv, self.log, name="tiphys dev")
        return self.wait_ready()

    def __exit__(self, *exc: object) -> None:
        self.proc.stop()
