"""tiphys-controller with its resources in a real cluster: workflows and what they refer to are there, steps run here."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from support import KubeCluster, Proc, kube_cluster, wait_for
from support.dev import http_status
from support.kube_client import KubeError, Object
from support.ports import free_port
from support.store_shell import pod_env
from support.tools import tiphys

# What it needs, by the verbs that docs/internals/kube.md lists; and what the resource templates of these tests do.
CONTROLLER = [
    {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["get", "list", "watch", "patch", "update", "create", "delete"]},
    {"apiGroups": ["argoproj.io"], "resources": ["workflowtemplates"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["argoproj.io"], "resources": ["cronworkflows"], "verbs": ["get", "list", "watch", "patch", "update"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch", "create", "patch", "update", "delete"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "create"]},
]


def workflow(name: str, templates: str, entrypoint: str = "main") -> Object:
    spec = {"entrypoint": entrypoint, "templates": yaml.safe_load(templates)}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name}, "spec": spec}


@contextmanager
def controller(kube: KubeCluster, namespace: str, folder: Path) -> Iterator[Proc]:
    """As a service account with a Role of its namespace and no more."""
    files = kube.in_pod_files(kube.service_account(namespace, "tiphys-controller", CONTROLLER), namespace)
    health = free_port()
    argv = [tiphys("tiphys-controller"), "--data", folder / "data", "--in-cluster", "-n", namespace]
    argv += ["--metrics-port", "0", "--health-port", str(health)]
    with Proc(argv, log=folder / "controller.log", env=pod_env(kube.port, files)) as proc:
        wait_for(lambda: http_status(f"http://127.0.0.1:{health}/readyz")[0] == 200, 30, "the controller is ready")
        yield proc


def status(kube: KubeCluster, namespace: str, name: str) -> Object:
    return kube.admin.get("workflows", name, namespace).get("status", {})


def ended(kube: KubeCluster, namespace: str, name: str) -> Object:
    wait_for(lambda: status(kube, namespace, name).get("phase") in ("Succeeded", "Failed", "Error"), 40, f"the end of {name}")
    return status(kube, namespace, name)


def node(result: Object, display: str) -> Object:
    return next(n for n in result["nodes"].values() if n["displayName"] == display and n["type"] == "Pod")


RESOURCES = """
- name: main
  steps:
    - - {name: make, template: make}
    - - {name: read, template: read}
    - - {name: change, template: change}
    - - {name: job, template: job}
    - - {name: drop, template: drop}
- name: make
  resource:
    action: create
    setOwnerReference: true
    manifest: |
      apiVersion: v1
      kind: ConfigMap
      metadata: {generateName: made-}
      data: {colour: red, size: small}
  outputs:
    parameters:
      - {name: name, valueFrom: {jsonPath: "{.metadata.name}"}}
      - {name: colour, valueFrom: {jqFilter: .data.colour}}
- name: read
  container:
    image: none
    command: [sh, -c, '[ "$COLOUR" = blue ]']
    env: [{name: COLOUR, valueFrom: {configMapKeyRef: {name: known, key: colour}}}]
- name: change
  resource:
    action: patch
    mergeStrategy: merge
    successCondition: data.colour == green
    manifest: |
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: known}
      data: {colour: green}
- name: job
  resource:
    action: create
    successCondition: status.phase == Succeeded
    failureCondition: status.phase == Failed
    manifest: |
      apiVersion: v1
      kind: Pod
      metadata: {name: work}
      spec: {restartPolicy: Never, containers: [{name: main, image: work}]}
  outputs: {parameters: [{name: phase, valueFrom: {jsonPath: "{.status.phase}"}}]}
- name: drop
  resource:
    action: delete
    manifest: "{apiVersion: v1, kind: ConfigMap, metadata: {name: known}}"
"""


def known(kube: KubeCluster, namespace: str) -> None:
    kube.admin.create("configmaps", {"metadata": {"name": "known"}, "data": {"colour": "blue"}}, namespace)


def is_gone(kube: KubeCluster, namespace: str, name: str) -> bool:
    try:
        kube.admin.get("configmaps", name, namespace)
    except KubeError as error:
        return error.status == 404
    return False


def work_pod(kube: KubeCluster, namespace: str) -> bool:
    return any(p["metadata"]["name"] == "work" for p in kube.admin.list("pods", namespace))


def test_resource_templates_act_on_the_cluster_and_wait_for_it(kube: KubeCluster, namespace: str, tmp_path: Path) -> None:
    known(kube, namespace)
    kube.admin.create("workflows", workflow("wf", RESOURCES), namespace)
    with controller(kube, namespace, tmp_path) as proc:
        wait_for(lambda: work_pod(kube, namespace), 40, "the pod that a template creates")
        assert status(kube, namespace, "wf")["phase"] == "Running"
        kube.finish_pod(namespace, "work", main=0)
        result = ended(kube, namespace, "wf")
        assert result["phase"] == "Succeeded", result
        made = {p["name"]: p["value"] for p in node(result, "make")["outputs"]["parameters"]}
        owner = kube.admin.get("configmaps", made["name"], namespace)["metadata"]["ownerReferences"][0]
        assert made["colour"] == "red" and (owner["kind"], owner["name"]) == ("Workflow", "wf")
        assert [p["value"] for p in node(result, "job")["outputs"]["parameters"]] == ["Succeeded"]
        assert is_gone(kube, namespace, "known")
        assert proc.term() == 0


def test_what_the_cluster_refuses_is_the_message_of_the_node(kube: KubeCluster, namespace: str, tmp_path: Path) -> None:
    templates = """
- name: main
  resource: {action: create, manifest: "{apiVersion: v1, kind: ServiceAccount, metadata: {name: more}}"}
"""
    kube.admin.create("workflows", workflow("wf", templates), namespace)
    with controller(kube, namespace, tmp_path):
        result = ended(kube, namespace, "wf")
    assert result["phase"] == "Failed"
    assert "main: Error (exit code 64): " in result["message"] and "serviceaccounts" in result["message"]


def test_a_pod_that_fails_fails_its_template(kube: KubeCluster, namespace: str, tmp_path: Path) -> None:
    kube.admin.create("workflows", workflow("wf", RESOURCES, "job"), namespace)
    with controller(kube, namespace, tmp_path):
        wait_for(lambda: work_pod(kube, namespace), 40, "the pod")
        kube.finish_pod(namespace, "work", "Failed", main=3)
        result = ended(kube, namespace, "wf")
    assert result["phase"] == "Failed" and "failure condition" in result["message"]


def test_the_command_line_submits_to_the_cluster_and_steps_run_here(kube: KubeCluster, namespace: str, tmp_path: Path) -> None:
    kubeconfig = kube.kubeconfig(namespace=namespace)
    templates = """
- name: main
  steps: [[{name: say, template: say, withItems: [one, two], arguments: {parameters: [{name: word, value: "{{item}}"}]}}]]
- name: say
  inputs: {parameters: [{name: word}]}
  container: {image: none, command: [sh, -c, 'echo "$0" > /tmp/out', "{{inputs.parameters.word}}"]}
  outputs: {parameters: [{name: word, valueFrom: {path: /tmp/out}}]}
"""
    argv = [tiphys("tiphys-controller"), "--data", tmp_path / "data", "--kubeconfig", kubeconfig, "-n", namespace]
    with Proc([*argv, "--metrics-port", "0", "--health-port", "0"], log=tmp_path / "controller.log"):
        cli = [str(tiphys("tiphys")), "--kubeconfig", str(kubeconfig), "-n", namespace, "--data", str(tmp_path / "cli")]
        text = yaml.safe_dump(workflow("wf", templates))
        subprocess.run([*cli, "submit", "-"], input=text, text=True, check=True, timeout=60)
        subprocess.run([*cli, "wait", "wf", "--timeout", "60s"], check=True, timeout=90)
    nodes = status(kube, namespace, "wf")["nodes"].values()
    assert sorted(n["outputs"]["parameters"][0]["value"] for n in nodes if n["type"] == "Pod") == ["one", "two"]


def test_an_archive_needs_the_embedded_store(kube: KubeCluster, namespace: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("persistence: {archive: true}\n")
    argv = [str(tiphys("tiphys-controller")), "--data", str(tmp_path / "data"), "--kubeconfig", str(kube.kubeconfig()), "--config", str(config)]
    done = subprocess.run([*argv, "--metrics-port", "0", "--health-port", "0"], capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert "not supported yet: persistence.archive with workflows in a cluster" in done.stderr + done.stdout


def test_kill_9_of_the_controller_creates_nothing_twice(kube: KubeCluster, namespace: str, tmp_path: Path) -> None:
    known(kube, namespace)
    kube.admin.create("workflows", workflow("wf", RESOURCES), namespace)
    with controller(kube, namespace, tmp_path) as proc:
        wait_for(lambda: work_pod(kube, namespace), 40, "the pod")
        proc.kill9()
        kube.finish_pod(namespace, "work", main=0)  # while nobody looks
        proc.start()
        assert ended(kube, namespace, "wf")["phase"] == "Succeeded"
    made = [c for c in kube.admin.list("configmaps", namespace) if c["metadata"]["name"].startswith("made-")]
    assert len(made) == 1


def test_an_api_server_that_is_away_is_waited_for(tmp_path: Path) -> None:
    with kube_cluster() as cluster:
        known(cluster, "default")
        cluster.admin.create("workflows", workflow("wf", RESOURCES), "default")
        with controller(cluster, "default", tmp_path):
            wait_for(lambda: work_pod(cluster, "default"), 40, "the pod")
            cluster.kill_apiserver()
            cluster.restart_apiserver()
            cluster.finish_pod("default", "work", main=0)
            result = ended(cluster, "default", "wf")
            assert result["phase"] == "Succeeded", [n.get("message") for n in result["nodes"].values()]
