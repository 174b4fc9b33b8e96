"""tiphys-eventsource and tiphys-sensor with their resources in a real cluster, as its pods' users."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support import KubeCluster, Proc, free_port, kube_cluster, wait_for
from support.kube_client import Object
from support.store_shell import pod_env
from support.tools import tiphys

EVENTS = {
    "apiGroups": ["argoproj.io"],
    "resources": ["eventsources", "sensors"],
    "verbs": ["get", "list", "watch"],
}
SECRETS = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
WORKFLOWS = {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["create", "get"]}


def resource(kind: str, name: str, spec: Object) -> Object:
    api = "argoproj.io/v1alpha1"
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec}


def event_source(port: int) -> Object:
    return resource(
        "EventSource",
        "webhook",
        {
            "webhook": {
                "document": {
                    "port": str(port),
                    "endpoint": "/document",
                    "method": "POST",
                    "authSecret": {"name": "webhook", "key": "token"},
                }
            }
        },
    )


def sensor() -> Object:
    workflow = resource(
        "Workflow",
        "",
        {"arguments": {"parameters": [{"name": "id", "value": "{{.Input.body.document_id}}"}]}},
    )
    workflow["metadata"] = {"generateName": "doc-"}
    return resource(
        "Sensor",
        "docs",
        {
            "dependencies": [
                {"name": "doc", "eventSourceName": "webhook", "eventName": "document"}
            ],
            "triggers": [
                {
                    "template": {
                        "name": "run",
                        "k8s": {"operation": "create", "source": {"resource": workflow}},
                    }
                }
            ],
        },
    )


@contextmanager
def daemons(kube: KubeCluster, namespace: str, folder: Path) -> Iterator[tuple[Proc, Proc]]:
    """Both on one data folder, each a service account with the rights it needs and no more."""
    accounts = {
        "tiphys-eventsource": [EVENTS, SECRETS],
        "tiphys-sensor": [EVENTS, WORKFLOWS],
    }
    started = []
    for program, rules in accounts.items():
        files = kube.in_pod_files(kube.service_account(namespace, program, rules), namespace)
        argv = [tiphys(program), "--data", folder / "data", "--in-cluster", "-n", namespace]
        started.append(
            Proc(
                [*argv, "--metrics-port", "0"],
                log=folder / f"{program}.log",
                env=pod_env(kube.port, files),
            )
        )
    with started[0] as source, started[1] as sink:
        yield source, sink


def post(port: int, number: int, token: str = "s3cret") -> int:
    """The status of one POST; 0 when nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    body = json.dumps({"document_id": f"doc-{number}"})
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    try:
        connection.request("POST", "/document", body, headers)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def made(kube: KubeCluster, namespace: str) -> list[str]:
    return sorted(
        item["spec"]["arguments"]["parameters"][0]["value"]
        for item in kube.admin.list("workflows", namespace)
    )


def apply(kube: KubeCluster, namespace: str, port: int) -> None:
    secret = {"metadata": {"name": "webhook"}, "stringData": {"token": "s3cret"}}
    kube.admin.create("secrets", secret, namespace)
    kube.admin.create("eventsources", event_source(port), namespace)
    kube.admin.create("sensors", sensor(), namespace)


def test_a_post_becomes_a_workflow_in_the_cluster(
    kube: KubeCluster, namespace: str, tmp_path: Path
) -> None:
    port = free_port()
    with daemons(kube, namespace, tmp_path) as (source, sink):
        apply(kube, namespace, port)  # they run already: resources are noticed
        wait_for(lambda: post(port, 0, "wrong") == 401, 30, "the webhook with its secret")
        assert [post(port, number) for number in range(10)] == [200] * 10
        wanted = [f"doc-{number}" for number in range(10)]
        wait_for(lambda: made(kube, namespace) == wanted, 30, "ten workflows")
        kube.admin.delete("eventsources", "webhook", namespace)
        wait_for(lambda: post(port, 11) in (0, 404), 30, "the webhook to go")
        assert (source.term(), sink.term()) == (0, 0)


def test_events_outlive_an_api_server_that_is_away(tmp_path: Path) -> None:
    """Answered with 200 while the cluster is down: the workflows are made when it is back."""
    port = free_port()
    with kube_cluster() as cluster, daemons(cluster, "default", tmp_path) as (_, sink):
        apply(cluster, "default", port)
        wait_for(lambda: post(port, 0) == 200, 30, "the webhook")
        wait_for(lambda: made(cluster, "default") == ["doc-0"], 30, "the first workflow")
        cluster.kill_apiserver()
        assert [post(port, number) for number in range(1, 6)] == [200] * 5
        sink.wait_log("trigger failed, trying again")
        sink.restart()
        cluster.restart_apiserver()
        wanted = [f"doc-{number}" for number in range(6)]
        wait_for(lambda: made(cluster, "default") == wanted, 60, "all workflows")
