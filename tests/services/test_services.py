"""Each service of tests/support is really what it says: used here by ordinary clients."""

import http.client
import subprocess
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import (
    HttpSink,
    KafkaBroker,
    KubeCluster,
    Neo4jServer,
    fault_proxy,
    free_port,
    kafka_broker,
    redis_server,
    wait_for,
)
from support.http_sink import Answer
from support.kube_client import KubeError, Object, path_of

ALL_KAFKA_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


# --- Redis ---


def test_redis_publishes_to_a_subscriber_with_a_password() -> None:
    import redis

    with redis_server(password="s3cret") as server:
        with pytest.raises(redis.AuthenticationError):
            server.client(username=None, password=None).ping()
        client = server.client(username=None, password="s3cret")
        listener = client.pubsub()
        listener.subscribe("uploads")
        assert listener.get_message(timeout=5)["type"] == "subscribe"
        assert client.publish("uploads", "hello") == 1
        assert listener.get_message(timeout=5)["data"] == "hello"


def test_redis_speaks_tls_and_a_stranger_ca_is_refused() -> None:
    import redis

    with redis_server(tls=True) as server:
        assert server.tls_client().set("a", "1")
        assert server.client().get("a") == "1"
        with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            server.tls_client(ssl_ca_certs=str(server.tls.other_ca)).ping()


def test_redis_users_are_held_to_their_rules() -> None:
    import redis

    with redis_server(users={"app": "on >app-pw ~jobs:* +@all -@dangerous"}) as server:
        app = server.client(username="app", password="app-pw")
        assert app.xadd("jobs:1", {"k": "v"})
        with pytest.raises(redis.exceptions.NoPermissionError):
            app.flushall()
        with pytest.raises(redis.AuthenticationError):
            server.client(username=None, password=None).ping()


def test_durable_redis_keeps_its_data_over_kill9() -> None:
    with redis_server(durable=True) as server:
        server.client().set("a", "1")
        server.restart()
        assert server.client().get("a") == "1"


# --- Kafka ---


def test_kafka_returns_what_was_produced(kafka: KafkaBroker, topic: str) -> None:
    assert kafka.produce(topic, "one", "two", key=b"k", headers=[("h", b"v")]) == [(0, 0), (0, 1)]
    first, second = kafka.consume(topic, 2)
    assert (first.value, first.key, first.headers) == (b"one", b"k", [("h", b"v")])
    assert second.value == b"two"


def test_kafka_remembers_what_a_group_committed(kafka: KafkaBroker, topic: str) -> None:
    kafka.produce(topic, "one", "two")
    assert kafka.committed("g", topic) is None
    run = kafka.kcat("-G", "g", "-c", "2", "-X", "auto.offset.reset=earliest", topic)
    assert run.stdout == b"one\ntwo\n", run.stderr
    assert kafka.committed("g", topic) == 2


def test_kafka_logs_in_by_every_mechanism_over_tls(secure_kafka: KafkaBroker) -> None:
    secure_kafka.create_topic("secure")

    def produce(mechanism: str) -> bytes:
        return secure_kafka.kcat(
            "-P",
            "-t",
            "secure",
            data=mechanism.encode(),
            settings=secure_kafka.librdkafka(mechanism),
        ).stderr

    with ThreadPoolExecutor() as pool:  # most of kcat's time is waiting
        assert list(pool.map(produce, ALL_KAFKA_MECHANISMS)) == [b"", b"", b""]
    assert {record.value.decode() for record in secure_kafka.consume("secure", 3)} == set(
        ALL_KAFKA_MECHANISMS
    )


def test_kafka_refuses_a_wrong_password_and_clients_a_stranger(secure_kafka: KafkaBroker) -> None:
    wrong = [
        secure_kafka.librdkafka("SCRAM-SHA-512", sasl_password="wrong"),
        secure_kafka.librdkafka(ssl_ca_location=str(secure_kafka.tls.other_ca)),
    ]
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda s: secure_kafka.kcat("-L", "-m", "2", settings=s), wrong))
    assert [run.returncode for run in runs] == [1, 1]
    assert b"Authentication failed" in runs[0].stderr
    assert b"certificate verify failed" in runs[1].stderr


def test_kafka_keeps_messages_over_kill9() -> None:
    with kafka_broker() as broker:
        broker.create_topic("t")
        broker.produce("t", "before")
        broker.restart()
        broker.produce("t", "after")
        assert [record.value for record in broker.consume("t", 2)] == [b"before", b"after"]


# --- Kubernetes ---


def workflow(name: str, **spec: object) -> Object:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name},
        "spec": {"entrypoint": "main", **spec},
    }


def test_kube_stores_every_kind_of_ours_as_written(kube: KubeCluster, namespace: str) -> None:
    kinds = {
        "eventsources": "EventSource",
        "sensors": "Sensor",
        "eventbus": "EventBus",
        "workflows": "Workflow",
        "workflowtemplates": "WorkflowTemplate",
        "cronworkflows": "CronWorkflow",
        "workfloweventbindings": "WorkflowEventBinding",
    }
    for plural, kind in kinds.items():
        spec = {"anything": {"goes": [1, "2", None, 0.5]}}
        kube.admin.create(
            plural,
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": kind,
                "metadata": {"name": "x"},
                "spec": spec,
            },
            namespace,
        )
        assert kube.admin.get(plural, "x", namespace)["spec"] == spec


def test_kube_has_cluster_templates_and_task_results(kube: KubeCluster, namespace: str) -> None:
    head = {"apiVersion": "argoproj.io/v1alpha1", "metadata": {"name": namespace}}
    kube.admin.create(
        "clusterworkflowtemplates", {**head, "kind": "ClusterWorkflowTemplate", "spec": {}}
    )
    outputs = {"parameters": [{"name": "p", "value": "v"}]}
    kube.admin.create(
        "workflowtaskresults", {**head, "kind": "WorkflowTaskResult", "outputs": outputs}, namespace
    )
    assert kube.admin.get("workflowtaskresults", namespace, namespace)["outputs"] == outputs


def test_kube_refuses_a_second_object_of_the_same_name(kube: KubeCluster, namespace: str) -> None:
    kube.admin.create("workflows", workflow("a"), namespace)
    with pytest.raises(KubeError) as error:
        kube.admin.create("workflows", workflow("a"), namespace)
    assert (error.value.status, error.value.reason) == (409, "AlreadyExists")


def test_kube_refuses_a_stale_update(kube: KubeCluster, namespace: str) -> None:
    old = kube.admin.create("workflows", workflow("a"), namespace)
    kube.admin.patch("workflows", "a", {"spec": {"suspend": True}}, namespace)
    with pytest.raises(KubeError) as error:
        kube.admin.replace("workflows", old, namespace)
    assert (error.value.status, error.value.reason) == (409, "Conflict")


def test_kube_status_is_apart_for_sensors_and_not_for_workflows(
    kube: KubeCluster, namespace: str
) -> None:
    kube.admin.create("sensors", {**workflow("s"), "kind": "Sensor"}, namespace)
    kube.admin.patch("sensors", "s", {"status": {"ok": True}}, namespace)
    assert "status" not in kube.admin.get("sensors", "s", namespace)
    kube.admin.patch("sensors", "s", {"status": {"ok": True}}, namespace, "status")
    assert kube.admin.get("sensors", "s", namespace)["status"] == {"ok": True}
    kube.admin.create("workflows", workflow("w"), namespace)
    kube.admin.patch("workflows", "w", {"status": {"phase": "Running"}}, namespace)
    assert kube.admin.get("workflows", "w", namespace)["status"] == {"phase": "Running"}


@pytest.mark.parametrize(("token", "status"), [("nobody-token", 403), (None, 403), ("wrong", 401)])
def test_kube_lets_nobody_in_unasked(
    kube: KubeCluster, namespace: str, token: str | None, status: int
) -> None:
    with pytest.raises(KubeError) as error:
        kube.client(token).list("workflows", namespace)
    assert error.value.status == status


def test_kube_service_account_may_do_what_its_role_says(kube: KubeCluster, namespace: str) -> None:
    rule = {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["create"]}
    account = kube.client(kube.service_account(namespace, "sensor", [rule]))
    assert account.create("workflows", workflow("a"), namespace)["metadata"]["uid"]
    with pytest.raises(KubeError, match="403"):
        account.get("workflows", "a", namespace)
    with pytest.raises(KubeError, match="403"):
        account.create("workflows", workflow("a"), "default")


def test_kube_kubeconfig_works_for_an_ordinary_client(kube: KubeCluster) -> None:
    import yaml

    config = yaml.safe_load(kube.kubeconfig().read_text())
    cluster = config["clusters"][0]["cluster"]
    token = config["users"][0]["user"]["token"]
    run = subprocess.run(
        [
            "curl",
            "-fsS",
            "--cacert",
            cluster["certificate-authority"],
            "-H",
            f"Authorization: Bearer {token}",
            f"{cluster['server']}/version",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"gitVersion": "v1.37.2"' in run.stdout


def test_kube_watch_sees_what_happens(kube: KubeCluster, namespace: str) -> None:
    version = kube.admin.create("workflows", workflow("old"), namespace)["metadata"][
        "resourceVersion"
    ]
    kube.admin.create("workflows", workflow("new"), namespace)
    kube.admin.patch("workflows", "new", {"spec": {"suspend": True}}, namespace)
    kube.admin.delete("workflows", "new", namespace)
    events = kube.admin.watch("workflows", namespace, version)
    seen = [next(events) for _ in range(3)]
    assert [(e["type"], e["object"]["metadata"]["name"]) for e in seen] == [
        ("ADDED", "new"),
        ("MODIFIED", "new"),
        ("DELETED", "new"),
    ]


def test_kube_watch_from_the_distant_past_is_gone(kube: KubeCluster, namespace: str) -> None:
    event = next(kube.admin.watch("workflows", namespace, "1"))
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


def test_kube_pod_ends_as_the_test_wants(kube: KubeCluster, namespace: str) -> None:
    pod = {
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "main", "image": "localhost/x"}]},
    }
    assert kube.admin.create("pods", pod, namespace)["status"]["phase"] == "Pending"
    kube.finish_pod(namespace, "p", "Failed", main=3)
    status = kube.admin.get("pods", "p", namespace)["status"]
    assert status["phase"] == "Failed"
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3


def test_kube_keeps_objects_over_kill9(kube: KubeCluster, namespace: str) -> None:
    kube.admin.create("workflows", workflow("a"), namespace)
    watch = kube.admin.watch("workflows", namespace, timeout=30)
    assert next(watch)["type"] == "ADDED"
    kube.kill_apiserver()
    with pytest.raises((http.client.HTTPException, OSError)):
        list(watch)
    with pytest.raises(ConnectionRefusedError):
        kube.admin.request("GET", "/readyz")
    kube.restart_apiserver()
    assert kube.admin.get("workflows", "a", namespace)["spec"] == {"entrypoint": "main"}


def test_kube_hangs_while_etcd_is_paused(kube: KubeCluster, namespace: str) -> None:
    impatient = kube.client("admin-token")
    impatient.timeout = 0.3
    kube.etcd.pause()
    try:
        with pytest.raises(TimeoutError):
            impatient.request("POST", path_of("workflows", namespace), workflow("a"))
    finally:
        kube.etcd.resume()
    # Whether the abandoned create took place is anybody's guess; a new one works.
    assert kube.admin.create("workflows", workflow("b"), namespace)


# --- Neo4j ---


def test_neo4j_merges_once_and_asks_for_the_password(neo4j: Neo4jServer) -> None:
    for _ in range(2):
        neo4j.query("MERGE (d:ServiceProof {id: $id}) SET d.pages = $pages", id="d1", pages=3)
    assert neo4j.query("MATCH (d:ServiceProof) RETURN d.id AS id, d.pages AS pages") == [
        {"id": "d1", "pages": 3}
    ]
    with neo4j.driver("wrong") as driver, pytest.raises(Exception, match="Unauthorized"):
        driver.verify_connectivity()


# --- the HTTP sink and the helpers ---


def fetch(url: str, body: bytes | None = None, timeout: float = 5) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, body, timeout) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_sink_records_and_follows_its_script(sink: HttpSink) -> None:
    sink.script = [Answer(503, b"later"), Answer(302, headers={"Location": f"{sink.url}/moved"})]
    assert fetch(f"{sink.url}/a", b'{"n": 1}') == (503, b"later")
    assert fetch(f"{sink.url}/b") == (200, b"{}")
    assert [(r.method, r.path) for r in sink.wait(3)] == [
        ("POST", "/a"),
        ("GET", "/b"),
        ("GET", "/moved"),
    ]
    assert sink.requests[0].json() == {"n": 1}


def test_sink_is_slow_hangs_up_refuses_and_comes_back(sink: HttpSink) -> None:
    sink.answer = Answer(delay=5)
    with pytest.raises(TimeoutError):
        fetch(sink.url, timeout=0.1)
    sink.answer = Answer(hang_up=True)
    with pytest.raises(http.client.RemoteDisconnected):
        fetch(sink.url)
    sink.refuse()
    with pytest.raises(urllib.error.URLError, match="refused"):
        fetch(sink.url)
    sink.answer = Answer()
    sink.accept()
    assert fetch(sink.url)[0] == 200


def test_fault_proxy_cuts_hangs_and_refuses() -> None:
    import redis

    with redis_server() as server, fault_proxy(server.port) as proxy:
        client = server.client(port=proxy.port, socket_timeout=0.2)
        assert client.set("a", "1")
        proxy.hang()
        with pytest.raises(redis.TimeoutError):
            client.get("a")
        proxy.flow()
        assert client.get("a") == "1"
        listener = client.pubsub()
        listener.subscribe("c")
        assert listener.get_message(timeout=5)
        proxy.cut_all()
        with pytest.raises(redis.ConnectionError, match="reset by peer"):
            listener.get_message(timeout=5)
        proxy.refuse()
        with pytest.raises(redis.ConnectionError, match="refused"):
            client.get("a")
        proxy.accept()
        assert client.get("a") == "1"


def test_fault_proxy_cuts_in_mid_message(sink: HttpSink) -> None:
    sink.answer = Answer(body=b"x" * 1000)
    with fault_proxy(sink.port) as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        assert len(fetch(url)[1]) == 1000
        proxy.cut_after = 600
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            fetch(url)
        assert proxy.accepted == 2
        assert [request.path for request in sink.requests] == ["/", "/"]


def test_wait_for_says_what_it_waited_for_and_saw() -> None:
    with pytest.raises(TimeoutError, match=r"for the moon; last seen: 0$"):
        wait_for(lambda: 0, 0.01, "the moon")


def test_free_ports_are_never_given_twice() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
