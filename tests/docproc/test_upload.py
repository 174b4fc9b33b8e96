"""The upload app: a document comes in, the world is told, and its sender can see what became of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
import settings
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from story import REPORT, serve
from support import HttpSink, KafkaBroker, RedisServer, free_port, wait_for

NOWHERE = "http://127.0.0.1:1"
PDF = {"file": ("lab report.pdf", b"%PDF-1.7 ...", "application/pdf")}
Client = Callable[..., TestClient]


@pytest.fixture
def client(upload_app: ModuleType, tmp_path: Path) -> Iterator[Client]:
    """Makes a client of an app with the settings given."""
    opened: list[TestClient] = []

    def make(**given: Any) -> TestClient:
        chosen = settings.Settings(**{"upload_dir": tmp_path / "uploads", "tiphys_api": NOWHERE, **given})
        opened.append(TestClient(upload_app.create_app(chosen)).__enter__())
        return opened[-1]

    yield make
    for each in opened:
        each.__exit__()


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_an_upload_is_stored_and_told_to_the_webhook(client: Client, sink: HttpSink, tmp_path: Path) -> None:
    app = client(webhook_url=f"{sink.url}/document")
    answer = app.post("/upload", files=PDF, data={"patient_id": "p7", "user_id": "u1"})
    assert answer.status_code == 202
    document_id = answer.json()["document_id"]
    assert answer.json()["status_url"] == f"/documents/{document_id}"
    stored = tmp_path / "uploads" / document_id / "lab report.pdf"
    assert stored.read_bytes() == b"%PDF-1.7 ..."
    (request,) = sink.requests
    assert (request.method, request.path) == ("POST", "/document")
    assert json.loads(request.body) == {
        "document_id": document_id, "file_path": f"{document_id}/lab report.pdf", "patient_id": "p7", "user_id": "u1",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\boot.ini", "/abs/olute.pdf", "...", "a\nb<script>.pdf"])
def test_a_file_name_cannot_leave_its_folder(client: Client, sink: HttpSink, tmp_path: Path, name: str) -> None:
    answer = client(webhook_url=sink.url).post("/upload", files={"file": (name, b"%PDF-", "application/pdf")})
    assert answer.status_code == 202
    kept = files_in(tmp_path)
    assert len(kept) == 2
    assert all(path.startswith(f"uploads/{answer.json()['document_id']}/") for path in kept)
    assert not any(char in path for path in kept for char in "<\n\\")


def test_an_empty_file_is_refused_and_not_kept(client: Client, sink: HttpSink, tmp_path: Path) -> None:
    answer = client(webhook_url=sink.url).post("/upload", files={"file": ("x.pdf", b"", "application/pdf")})
    assert (answer.status_code, answer.json()["detail"]) == (422, "x.pdf is empty")
    assert files_in(tmp_path) == [] and sink.requests == []


def test_a_large_file_is_refused_by_its_announced_length(client: Client, sink: HttpSink, tmp_path: Path) -> None:
    app = client(webhook_url=sink.url, max_bytes=1 << 20)
    answer = app.post("/upload", files={"file": ("x.pdf", bytes(2 << 20), "application/pdf")})
    assert (answer.status_code, answer.json()["detail"]) == (413, "the document is larger than 1.0 MiB")
    assert files_in(tmp_path) == [] and sink.requests == []


def test_a_large_file_of_unknown_length_is_refused_on_the_way(
    upload_app: ModuleType, sink: HttpSink, tmp_path: Path
) -> None:
    chosen = settings.Settings(upload_dir=tmp_path / "uploads", webhook_url=sink.url, max_bytes=1 << 20)

    def body() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.pdf"\r\n\r\n'
        for _ in range(64):
            yield bytes(64 << 10)
        yield b"\r\n--b--\r\n"

    for url in serve(upload_app.create_app(chosen)):
        answer = httpx.post(
            f"{url}/upload", content=body(), headers={"Content-Type": "multipart/form-data; boundary=b"}
        )
        assert (answer.status_code, answer.json()["detail"]) == (413, "the document is larger than 1.0 MiB")
    assert files_in(tmp_path) == [] and sink.requests == []


def test_an_upload_that_nobody_hears_of_is_taken_back(client: Client, tmp_path: Path) -> None:
    answer = client(webhook_url=f"{NOWHERE}/document").post("/upload", files=PDF)
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith(f"the webhook {NOWHERE}/document does not answer")
    assert files_in(tmp_path) == []


def test_redis_gets_the_event(client: Client, redis: RedisServer) -> None:
    with redis.client() as other, other.pubsub() as listener:
        listener.subscribe("documents")
        wait_for(lambda: listener.get_message(timeout=1), 10, "the subscription")
        answer = client(notify="redis", redis_url=redis.url).post("/upload", files=PDF)
        heard = wait_for(lambda: listener.get_message(timeout=1), 10, "the event")
    assert json.loads(heard["data"])["document_id"] == answer.json()["document_id"]


def test_a_redis_channel_without_listeners_is_a_failure(client: Client, redis: RedisServer, tmp_path: Path) -> None:
    answer = client(notify="redis", redis_url=redis.url).post("/upload", files=PDF)
    assert answer.status_code == 503
    assert answer.json()["detail"] == "nobody listens on the Redis channel documents: is the event source running?"
    assert files_in(tmp_path) == []


def test_kafka_gets_the_event(client: Client, kafka: KafkaBroker) -> None:
    kafka.create_topic("documents")
    answer = client(notify="kafka", kafka_brokers=kafka.bootstrap).post("/upload", files=PDF)
    assert answer.status_code == 202, answer.text
    (record,) = kafka.consume("documents", 1)
    document_id = answer.json()["document_id"]
    assert (record.key.decode(), json.loads(record.value)["document_id"]) == (document_id, document_id)


def test_kafka_that_is_away_is_told(client: Client) -> None:
    answer = client(notify="kafka", kafka_brokers=f"127.0.0.1:{free_port()}").post("/upload", files=PDF)
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("Kafka at 127.0.0.1:")


class WorkflowApi:
    """Plays the part of the workflow API: one list, one workflow, answers as told."""

    def __init__(self, url: str, app: Any) -> None:
        self.url, self.app = url, app

    def has(self, phase: str, nodes: dict[str, Any] | None = None) -> None:
        meta = {"name": "docproc-abc12", "creationTimestamp": "2026-01-01T00:00:00Z"}
        self.app.state.listed = {"metadata": meta, "status": {"phase": phase}}  # lists leave nodes out
        self.app.state.whole = {
            "metadata": meta,
            "status": {"phase": phase, "message": "child failed", "nodes": nodes or {}},
        }

    @property
    def selectors(self) -> list[str]:
        return list(self.app.state.selectors)


@pytest.fixture
def api() -> Iterator[WorkflowApi]:
    app = FastAPI()
    app.state.listed, app.state.whole, app.state.selectors = None, None, []

    @app.get("/api/v1/workflows/default")
    def listing(request: Request) -> dict[str, Any]:
        app.state.selectors.append(request.query_params["listOptions.labelSelector"])
        return {"items": [app.state.listed] if app.state.listed else None}

    @app.get("/api/v1/workflows/default/docproc-abc12")
    def one() -> dict[str, Any]:
        whole: dict[str, Any] = app.state.whole
        return whole

    for url in serve(app):
        yield WorkflowApi(url, app)


@pytest.fixture
def followed(client: Client, sink: HttpSink, api: WorkflowApi) -> Callable[[], dict[str, Any]]:
    """One uploaded document; each call asks for its state."""
    app = client(webhook_url=sink.url, tiphys_api=api.url)
    url = app.post("/upload", files=PDF).json()["status_url"]

    def state() -> dict[str, Any]:
        answer: dict[str, Any] = app.get(url).json()
        return answer

    return state


def test_a_document_is_followed_to_its_result(followed: Callable[[], dict[str, Any]], api: WorkflowApi) -> None:
    first = followed()
    assert (first["state"], first["workflow"], first["result"]) == ("uploaded", None, None)
    assert api.selectors == [f"docproc/document-id={first['document_id']}"]
    api.has("Running")
    assert (followed()["state"], followed()["workflow"]) == ("running", "docproc-abc12")
    summary = json.dumps({"found": 34})
    attempt = {
        "displayName": "store(0)",
        "type": "Pod",
        "outputs": {"parameters": [{"name": "summary", "value": "{}"}]},
    }
    step = {"displayName": "store", "type": "Retry", "outputs": {"parameters": [{"name": "summary", "value": summary}]}}
    api.has("Succeeded", {"a": attempt, "b": step})
    assert (followed()["state"], followed()["result"]) == ("succeeded", {"found": 34})
    asked = len(api.selectors)
    assert followed()["state"] == "succeeded"
    assert len(api.selectors) == asked, "an end is final: nobody is asked again"


def test_a_failure_is_told_in_the_words_of_the_first_step_that_failed(
    followed: Callable[[], dict[str, Any]], api: WorkflowApi
) -> None:
    words = "x.pdf is encrypted: ask the sender for an unprotected copy"
    api.has("Failed", {
        "dag": {"type": "DAG", "phase": "Failed", "message": "child failed", "finishedAt": "1"},
        "late": {"type": "Pod", "phase": "Failed", "message": "Error (exit code 2): later", "finishedAt": "2026-01-01T00:00:09Z"},
        "first": {"type": "Pod", "phase": "Failed", "message": f"Error (exit code 1): {words}", "finishedAt": "2026-01-01T00:00:03Z"},
    })  # fmt: skip
    assert (followed()["state"], followed()["message"]) == ("failed", words)


def test_a_silent_api_is_said_and_is_no_error(client: Client, sink: HttpSink) -> None:
    app = client(webhook_url=sink.url)
    answer = app.get(app.post("/upload", files=PDF).json()["status_url"])
    assert (answer.status_code, answer.json()["state"]) == (200, "uploaded")
    assert answer.json()["message"].startswith(f"the workflow API at {NOWHERE} cannot be asked: ConnectError")


def test_the_end_is_heard_on_redis(client: Client, sink: HttpSink, redis: RedisServer) -> None:
    app = client(webhook_url=sink.url, redis_url=redis.url)
    url = app.post("/upload", files=PDF).json()["status_url"]
    end = {"document_id": url.rsplit("/", 1)[1], "state": "succeeded", "summary": {"found": 3}}
    with redis.client() as other:
        wait_for(lambda: other.publish("documents.done", "no JSON") > 0, 10, "the app to listen")
        other.publish("documents.done", json.dumps({**end, "document_id": "../somebody-elses"}))
        other.publish("documents.done", json.dumps(end))
    seen = wait_for(lambda: (doc := app.get(url).json())["state"] == "succeeded" and doc, 10, "the end")
    assert seen["result"] == {"found": 3}


def test_redis_may_go_and_come_back(client: Client, sink: HttpSink, redis: RedisServer) -> None:
    app = client(webhook_url=sink.url, redis_url=redis.url)
    url = app.post("/upload", files=PDF).json()["status_url"]
    end = json.dumps({"document_id": url.rsplit("/", 1)[1], "state": "succeeded", "summary": {}})
    with redis.client() as other:
        wait_for(lambda: other.publish("documents.done", "{}") > 0, 10, "the app to listen")
    redis.restart()
    with redis.client() as other:
        wait_for(lambda: other.publish("documents.done", end) > 0, 20, "the app to listen again")
    wait_for(lambda: app.get(url).json()["state"] == "succeeded", 10, "the end")


def test_unknown_documents_are_not_found(client: Client) -> None:
    app = client()
    for document_id in ("nothing", "00000000-0000-0000-0000-000000000000", "..%2f..%2fetc"):
        assert app.get(f"/documents/{document_id}").status_code == 404


def test_uploads_at_once_are_documents_of_their_own(client: Client, sink: HttpSink) -> None:
    app = client(webhook_url=sink.url)
    ids: list[str] = []
    senders = [
        threading.Thread(target=lambda: ids.append(app.post("/upload", files=PDF).json()["document_id"]))
        for _ in range(4)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert len(set(ids)) == len(sink.requests) == 4


def test_people_get_a_form(client: Client) -> None:
    page = client().get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert 'type="file"' in page.text and "told by webhook" in page.text


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"NOTIFY": "pigeon"}, "NOTIFY=pigeon: expected one of webhook, redis, kafka"),
        ({"NOTIFY": "redis"}, "NOTIFY=redis needs REDIS_URL"),
    ],
)
def test_a_wrong_environment_ends_the_start(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], sentence: str
) -> None:
    for key, value in env.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(SystemExit, match=sentence):
        settings.Settings.from_env()


def test_the_sample_is_a_document_like_any_other(client: Client, sink: HttpSink, tmp_path: Path) -> None:
    answer = client(webhook_url=sink.url).post(
        "/upload", files={"file": ("r.pdf", REPORT.read_bytes(), "application/pdf")}
    )
    assert (tmp_path / "uploads" / answer.json()["document_id"] / "r.pdf").read_bytes() == REPORT.read_bytes()
