"""The k8s trigger on a real API server: exactly once in effect, and dead letters that say why."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import FaultProxy, KubeCluster, Proc, fault_proxy, kube_cluster, wait_for
from support.kube_client import Object
from support.store_shell import pod_env
from support.tools import tiphys

CONFIG_MAPS = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}
WORKFLOWS = {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["create", "get"]}
FIRING = "tiphys.io/firing-id"


def workflow(**metadata: str) -> Object:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": metadata or {"generateName": "doc-"},
        "spec": {
            "workflowTemplateRef": {"name": "docproc-pipeline"},
            "arguments": {"parameters": [{"name": "id", "value": "{{.Input.body.document_id}}"}]},
        },
    }


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


@dataclass
class Outcome:
    """What the ledger says of one firing."""

    dead: bool
    firing: str
    record: dict[str, Any]

    @property
    def words(self) -> str:
        return json.dumps(self.record)


@dataclass
class Bench:
    """A sensor in `namespace`; each `run` is a process of its own on the same data."""

    kube: KubeCluster
    namespace: str
    folder: Path
    kubeconfig: Path

    def sensor(
        self, resource: Object, operation: str = "create", retry: Object | None = None, **k8s: Any
    ) -> Path:
        trigger: Object = {
            "template": {
                "name": "go",
                "k8s": {
                    "operation": operation,
                    "source": {"resource": resource},
                    **k8s,
                },
            }
        }
        if retry:
            trigger["retryStrategy"] = retry
        sensor = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Sensor",
            "metadata": {"name": "docs", "namespace": self.namespace, "uid": "sensor-uid"},
            "spec": {
                "dependencies": [
                    {"name": "doc", "eventSourceName": "webhook", "eventName": "document"}
                ],
                "triggers": [trigger],
            },
        }
        path = self.folder / "sensor.yaml"
        path.write_text(yaml.safe_dump(sensor))
        return path

    def event(self, number: int = 1) -> Path:
        event = {
            "specversion": "1.0",
            "id": f"event-{number}",
            "source": "webhook",
            "subject": "document",
            "type": "webhook",
            "time": "2026-01-02T03:04:05Z",
            "datacontenttype": "application/json",
            "data": {"header": {}, "body": {"document_id": f"doc-{number}"}},
        }
        path = self.folder / f"event-{number}.json"
        path.write_text(json.dumps(event))
        return path

    def argv(self, sensor: Path, events: Sequence[Path], data: str = "data") -> list[str]:
        words = [tiphys("sensor_on_kube"), "--data", self.folder / data, "--sensor", sensor]
        words += ["--kubeconfig", self.kubeconfig]
        for event in events:
            words += ["--event", event]
        return [str(word) for word in words]

    def run(self, sensor: Path, events: Sequence[Path] = (), data: str = "data") -> list[Outcome]:
        """Decide on EVENTS and carry out what follows; every outcome in the ledger so far."""
        done = subprocess.run(
            self.argv(sensor, events, data), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return outcomes(done.stdout)

    def objects(self, plural: str) -> list[Object]:
        return [
            item
            for item in self.kube.admin.list(plural, self.namespace)
            if item["metadata"]["name"] != "kube-root-ca.crt"
        ]


def outcomes(text: str) -> list[Outcome]:
    lines = [json.loads(line) for line in text.splitlines() if line.startswith('{"outcome"')]
    return [Outcome(line["outcome"] == "dead", line["firing"], line["record"]) for line in lines]


@pytest.fixture
def bench(kube: KubeCluster, namespace: str, tmp_path: Path) -> Bench:
    """A sensor whose service account may do what these tests need, and no more."""
    token = kube.service_account(namespace, "sensor", [CONFIG_MAPS, WORKFLOWS])
    return Bench(kube, namespace, tmp_path, kube.kubeconfig(token))


# --- create ---


def test_one_event_makes_one_workflow_that_names_its_firing(bench: Bench) -> None:
    (outcome,) = bench.run(bench.sensor(workflow()), [bench.event()])
    (made,) = bench.objects("workflows")
    meta = made["metadata"]
    assert not outcome.dead
    assert meta["name"].startswith("doc-") and outcome.firing.startswith(meta["name"][4:])
    assert meta["annotations"][FIRING] == outcome.firing
    assert meta["labels"]["events.argoproj.io/sensor"] == "docs"
    assert made["spec"]["arguments"]["parameters"] == [{"name": "id", "value": "doc-1"}]
    assert f"created Workflow {bench.namespace}/{meta['name']}" in outcome.words


def test_the_same_firing_again_is_no_second_workflow(bench: Bench) -> None:
    """The ledger was lost between two runs: only the name and the annotation know."""
    sensor = bench.sensor(workflow())
    (first,) = bench.run(sensor, [bench.event()])
    (before,) = bench.objects("workflows")
    (again,) = bench.run(sensor, [bench.event()], data="another")
    (after,) = bench.objects("workflows")
    assert first.firing == again.firing and not again.dead
    assert before["metadata"]["uid"] == after["metadata"]["uid"]
    bench.run(sensor, [bench.event()])  # and with its ledger it does not even try
    assert len(bench.objects("workflows")) == 1


def test_different_events_make_different_workflows(bench: Bench) -> None:
    bench.run(bench.sensor(workflow()), [bench.event(number) for number in range(20)])
    made = {
        item["spec"]["arguments"]["parameters"][0]["value"] for item in bench.objects("workflows")
    }
    assert made == {f"doc-{number}" for number in range(20)}


def test_a_strangers_object_of_that_name_is_a_dead_letter(bench: Bench) -> None:
    bench.kube.admin.create("workflows", workflow(name="fixed"), bench.namespace)
    (outcome,) = bench.run(bench.sensor(workflow(name="fixed")), [bench.event()])
    (there,) = bench.objects("workflows")
    assert outcome.dead
    assert "was not made by this firing" in outcome.words
    assert FIRING not in there["metadata"].get("annotations", {})


def test_a_fixed_name_belongs_to_the_first_event(bench: Bench) -> None:
    sensor = bench.sensor(workflow(name="fixed"))
    bench.run(sensor, [bench.event(1)])
    results = bench.run(sensor, [bench.event(2)])
    assert sorted(outcome.dead for outcome in results) == [False, True]
    (dead,) = [outcome for outcome in results if outcome.dead]
    (alive,) = [outcome for outcome in results if not outcome.dead]
    assert f"it belongs to firing {alive.firing}" in dead.words


def test_what_rbac_denies_is_a_dead_letter_that_says_what_would_allow_it(bench: Bench) -> None:
    bench.kubeconfig = bench.kube.kubeconfig("nobody-token")
    (outcome,) = bench.run(bench.sensor(workflow()), [bench.event()])
    assert outcome.dead
    assert f"not allowed to create workflows.argoproj.io in namespace {bench.namespace}" in (
        outcome.words
    )
    assert r"resources [\"workflows\"], verbs [\"create\"]" in outcome.words


def test_what_the_schema_refuses_and_unknown_kinds_are_dead_letters(bench: Bench) -> None:
    broken = workflow()
    del broken["spec"]
    (outcome,) = bench.run(bench.sensor(broken), [bench.event()], data="broken")
    assert outcome.dead and "Required value" in outcome.words
    unknown = {"apiVersion": "shop.example/v1", "kind": "Teapot", "metadata": {"name": "a"}}
    bench.kubeconfig = bench.kube.kubeconfig()
    (outcome,) = bench.run(bench.sensor(unknown), [bench.event()], data="unknown")
    assert outcome.dead and "this cluster has no teapots.shop.example/v1" in outcome.words


def test_a_pod_fires_as_its_service_account(bench: Bench) -> None:
    token = bench.kube.service_account(bench.namespace, "pod", [WORKFLOWS])
    files = bench.kube.in_pod_files(token, bench.namespace)
    sensor, event = bench.sensor(workflow()), bench.event()
    argv = [tiphys("sensor_on_kube"), "--data", bench.folder / "pod", "--sensor", sensor]
    done = subprocess.run(
        [*argv, "--in-cluster", "--event", event],
        capture_output=True,
        text=True,
        timeout=60,
        env=pod_env(bench.kube.port, files),
    )
    (outcome,) = outcomes(done.stdout)
    assert not outcome.dead, outcome.words
    assert len(bench.objects("workflows")) == 1


# --- the other operations ---


def test_update_merges_maps_and_replaces_lists(bench: Bench) -> None:
    bench.kube.admin.create("configmaps", config_map("c", kept="1", changed="1"), bench.namespace)
    wanted = config_map("c", changed="{{.Input.body.document_id}}")
    (outcome,) = bench.run(bench.sensor(wanted, "update"), [bench.event(7)])
    (there,) = bench.objects("configmaps")
    assert not outcome.dead, outcome.words
    assert there["data"] == {"kept": "1", "changed": "doc-7"}


@pytest.mark.parametrize("operation", ["create", "update", "patch"])
def test_what_is_not_there_is_made(bench: Bench, operation: str) -> None:
    (outcome,) = bench.run(bench.sensor(config_map("c", k="1"), operation), [bench.event()])
    (there,) = bench.objects("configmaps")
    assert not outcome.dead, outcome.words
    assert there["data"] == {"k": "1"}
    assert there["metadata"]["annotations"][FIRING] == outcome.firing


@pytest.mark.parametrize(
    ("strategy", "resource"),
    [
        ("application/merge-patch+json", config_map("c", new="2")),
        ("application/strategic-merge-patch+json", config_map("c", new="2")),
        (None, config_map("c", new="2")),
    ],
)
def test_patch_changes_what_it_names(bench: Bench, strategy: str | None, resource: Object) -> None:
    bench.kube.admin.create("configmaps", config_map("c", old="1"), bench.namespace)
    options = {"patchStrategy": strategy} if strategy else {}
    (outcome,) = bench.run(bench.sensor(resource, "patch", **options), [bench.event()])
    (there,) = bench.objects("configmaps")
    assert not outcome.dead, outcome.words
    assert there["data"] == {"old": "1", "new": "2"}


def test_delete_removes_it_and_absence_is_success(bench: Bench) -> None:
    bench.kube.admin.create("configmaps", config_map("c"), bench.namespace)
    sensor = bench.sensor(config_map("c"), "delete")
    results = bench.run(sensor, [bench.event(1)])
    assert bench.objects("configmaps") == []
    results = bench.run(sensor, [bench.event(2)])
    assert [outcome.dead for outcome in results] == [False, False]


# --- faults ---


def start(bench: Bench, sensor: Path, events: Sequence[Path], name: str = "sensor") -> Proc:
    return Proc(bench.argv(sensor, events), log=bench.folder / f"{name}.log", name="sensor_on_kube")


def finish(proc: Proc) -> list[Outcome]:
    assert proc.wait(90) == 0, proc.tail()
    return outcomes(proc.log_text())


def exactly_once(cluster: KubeCluster, namespace: str, numbers: Sequence[int]) -> None:
    made = [
        item["spec"]["arguments"]["parameters"][0]["value"]
        for item in cluster.admin.list("workflows", namespace)
    ]
    assert sorted(made) == sorted(f"doc-{number}" for number in numbers)


def through(proxy: FaultProxy, kubeconfig: Path) -> Path:
    """The same identity, reached by way of PROXY."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{proxy.port}"
    path = kubeconfig.with_name(f"{kubeconfig.name}-{proxy.port}")
    path.write_text(yaml.safe_dump(config))
    return path


def test_a_server_that_dies_during_a_create_gets_exactly_one(tmp_path: Path) -> None:
    """etcd hangs, so the creates are under way when the server is killed; then all comes back."""
    with kube_cluster() as cluster, fault_proxy(cluster.port) as proxy:
        bench = Bench(cluster, "default", tmp_path, through(proxy, cluster.kubeconfig()))
        sensor, events = bench.sensor(workflow()), [bench.event(n) for n in range(5)]
        cluster.etcd.pause()
        with start(bench, sensor, events) as proc:
            wait_for(lambda: proxy.accepted >= 5, 20, "five connections")
            cluster.kill_apiserver()
            cluster.etcd.resume()
            proc.wait_log("trigger failed, trying again", 30)
            cluster.restart_apiserver()
            results = finish(proc)
        assert [outcome.dead for outcome in results] == [False] * 5
        exactly_once(cluster, "default", range(5))


def test_wherever_a_connection_breaks_there_is_exactly_one(bench: Bench, kube: KubeCluster) -> None:
    """In the handshake, in the request, in the answer: some objects are made and not heard of."""
    cuts = list(range(200, 8000, 200))
    with fault_proxy(kube.port) as proxy:
        bench.kubeconfig = through(proxy, bench.kubeconfig)
        proxy.cuts = list(cuts)
        numbers = range(len(cuts))
        with start(bench, bench.sensor(workflow()), [bench.event(n) for n in numbers]) as proc:
            results = finish(proc)
    assert [outcome.dead for outcome in results] == [False] * len(cuts)
    exactly_once(kube, bench.namespace, numbers)
    heard_late = [outcome for outcome in results if "created (earlier)" in outcome.words]
    assert heard_late, "no answer was lost: the cuts are in the wrong places"


def test_a_sensor_that_is_killed_goes_on_where_it_was(bench: Bench) -> None:
    sensor, numbers = bench.sensor(workflow()), range(40)
    events = [bench.event(number) for number in numbers]
    for life in range(6):
        with start(bench, sensor, events, f"life-{life}") as proc:
            wanted = 6 * life
            wait_for(
                lambda: len(bench.objects("workflows")) > wanted or not proc.alive(),  # noqa: B023
                30,
                "some more workflows",
            )
            proc.kill9()
    with start(bench, sensor, events, "last-life") as proc:
        results = finish(proc)
    assert [outcome.dead for outcome in results] == [False] * len(numbers)
    exactly_once(bench.kube, bench.namespace, numbers)
