"""The command line on a cluster: the same words, another store."""

import json
import subprocess

import pytest

from support import KubeCluster, tiphys

from .test_dev import HELLO


@pytest.fixture
def run(kube: KubeCluster, namespace: str, tmp_path):
    def call(*words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        argv = [tiphys(), *words, "--kubeconfig", kube.kubeconfig(), "-n", namespace, "--data", tmp_path / "data"]
        return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60)

    return call


def test_workflows_of_a_cluster(run, tmp_path):
    made = run("submit", "-o", "name", "-", stdin=HELLO)
    assert made.returncode == 0, made.stderr
    name = made.stdout.strip()
    assert name.startswith("hello-world-")
    assert run("list", "-o", "name").stdout == f"{name}\n"
    assert json.loads(run("get", "@latest", "-o", "json").stdout)["metadata"]["name"] == name
    assert run("suspend", name).returncode == 0
    assert json.loads(run("get", name, "-o", "json").stdout)["spec"]["suspend"] is True
    assert run("delete", name).stdout == f"Workflow {name} deleted\n"
    assert run("get", name).returncode == 3
    assert not (tmp_path / "data").exists()


def test_apply_in_a_cluster(run):
    config = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: '1', b: '2'}}"
    assert run("apply", "-f", "-", stdin=config).stdout == "configmaps/c created\n"
    assert run("apply", "-f", "-", stdin=config).stdout == "configmaps/c unchanged\n"
    assert run("apply", "-f", "-", stdin=config.replace(", b: '2'", "")).stdout == "configmaps/c configured\n"
    assert json.loads(run("get", "cm/c", "-o", "json").stdout)["data"] == {"a": "1"}


def test_what_stays_in_the_data_folder_says_so(run):
    for words in (["logs", "x"], ["events", "list"], ["dev"]):
        done = run(*words)
        assert done.returncode == 2 and "--kubeconfig" in done.stderr


def test_sync_limits_in_a_cluster(run, namespace: str):
    made = run("sync", "create", "rooms", "--type", "database", "--limit", "2")
    assert made.stdout == f"Sync limit created\nKey: rooms\nType: database\nNamespace: {namespace}\nLimit: 2\n", made.stderr
    assert run("sync", "update", "rooms", "--type", "database", "--limit", "3").returncode == 0
    assert run("sync", "create", "rooms", "--type", "database", "--limit", "3").returncode == 5
    assert run("sync", "list", "--no-headers").stdout.split() == ["rooms", "3", "0", "0"]
    refused = run("sync", "create", "a/b", "--type", "database", "--limit", "1")
    assert refused.returncode == 2 and "a/b" in refused.stderr
    assert run("sync", "delete", "rooms", "--type", "database").returncode == 0
    assert run("sync", "get", "rooms", "--type", "database").returncode == 3
