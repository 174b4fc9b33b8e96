"""Finished workflows: archived, deleted when their time has come, and still there in the archive."""

import json

import pytest

from support import wait_for
from support.dev import Dev, http_status

NOTHING = "{apiVersion: v1, kind: ConfigMap, metadata: {name: nothing}}"

HELLO = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: hello, labels: {team: red}}
spec:
  entrypoint: main
  ttlStrategy: {secondsAfterCompletion: 0}
  arguments: {parameters: [{name: word, value: one}]}
  templates:
    - name: main
      inputs: {parameters: [{name: word}]}
      container: {image: none, command: [echo, "{{inputs.parameters.word}}"]}
"""


@pytest.fixture
def dev(tmp_path):
    config = tmp_path / "controller.yaml"
    config.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: workflow-controller-configmap}\ndata:\n  persistence: |\n    archive: true\n")
    with Dev(tmp_path, NOTHING, "--config", str(config)) as running:
        yield running


def archived(dev) -> list[dict]:
    return json.loads(dev.ok("archive", "list", "-A", "-o", "json"))["items"]


def test_archive_outlives_the_workflow(dev):
    assert archived(dev) == []
    dev.ok("submit", "-", stdin=HELLO)
    wait_for(lambda: archived(dev) and not dev.workflows(), 15, "the workflow is in the archive only")
    (kept,) = archived(dev)
    uid = kept["metadata"]["uid"]
    assert kept["status"]["phase"] == "Succeeded" and "nodes" not in kept["status"]
    for word in (uid, "hello"):
        whole = json.loads(dev.ok("archive", "get", word, "-o", "json"))
        assert whole["status"]["nodes"]["hello"]["phase"] == "Succeeded"
    assert "✔ hello" in dev.ok("archive", "get", "hello")
    assert "✔ hello" in dev.ok("get", "hello")  # when it is nowhere else
    assert "team" in dev.ok("archive", "list-label-keys").split()
    assert dev.ok("archive", "list-label-values", "-l", "team") == "red\n"
    assert dev.ok("archive", "list", "-l", "team=red", "-o", "name") == "hello\n"
    assert dev.ok("archive", "list", "-l", "team=blue", "-o", "name") == ""
    dev.ok("archive", "delete", uid)
    assert archived(dev) == []
    assert dev.run("archive", "get", uid).returncode == 3


def test_resubmitted_from_the_archive(dev):
    dev.ok("submit", "-", stdin=HELLO)
    wait_for(lambda: archived(dev) and not dev.workflows(), 15, "the workflow is in the archive only")
    dev.ok("archive", "resubmit", "hello", "-p", "word=two")
    wait_for(lambda: len(archived(dev)) == 2, 15, "the second run is in the archive")
    again = archived(dev)[0]
    assert again["metadata"]["name"].startswith("hello-")
    assert again["metadata"]["labels"]["workflows.argoproj.io/resubmitted-from-workflow"] == "hello"
    assert again["metadata"]["labels"]["team"] == "red"
    assert again["spec"]["arguments"]["parameters"] == [{"name": "word", "value": "two"}]


def test_retried_from_the_archive(dev):
    picky = HELLO.replace("[echo, ", '[sh, -c, "test $0 = two", ')
    dev.ok("submit", "-", stdin=picky)
    wait_for(lambda: archived(dev) and not dev.workflows(), 15, "the workflow is in the archive only")
    (failed,) = archived(dev)
    assert failed["status"]["phase"] == "Failed"
    assert dev.run("archive", "retry", "hello", "-p", "word").returncode == 2
    dev.ok("archive", "retry", "hello", "-p", "word=two")
    wait_for(lambda: len(archived(dev)) == 2, 15, "the second run is in the archive")
    again = archived(dev)[0]
    assert again["metadata"]["name"] == "hello" and again["metadata"]["uid"] != failed["metadata"]["uid"]
    assert again["status"]["phase"] == "Succeeded"


def test_archive_over_the_api(dev):
    def call(path: str, method: str = "GET", body: dict | None = None) -> tuple[int, dict]:
        data = None if body is None else json.dumps(body).encode()
        status, answer = http_status(f"http://127.0.0.1:{dev.api}/api/v1/{path}", data, method=method)
        return status, json.loads(answer)

    assert call("archived-workflows") == (200, {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowList", "metadata": {}, "items": []})
    dev.ok("submit", "-", stdin=HELLO)
    wait_for(lambda: archived(dev) and not dev.workflows(), 15, "the workflow is in the archive only")
    dev.ok("archive", "resubmit", "hello")
    wait_for(lambda: len(archived(dev)) == 2, 15, "the second run is in the archive")
    status, page = call("archived-workflows?listOptions.limit=1&namePrefix=hello&listOptions.labelSelector=team%3Dred")
    assert status == 200 and len(page["items"]) == 1 and page["metadata"]["continue"] == "1"
    status, page = call("archived-workflows?listOptions.limit=1&listOptions.continue=1&listOptions.fieldSelector=metadata.namespace%3Ddefault")
    (first,) = page["items"]
    assert first["metadata"]["name"] == "hello" and "continue" not in page["metadata"]
    uid = first["metadata"]["uid"]
    assert call(f"archived-workflows/{uid}")[1]["status"]["nodes"]["hello"]["phase"] == "Succeeded"
    assert call("archived-workflows-label-values?listOptions.labelSelector=team") == (200, {"items": ["red"]})
    assert "team" in call("archived-workflows-label-keys")[1]["items"]
    assert call("workflows/default/hello")[1]["metadata"]["uid"] == uid  # where else it would be
    assert call("workflows/default/nobody")[0] == 404
    status, made = call(f"archived-workflows/{uid}/resubmit", "PUT", {"parameters": ["word=three"]})
    assert status == 200 and made["spec"]["arguments"]["parameters"][0]["value"] == "three"
    status, refused = call(f"archived-workflows/{uid}/retry", "PUT", {})
    assert status == 400 and "retry a succeeded workflow" in refused["message"]
    wait_for(lambda: len(archived(dev)) == 3, 15, "the third run is in the archive")
    assert call(f"archived-workflows/{uid}", "DELETE") == (200, {})
    assert call(f"archived-workflows/{uid}")[0] == 404
    assert call("archived-workflows?listOptions.limit=x")[0] == 400
    assert call("archived-workflows?listOptions.fieldSelector=spec.startedAt%3Enow")[0] == 400
