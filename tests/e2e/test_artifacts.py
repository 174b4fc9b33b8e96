"""Artifacts of workflows on a real S3 store and on HTTP servers with bad manners."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import wait_for
from support.dev import Dev
from support.minio_server import ACCESS_KEY, SECRET_KEY, MinioServer

SECRETS = f"""
apiVersion: v1
kind: Secret
metadata: {{name: s3-keys}}
stringData: {{access: {ACCESS_KEY}, secret: {SECRET_KEY}, wrong: not-the-secret}}
"""


def repository(endpoint: str, bucket: str, secret: str = "secret", more: str = "") -> str:
    return f"""
apiVersion: v1
kind: ConfigMap
metadata:
  name: artifact-repositories
  annotations: {{workflows.argoproj.io/default-artifact-repository: ours}}
data:
  ours: |
    archiveLogs: true
    s3:
      endpoint: {endpoint}
      bucket: {bucket}
      insecure: true
      keyFormat: "runs/{{{{workflow.name}}}}/{{{{pod.name}}}}"
      accessKeySecret: {{name: s3-keys, key: access}}
      secretKeySecret: {{name: s3-keys, key: {secret}}}
      {more}
"""


def pass_on(name: str, consumer_archive: str = "") -> str:
    """One step writes a file and a folder, the next reads them."""
    return f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: {name}}}
spec:
  entrypoint: main
  templates:
    - name: main
      steps:
        - - {{name: make, template: make}}
        - - name: read
            template: read
            arguments:
              artifacts:
                - {{name: file, from: "{{{{steps.make.outputs.artifacts.file}}}}"}}
                - {{name: folder, from: "{{{{steps.make.outputs.artifacts.folder}}}}"}}
                - {{name: plain, from: "{{{{steps.make.outputs.artifacts.plain}}}}"}}
                - {{name: zipped, from: "{{{{steps.make.outputs.artifacts.zipped}}}}"}}
    - name: make
      script:
        image: none
        command: [sh, -e]
        source: |
          echo one > /tmp/file
          mkdir -p /tmp/folder/sub; echo two > /tmp/folder/a; echo three > /tmp/folder/sub/b
          mkdir /tmp/folder/empty
          echo made
      outputs:
        artifacts:
          - {{name: file, path: /tmp/file}}
          - {{name: folder, path: /tmp/folder}}
          - {{name: plain, path: /tmp/folder, archive: {{none: {{}}}}, s3: {{key: "plain/{{{{workflow.name}}}}"}}}}
          - {{name: zipped, path: /tmp/folder, archive: {{zip: {{}}}}}}
    - name: read
      inputs:
        artifacts:
          - {{name: file, path: /in/file}}
          - {{name: folder, path: /in/folder}}
          - {{name: plain, path: /in/plain}}
          - {{name: zipped, path: /in/zipped}}
      container:
        image: none
        command: [sh, -ec, "cat /in/file; for d in folder plain zipped; do cd /in/$d; cat a sub/b; test -d empty; done"]
"""


def finished(dev: Dev, name: str) -> dict:
    dev.run("wait", name)
    return json.loads(dev.ok("get", name, "-o", "json"))


def node(workflow: dict, display: str) -> dict:
    return next(n for n in workflow["status"]["nodes"].values() if n["displayName"] == display)


def message(workflow: dict) -> str:
    return " | ".join(n.get("message", "") for n in workflow["status"]["nodes"].values())


@pytest.fixture
def dev(minio: MinioServer, bucket: str, tmp_path: Path) -> Iterator[Dev]:
    with Dev(tmp_path, SECRETS + "---" + repository(minio.endpoint, bucket)) as dev:
        yield dev


def test_artifacts_and_logs_go_through_the_default_repository(
    dev: Dev, minio: MinioServer, bucket: str
) -> None:
    dev.ok("submit", "-", stdin=pass_on("pass"))
    workflow = finished(dev, "pass")
    assert workflow["status"]["phase"] == "Succeeded", message(workflow)
    made = {a["name"]: a for a in node(workflow, "make")["outputs"]["artifacts"]}
    pod = made["file"]["s3"]["key"].split("/")[2]
    assert made["file"]["s3"] == {"key": f"runs/pass/{pod}/file.tgz"}
    assert made["main-logs"]["s3"] == {"key": f"runs/pass/{pod}/main.log"}
    assert workflow["status"]["artifactRepositoryRef"]["configMap"] == "artifact-repositories"
    keys = minio.keys(bucket)
    for want in ("file.tgz", "folder.tgz", "zipped.zip", "main.log"):
        assert f"runs/pass/{pod}/{want}" in keys
    assert {"plain/pass/a", "plain/pass/sub/b"} <= set(keys)
    assert SECRET_KEY not in json.dumps(workflow)
    assert not list((dev.data / "artifacts").rglob("file*"))  # nothing stays behind on its way


@pytest.mark.parametrize(
    "secret, more, words",
    [
        ("wrong", "", "the secret key is wrong"),
        ("absent", "", "secretKeySecret: there is no Secret s3-keys with the key absent"),
        ("secret", "bucket: nowhere-at-all", "the bucket does not exist"),
    ],
)
def test_a_repository_that_does_not_work_is_said_at_the_step(
    minio: MinioServer, bucket: str, tmp_path: Path, secret: str, more: str, words: str
) -> None:
    config = repository(minio.endpoint, bucket, secret, more)
    if more:
        config = config.replace(f"      bucket: {bucket}\n", "")
    with Dev(tmp_path, SECRETS + "---" + config) as dev:
        dev.ok("submit", "-", stdin=pass_on("pass"))
        workflow = finished(dev, "pass")
        assert workflow["status"]["phase"] in ("Failed", "Error")
        assert words in node(workflow, "make")["message"]
        assert node(workflow, "make")["phase"] == "Error"
        assert "not-the-secret" not in json.dumps(workflow)


def test_a_bucket_is_made_when_the_repository_says_so(minio: MinioServer, tmp_path: Path) -> None:
    config = repository(minio.endpoint, "made-by-a-step", "secret", "createBucketIfNotPresent: {}")
    with Dev(tmp_path, SECRETS + "---" + config) as dev:
        dev.ok("submit", "-", stdin=pass_on("pass"))
        workflow = finished(dev, "pass")
        assert workflow["status"]["phase"] == "Succeeded", message(workflow)
        assert "plain/pass/a" in minio.keys("made-by-a-step")


def test_an_upload_survives_the_death_of_the_controller(
    dev: Dev, minio: MinioServer, bucket: str
) -> None:
    minio.proc.pause()  # the upload hangs
    try:
        dev.ok("submit", "-", stdin=pass_on("pass"))
        staged = dev.data / "artifacts" / ".transfer"
        wait_for(lambda: list(staged.rglob("out/file")), 20, "outputs wait to be saved")
        dev.proc.kill9()
    finally:
        minio.proc.resume()
    dev.proc.start()
    dev.wait_ready()
    workflow = finished(dev, "pass")
    assert workflow["status"]["phase"] == "Succeeded", message(workflow)
    assert node(workflow, "make")["outputs"]["artifacts"][0]["s3"]["key"] in minio.keys(bucket)
