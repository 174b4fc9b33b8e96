"""The webhook source as a daemon: what is answered 200 is there after a crash, and nothing else is."""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import free_port, wait_for
from support.dev import Cli
from support.proc import Proc
from support.tls import TlsFiles
from support.tools import give_up, tiphys

JSON = {"Content-Type": "application/json"}


def source(more: str = "") -> str:
    return f"""
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {{name: web}}
spec:
  webhook:
    doc: {{endpoint: /document, port: "12000", method: POST{more}}}
"""


class Daemon(Cli):
    """tiphys-eventsource on a data folder; its webhook listens on a free port."""

    def __init__(self, folder: Path, data: Path | None = None, resources: str = source()):
        super().__init__(data or folder / "data")
        self.data.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.tls: ssl.SSLContext | None = None
        self.ok("apply", "-f", "-", stdin=resources)
        self.argv = [str(tiphys("tiphys-eventsource")), "--data", str(self.data), "--port", str(self.port)]
        self.argv += ["--metrics-port", "0"]
        self.log = folder / "eventsource.log"

    def request(self, method: str = "POST", path: str = "/document", body: bytes | str = b"{}", **headers: str):
        kind = http.client.HTTPSConnection if self.tls else http.client.HTTPConnection
        options = {"context": self.tls} if self.tls else {}
        connection = kind("localhost", self.port, timeout=10, **options)
        try:
            all_headers = {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
            connection.request(method, path, body, all_headers)
            answer = connection.getresponse()
            answer.text = answer.read().decode()
            return answer
        finally:
            connection.close()

    def listens(self) -> bool:
        return self.request("GET", "/health", b"").status == 200

    def events(self) -> list[dict]:
        return json.loads(self.ok("events", "list", "-o", "json", "--limit", "10000"))

    def __enter__(self) -> Daemon:
        self.proc = Proc(self.argv, self.log)
        self.wait_up()
        return self

    def wait_up(self) -> None:
        wait_for(self.listens, 10, "the webhook answers /health", ignore=OSError)

    def __exit__(self, *exc: object) -> None:
        self.proc.stop()


def test_every_answer_has_its_code(tmp_path):
    secret = """
---
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {t: s3cret}
"""
    resources = source(", authSecret: {name: token, key: t}, maxPayloadSize: 100") + secret
    with Daemon(tmp_path, resources=resources) as d:
        auth = {"Authorization": "Bearer s3cret"}
        good = d.request(body='{"document_id": 5}', **auth)
        assert (good.status, good.text) == (200, "success")
        assert d.request().status == 401
        assert d.request(Authorization="Bearer wrong").status == 401
        wrong_method = d.request("GET", body=b"", **auth)
        assert (wrong_method.status, wrong_method.headers["Allow"]) == (405, "POST")
        assert d.request(path="/other", **auth).status == 404
        assert d.request(body=b'"' + b"x" * 100 + b'"', **auth).status == 413
        broken = d.request(body='{"a" 1}', **auth)
        assert broken.status == 400 and "line 1 column 6" in broken.text
        assert [event["id"] for event in d.events()] == [good.headers["X-Tiphys-Event-Id"]]
        assert d.proc.term() == 0


def test_a_filter_lets_through_what_it_says(tmp_path):
    wanted = """, filter: {expression: 'body.state in ["new", "late"] && header["X-Team"][0] == "blue"'}"""
    with Daemon(tmp_path, resources=source(wanted)) as d:
        good = d.request(body='{"state": "new"}', X_Team="blue")
        for body, team in (('{"state": "old"}', "blue"), ('{"state": "new"}', "red"), ("{}", "blue"), ("[]", "blue")):
            dropped = d.request(body=body, X_Team=team)
            assert (dropped.status, dropped.text) == (200, "success")
            assert "X-Tiphys-Event-Id" not in dropped.headers
        assert [event["id"] for event in d.events()] == [good.headers["X-Tiphys-Event-Id"]]


def test_lint_shows_where_a_filter_is_wrong(tmp_path):
    file = tmp_path / "source.yaml"
    file.write_text(source(', filter: {expression: "body.a >"}'))
    said = Cli(tmp_path / "data").run("lint", str(file))
    assert said.returncode != 0
    assert f"{file}:7:90" in said.stdout + said.stderr and "E105" in said.stdout + said.stderr


def test_answered_events_survive_a_crash_and_redeliveries_are_recognised(tmp_path):
    with Daemon(tmp_path) as d:
        plain = [d.request(body=json.dumps({"n": n})).headers["X-Tiphys-Event-Id"] for n in range(20)]
        named = d.request(body='{"pay": 1}', Idempotency_Key="order-7")
        d.proc.restart()
        d.wait_up()
        assert {event["id"] for event in d.events()} == {*plain, named.headers["X-Tiphys-Event-Id"]}
        again = d.request(body='{"pay": 1}', Idempotency_Key="order-7")
        assert again.status == 200
        assert again.headers["X-Tiphys-Event-Id"] == named.headers["X-Tiphys-Event-Id"]
        assert d.request(body='{"pay": 2}', Idempotency_Key="order-7").status == 409
        assert len(d.events()) == 21


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder]).returncode:
        give_up("a small disk needs root and mount(2)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path) -> Path:
    """Take what is left, page by page."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(b"x" * 4096)
        except OSError:
            return filler


def test_a_full_disk_is_503_and_recovers_by_itself(tmp_path):
    with small_disk(tmp_path / "disk") as disk, Daemon(tmp_path, data=disk / "data") as d:
        body = json.dumps({"text": "x" * 20000})
        stored = [d.request(body=body).headers["X-Tiphys-Event-Id"]]
        filler = fill(disk)
        refused = wait_for(
            lambda: next((a for a in (d.request(body=body),) if a.status != 200), None), 10, "a refusal"
        )
        assert refused.status == 503 and refused.headers["Retry-After"]
        assert refused.text == "failed to record event" or "cannot be stored" in refused.text
        filler.unlink()
        accepted = wait_for(lambda: next((a for a in (d.request(body=body),) if a.status == 200), None), 10, "a 200")
        stored.append(accepted.headers["X-Tiphys-Event-Id"])
        d.proc.restart()
        d.wait_up()
        assert set(stored) <= {event["id"] for event in d.events()}


def tls_secret(files: TlsFiles, cert: Path) -> str:
    data = {"crt": cert, "key": files.key}
    encoded = {name: base64.b64encode(path.read_bytes()).decode() for name, path in data.items()}
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tls"}, "data": encoded})


def test_serves_https_with_a_certificate_from_a_secret(tmp_path, tls):
    more = ", serverCertSecret: {name: tls, key: crt}, serverKeySecret: {name: tls, key: key}"
    d = Daemon(tmp_path, resources=source(more) + "---\n" + tls_secret(tls, tls.cert))
    d.tls = ssl.create_default_context(cafile=str(tls.ca))
    with d:
        assert d.request().status == 200
        d.tls = None
        with pytest.raises((OSError, http.client.HTTPException)):
            d.request()


def answers(d: Daemon) -> bool:
    try:
        return d.listens()
    except OSError:
        return False


def test_a_changed_resource_takes_effect_while_it_runs(tmp_path):
    with Daemon(tmp_path) as d:
        assert d.request("PUT").status == 405
        d.ok("apply", "-f", "-", stdin=source().replace("POST", "PUT"))
        wait_for(lambda: d.request("PUT").status == 200, 10, "PUT is accepted")
        assert d.request("POST").status == 405
        d.ok("delete", "eventsource/web")
        wait_for(lambda: not answers(d), 10, "the listener is closed")


def test_a_file_runs_without_being_applied(tmp_path):
    file = tmp_path / "source.yaml"
    file.write_text(source())
    d = Daemon(tmp_path, resources=source().replace("web", "other").replace("/document", "/other"))
    d.argv += ["-f", str(file)]
    with d:
        assert d.request().status == 200
        assert d.request(path="/other").status == 404
    file.write_text(source().replace("port", "prot"))
    with Proc(d.argv, tmp_path / "bad.log") as bad:
        assert bad.wait() == 2
    assert "source.yaml:7:" in (tmp_path / "bad.log").read_text()
