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


# ---- artifacts that go with their workflow ----


def collected(name: str, strategy: str, own: str = "", more: str = "") -> str:
    return f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: {name}}}
spec:
  entrypoint: main
  artifactGC: {{strategy: {strategy}{more}}}
  templates:
    - name: main
      container: {{image: none, command: [sh, -c, 'echo x > /tmp/a; mkdir /tmp/b; echo y > /tmp/b/c']}}
      outputs:
        artifacts:
          - {{name: a, path: /tmp/a}}
          - {{name: b, path: /tmp/b, archive: {{none: {{}}}}{own}}}
"""


def deleted_names(workflow: dict) -> set[str]:
    artifacts = node(workflow, workflow["metadata"]["name"])["outputs"]["artifacts"]
    return {a["name"] for a in artifacts if a.get("deleted")}


def shown(dev: Dev, name: str) -> dict:
    return json.loads(dev.ok("get", name, "-o", "json"))


def test_artifacts_go_when_their_workflow_completes_but_for_those_that_say_never(
    dev: Dev, minio: MinioServer, bucket: str
) -> None:
    dev.ok("submit", "-", stdin=collected("gc", "OnWorkflowCompletion", ", artifactGC: {strategy: Never}"))
    assert finished(dev, "gc")["status"]["phase"] == "Succeeded"
    wait_for(lambda: deleted_names(shown(dev, "gc")) == {"a", "main-logs"}, 20, "artifacts are collected")
    assert [k.split("/")[-1] for k in minio.keys(bucket)] == ["c"]
    after = shown(dev, "gc")
    assert after["status"]["artifactGCStatus"]["strategiesProcessed"] == {"OnWorkflowCompletion": True}
    assert "finalizers" not in after["metadata"]  # nothing is left to wait for
    dev.ok("delete", "gc")
    wait_for(lambda: dev.run("get", "gc").returncode == 3, 10, "it is gone")


def test_artifacts_go_when_their_workflow_is_deleted(dev: Dev, minio: MinioServer, bucket: str) -> None:
    dev.ok("submit", "-", stdin=collected("gc", "OnWorkflowDeletion"))
    workflow = finished(dev, "gc")
    assert workflow["metadata"]["finalizers"] == ["workflows.argoproj.io/artifact-gc"]
    assert len(minio.keys(bucket)) == 3
    dev.ok("delete", "gc")
    wait_for(lambda: dev.run("get", "gc").returncode == 3, 20, "it is gone")
    assert minio.keys(bucket) == []


def test_a_running_workflow_that_is_deleted_ends_and_takes_its_artifacts_along(
    dev: Dev, minio: MinioServer, bucket: str
) -> None:
    text = collected("gc", "OnWorkflowDeletion").replace("  entrypoint: main", "  entrypoint: all")
    text += """
    - name: all
      steps: [[{name: make, template: main}], [{name: stay, template: stay}]]
    - {name: stay, container: {image: none, command: [sleep, '1000']}}
"""
    dev.ok("submit", "-", stdin=text)
    wait_for(lambda: len(minio.keys(bucket)) >= 2, 20, "artifacts are there")
    dev.ok("delete", "gc")
    wait_for(lambda: dev.run("get", "gc").returncode == 3, 20, "it is gone")
    assert [k for k in minio.keys(bucket) if not k.endswith(".log")] == []


def test_what_cannot_be_collected_is_a_condition_and_holds_the_workflow_unless_forced(
    minio: MinioServer, bucket: str, tmp_path: Path
) -> None:
    with Dev(tmp_path, SECRETS + "---" + repository(minio.endpoint, bucket)) as dev:
        for name, more in (("held", ""), ("forced", ", forceFinalizerRemoval: true")):
            dev.ok("submit", "-", stdin=collected(name, "OnWorkflowDeletion", "", more))
            assert finished(dev, name)["status"]["phase"] == "Succeeded"
        wrong = SECRETS.replace(SECRET_KEY, "no-longer-this-one")
        dev.ok("apply", "-", stdin=wrong)
        dev.ok("delete", "held", "forced")
        wait_for(lambda: dev.run("get", "forced").returncode == 3, 20, "the forced one is gone")
        held = wait_for(lambda: shown(dev, "held")["status"].get("conditions"), 20, "the trouble is told")
        [trouble] = [c for c in held if c["type"] == "ArtifactGCError"]
        assert "the secret key is wrong" in trouble["message"]
        dev.ok("apply", "-", stdin=SECRETS)
        dev.proc.kill9()
        dev.proc.start()
        dev.wait_ready()
        wait_for(lambda: dev.run("get", "held").returncode == 3, 20, "a restart tries again")


def test_artifacts_in_the_folder_store_are_collected_too(tmp_path: Path) -> None:
    with Dev(tmp_path, "{apiVersion: v1, kind: ConfigMap, metadata: {name: nothing}}") as dev:
        dev.ok("submit", "-", stdin=collected("gc", "OnWorkflowCompletion"))
        assert finished(dev, "gc")["status"]["phase"] == "Succeeded"
        wait_for(lambda: deleted_names(shown(dev, "gc")) == {"a", "b"}, 20, "artifacts are collected")
        assert not [p for p in (dev.data / "artifacts").rglob("*") if p.is_file()]


# ---- logs ----


def test_logs_that_are_gone_here_are_read_from_where_they_were_kept(dev: Dev, minio: MinioServer, bucket: str) -> None:
    text = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: talk}
spec:
  entrypoint: main
  templates: [{name: main, container: {image: none, command: [sh, -c, 'echo one; echo two >&2']}}]
"""
    dev.ok("submit", "-", stdin=text)
    uid = finished(dev, "talk")["metadata"]["uid"]
    assert sorted(dev.ok("logs", "talk", "--no-prefix").splitlines()) == ["one", "two"]
    [log] = (dev.data / "logs" / uid).glob("*.main.log")
    log.unlink()
    assert sorted(dev.ok("logs", "talk", "--no-prefix").splitlines()) == ["one", "two"]
    assert dev.ok("logs", "talk", "--no-prefix", "--grep", "two").splitlines() == ["two"]
    for xl in (minio.objects / bucket).rglob("main.log"):
        xl.rename(xl.with_name("gone"))
    said = dev.run("logs", "talk")
    assert said.returncode != 0 and "there is no object with this key" in said.stderr


def test_the_configuration_may_name_the_repository_of_all_namespaces(
    minio: MinioServer, bucket: str, tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        f"""
artifactRepository:
  archiveLogs: true
  s3:
    endpoint: {minio.endpoint}
    bucket: {bucket}
    insecure: true
    keyPrefix: all
    accessKeySecret: {{name: s3-keys, key: access}}
    secretKeySecret: {{name: s3-keys, key: secret}}
"""
    )
    with Dev(tmp_path, SECRETS, "--config", str(config)) as dev:
        dev.ok("submit", "-", stdin=pass_on("pass"))
        workflow = finished(dev, "pass")
        assert workflow["status"]["phase"] == "Succeeded", message(workflow)
        assert [k for k in minio.keys(bucket) if k.startswith("all/pass/")]
        assert workflow["status"]["artifactRepositoryRef"]["default"] is True
