"""Our store, driven from Python: the program store_shell behind plain verbs."""

import itertools
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .kube_client import Object
from .proc import Ended, Proc
from .tools import tiphys
from .wait import wait_for

Line = dict[str, Any]


class StoreError(Exception):
    """The store said no; `code` is our error code ("NOT_FOUND"), `message` the words."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")


class StoreShell:
    """One store_shell. `send` asks and goes on, `ask` waits for the answer.

    KIND is given as "v1/ConfigMap" or "argoproj.io/v1alpha1/Workflow".
    """

    def __init__(
        self,
        log: Path,
        kubeconfig: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        how = ["--kubeconfig", kubeconfig] if kubeconfig else ["--in-cluster"]
        self.proc = Proc([tiphys("store_shell"), *how], log=log, env=env, stdin=subprocess.PIPE)
        self._ids = itertools.count(1)
        self._offset = 0
        self._lines: dict[int, list[Line]] = {}

    def send(self, op: str, kind: str = "", **fields: Any) -> int:
        """Ask for OP; the id under which its answers come."""
        number = next(self._ids)
        api, _, name = kind.rpartition("/")
        line = {"id": number, "op": op, "apiVersion": api, "kind": name, **fields}
        stdin = self.proc.stdin
        assert stdin is not None
        stdin.write(json.dumps(line).encode() + b"\n")
        stdin.flush()
        return number

    def lines(self, number: int) -> list[Line]:
        """Everything that came for this id so far."""
        with self.proc.log.open("rb") as stream:
            stream.seek(self._offset)
            text = stream.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            if line.startswith(b'{"id":'):
                answer = json.loads(line)
                self._lines.setdefault(answer["id"], []).append(answer)
        return self._lines.get(number, [])

    def wait(
        self, number: int, wanted: Callable[[Line], object], what: str, timeout: float = 20
    ) -> Line:
        """The first line of this id that is WANTED."""

        def found() -> Line | None:
            alive = self.proc.alive()
            line = next((line for line in self.lines(number) if wanted(line)), None)
            if not line and not alive:
                raise Ended(f"store_shell ended\n{self.proc.tail()}")
            return line

        return wait_for(found, timeout, f"{what} of request {number}; {self.proc.tail(5)}")

    def answer(self, number: int, timeout: float = 20) -> Object:
        line = self.wait(number, lambda line: True, "the answer", timeout)
        if "error" in line:
            raise StoreError(line["error"]["code"], line["error"]["msg"])
        obj: Object = line.get("obj", {})
        return obj

    def ask(self, op: str, kind: str = "", timeout: float = 20, **fields: Any) -> Object:
        return self.answer(self.send(op, kind, **fields), timeout)

    def wait_event(
        self, number: int, event: str, name: str | None = None, timeout: float = 20
    ) -> Line:
        """The first EVENT of this watch, about the object NAME if one is given."""

        def wanted(line: Line) -> bool:
            if line.get("event") != event:
                return False
            return name is None or line["obj"]["metadata"]["name"] == name

        return self.wait(number, wanted, f"event {event} {name or ''}", timeout)

    def close(self) -> int:
        """End its input; the exit code."""
        if self.proc.stdin and not self.proc.stdin.closed:
            self.proc.stdin.close()
        return self.proc.wait()

    def __enter__(self) -> "StoreShell":
        return self

    def __exit__(self, *_: object) -> None:
        if self.proc.alive():
            self.close()


def pod_env(port: int, files: Path) -> dict[str, str]:
    """The environment of a pod whose service account's files are in FILES."""
    return {
        **os.environ,
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(port),
        "TIPHYS_INCLUSTER_ROOT": str(files),
    }
