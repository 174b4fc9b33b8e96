"""store.h on a real API server: identities, refusals, watches through its deaths."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from support import KubeCluster, fault_proxy, kube_cluster, wait_for
from support.kube_client import TOO_MANY, Object, path_of
from support.store_shell import StoreError, StoreShell, pod_env

WORKFLOW = "argoproj.io/v1alpha1/Workflow"
CONFIG_MAP = "v1/ConfigMap"
READ_WORKFLOWS = {
    "apiGroups": ["argoproj.io"],
    "resources": ["workflows"],
    "verbs": ["get", "list"],
}


def workflow(name: str, **spec: object) -> Object:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name},
        "spec": {"entrypoint": "main", **spec},
    }


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


@pytest.fixture
def shell(kube: KubeCluster, tmp_path: Path) -> Iterator[StoreShell]:
    """Our store as the admin."""
    with StoreShell(tmp_path / "shell.log", kube.kubeconfig()) as shell:
        yield shell
        assert shell.close() == 0


# --- verbs ---


def test_objects_are_made_read_changed_and_deleted(shell: StoreShell, namespace: str) -> None:
    made = shell.ask("create", WORKFLOW, ns=namespace, obj=workflow("a"))
    assert made["metadata"]["uid"] and made["metadata"]["generation"] == 1
    made["spec"]["entrypoint"] = "other"
    changed = shell.ask("update", WORKFLOW, obj=made)
    assert changed["metadata"]["generation"] == 2
    patch = {"status": {"phase": "Running"}}
    shell.ask("patch", WORKFLOW, ns=namespace, name="a", obj=patch)
    read = shell.ask("get", WORKFLOW, ns=namespace, name="a")
    assert (read["spec"]["entrypoint"], read["status"]["phase"]) == ("other", "Running")
    shell.ask("delete", WORKFLOW, ns=namespace, name="a")
    with pytest.raises(StoreError, match="NOT_FOUND.*not found"):
        shell.ask("get", WORKFLOW, ns=namespace, name="a")


def test_generated_names_and_copies_of_other_objects_can_be_created(
    shell: StoreShell, namespace: str
) -> None:
    obj = workflow("x")
    obj["metadata"] = {"generateName": "run-", "resourceVersion": "1", "uid": "of another"}
    made = shell.ask("create", WORKFLOW, ns=namespace, obj=obj)
    assert made["metadata"]["name"].startswith("run-")
    assert made["metadata"]["uid"] != "of another"


def test_a_taken_name_and_a_stale_version_are_conflicts(shell: StoreShell, namespace: str) -> None:
    old = shell.ask("create", CONFIG_MAP, ns=namespace, obj=config_map("a", k="1"))
    with pytest.raises(StoreError, match="CONFLICT.*already exists"):
        shell.ask("create", CONFIG_MAP, ns=namespace, obj=config_map("a"))
    shell.ask("patch", CONFIG_MAP, ns=namespace, name="a", obj={"data": {"k": "2"}})
    with pytest.raises(StoreError, match="CONFLICT.*modified"):
        shell.ask("update", CONFIG_MAP, obj=old)
    stale = {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}}
    with pytest.raises(StoreError, match="CONFLICT"):
        shell.ask("patch", CONFIG_MAP, ns=namespace, name="a", obj=stale)
    with pytest.raises(StoreError, match="CONFLICT"):
        shell.ask("delete", CONFIG_MAP, ns=namespace, name="a", uid="another")
    assert shell.ask("get", CONFIG_MAP, ns=namespace, name="a")["data"] == {"k": "2"}


def test_an_update_without_a_version_replaces_whatever_is_there(
    shell: StoreShell, namespace: str
) -> None:
    shell.ask("create", WORKFLOW, ns=namespace, obj=workflow("a", priority=1))
    wanted = workflow("a", priority=2)
    wanted["metadata"]["namespace"] = namespace
    several = [shell.send("update", WORKFLOW, obj=wanted) for _ in range(4)]
    assert all(shell.answer(number)["spec"]["priority"] == 2 for number in several)
    wanted["metadata"]["name"] = "absent"
    with pytest.raises(StoreError, match="NOT_FOUND"):
        shell.ask("update", WORKFLOW, obj=wanted)


def test_patches_of_all_three_types(shell: StoreShell, namespace: str) -> None:
    shell.ask("create", CONFIG_MAP, ns=namespace, obj=config_map("a", k="1", l="1"))
    where = {"kind": CONFIG_MAP, "ns": namespace, "name": "a"}
    assert shell.ask("patch", obj={"data": {"k": None}}, **where)["data"] == {"l": "1"}
    change = [
        {"op": "test", "path": "/data/l", "value": "1"},
        {"op": "add", "path": "/data/m", "value": "2"},
    ]
    assert shell.ask("patch", type="json", obj=change, **where)["data"] == {"l": "1", "m": "2"}
    with pytest.raises(StoreError, match="INVALID"):
        shell.ask(
            "patch", type="json", obj=[{"op": "test", "path": "/data/l", "value": "9"}], **where
        )
    merged = shell.ask("patch", type="strategic", obj={"data": {"n": "3"}}, **where)
    assert merged["data"] == {"l": "1", "m": "2", "n": "3"}
    shell.ask("create", WORKFLOW, ns=namespace, obj=workflow("a"))
    with pytest.raises(StoreError, match="INVALID.*takes merge and JSON patches only"):
        shell.ask("patch", WORKFLOW, ns=namespace, name="a", type="strategic", obj={})


def test_an_object_that_breaks_the_schema_is_invalid(shell: StoreShell, namespace: str) -> None:
    broken = workflow("a")
    del broken["spec"]
    with pytest.raises(StoreError, match="INVALID.*spec: Required value"):
        shell.ask("create", WORKFLOW, ns=namespace, obj=broken)


def test_a_name_cannot_address_another_resource(shell: StoreShell, namespace: str) -> None:
    shell.ask("create", CONFIG_MAP, ns=namespace, obj=config_map("victim"))
    for name in ("../configmaps/victim", "a/../victim", "..", "", "victim%2f"):
        with pytest.raises(StoreError, match="INVALID"):
            shell.ask("delete", CONFIG_MAP, ns=namespace, name=name)
    assert shell.ask("get", CONFIG_MAP, ns=namespace, name="victim")


def test_secrets_take_plain_text(shell: StoreShell, namespace: str) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "a"},
        "stringData": {"k": "v"},
    }
    assert shell.ask("create", "v1/Secret", ns=namespace, obj=secret)["data"] == {"k": "dg=="}


# --- lists ---


def test_lists_name_their_items_select_and_page(shell: StoreShell, namespace: str) -> None:
    for number in range(5):
        obj = config_map(f"c{number}")
        obj["metadata"]["labels"] = {"parity": "odd" if number % 2 else "even"}
        shell.ask("create", CONFIG_MAP, ns=namespace, obj=obj)

    def names(answer: Object) -> list[str]:
        return [item["metadata"]["name"] for item in answer["items"]]

    everything = shell.ask("list", CONFIG_MAP, ns=namespace)
    assert names(everything) == ["c0", "c1", "c2", "c3", "c4"]
    assert all(i["kind"] == "ConfigMap" and i["apiVersion"] == "v1" for i in everything["items"])
    assert names(shell.ask("list", CONFIG_MAP, ns=namespace, labelSelector="parity=odd")) == [
        "c1",
        "c3",
    ]
    only = shell.ask("list", CONFIG_MAP, ns=namespace, fieldSelector="metadata.name=c2")
    assert names(only) == ["c2"]
    first = shell.ask("list", CONFIG_MAP, ns=namespace, limit=3)
    rest = shell.ask(
        "list", CONFIG_MAP, ns=namespace, limit=3, **{"continue": first["metadata"]["continue"]}
    )
    assert names(first) + names(rest) == ["c0", "c1", "c2", "c3", "c4"]
    assert not rest["metadata"].get("continue")
    everywhere = shell.ask("list", CONFIG_MAP, ns=None)
    assert {"c0", "c4"} <= set(names(everywhere))


def test_a_long_list_comes_whole(shell: StoreShell, namespace: str) -> None:
    many = [
        shell.send("create", CONFIG_MAP, ns=namespace, obj=config_map(f"m{n:04}"))
        for n in range(1100)
    ]
    for number in many:
        shell.answer(number, timeout=60)
    items = shell.ask("list", CONFIG_MAP, ns=namespace, timeout=60)["items"]
    assert [item["metadata"]["name"] for item in items] == [f"m{n:04}" for n in range(1100)]


def test_nodes_can_be_left_out(shell: StoreShell, namespace: str) -> None:
    obj = workflow("a")
    obj["status"] = {"phase": "Running", "nodes": {"a": {"id": "a"}}}
    shell.ask("create", WORKFLOW, ns=namespace, obj=obj)
    (item,) = shell.ask("list", WORKFLOW, ns=namespace, noNodes=True)["items"]
    assert item["status"] == {"phase": "Running"}


# --- identities ---


def test_ping_tells_a_good_cluster_from_bad_ones(kube: KubeCluster, tmp_path: Path) -> None:
    def ping(config: Path) -> None:
        with StoreShell(tmp_path / f"{config.name}.log", config) as shell:
            shell.ask("ping")

    def changed(**cluster: str) -> Path:
        config = yaml.safe_load(kube.kubeconfig().read_text())
        config["clusters"][0]["cluster"].update(cluster)
        path = tmp_path / f"changed-{len(list(tmp_path.iterdir()))}.yaml"
        path.write_text(yaml.safe_dump(config))
        return path

    ping(kube.kubeconfig())
    with pytest.raises(StoreError, match=f"DENIED: cluster {kube.url} .*not accepted"):
        ping(kube.kubeconfig("no-such-token"))
    with pytest.raises(StoreError, match="UNAVAILABLE.*certificate|UNAVAILABLE.*SSL"):
        ping(changed(**{"certificate-authority": str(kube.tls.other_ca)}))
    with pytest.raises(StoreError, match="UNAVAILABLE"):
        ping(changed(server="https://127.0.0.1:1"))
    ping(changed(server=kube.url, **{"tls-server-name": "kubernetes.default"}))
    with pytest.raises(StoreError, match="UNAVAILABLE"):
        ping(changed(**{"tls-server-name": "somebody.else"}))


def test_who_may_not_is_told_what_would_allow_it(
    kube: KubeCluster, namespace: str, tmp_path: Path
) -> None:
    with StoreShell(tmp_path / "shell.log", kube.kubeconfig("nobody-token")) as shell:
        shell.ask("ping")
        with pytest.raises(StoreError) as error:
            shell.ask("create", WORKFLOW, ns=namespace, obj=workflow("a"))
        watch = shell.send("watch", WORKFLOW, ns=namespace, version="1")
        ended = shell.wait_event(watch, "ENDED")
    assert error.value.code == "DENIED"
    assert (
        f"not allowed to create workflows.argoproj.io in namespace {namespace}"
        in error.value.message
    )
    assert 'resources ["workflows"], verbs ["create"]' in error.value.message
    assert 'User "nobody" cannot create resource' in error.value.message
    assert ended["error"]["code"] == "DENIED"


def test_a_pod_is_its_service_account_and_follows_its_token(
    kube: KubeCluster, namespace: str, tmp_path: Path
) -> None:
    token = kube.service_account(namespace, "reader", [READ_WORKFLOWS])
    files = kube.in_pod_files(token, namespace)
    kube.admin.create("workflows", workflow("a"), namespace)
    with StoreShell(tmp_path / "shell.log", env=pod_env(kube.port, files)) as shell:
        assert shell.ask("get", WORKFLOW, ns=namespace, name="a")
        with pytest.raises(StoreError, match=f"DENIED.*system:serviceaccount:{namespace}:reader"):
            shell.ask("delete", WORKFLOW, ns=namespace, name="a")
        _swap(files / "token", kube.service_account(namespace, "other"))
        with pytest.raises(StoreError, match=f"DENIED.*system:serviceaccount:{namespace}:other"):
            shell.ask("get", WORKFLOW, ns=namespace, name="a")
        _swap(files / "token", "nonsense")
        with pytest.raises(
            StoreError, match="the credentials of the service account of this pod are not accepted"
        ):
            shell.ask("get", WORKFLOW, ns=namespace, name="a")
        _swap(files / "token", kube.token(namespace, "reader"))
        assert shell.ask("get", WORKFLOW, ns=namespace, name="a")


def _swap(path: Path, text: str) -> None:
    """Replace a file as kubelet does: another inode."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


@pytest.mark.parametrize("inline", [False, True], ids=["files", "inline"])
def test_a_client_certificate_is_an_identity(
    kube: KubeCluster, namespace: str, tmp_path: Path, inline: bool
) -> None:
    import base64

    config = yaml.safe_load(kube.kubeconfig().read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    del user["token"]
    for place, field, path in (
        (cluster, "certificate-authority", kube.tls.ca),
        (user, "client-certificate", kube.tls.client_cert),
        (user, "client-key", kube.tls.client_key),
    ):
        if inline:
            place.pop(field, None)
            place[f"{field}-data"] = base64.b64encode(path.read_bytes()).decode()
        else:
            (tmp_path / path.name).write_bytes(path.read_bytes())
            place[field] = path.name  # beside the kubeconfig
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config))
    with StoreShell(tmp_path / "shell.log", path) as shell:
        with pytest.raises(StoreError, match='DENIED.*User "tiphys-client" cannot get'):
            shell.ask("get", WORKFLOW, ns=namespace, name="a")


# --- watches ---


def test_a_watch_sees_changes_in_its_namespace_only(
    kube: KubeCluster, shell: StoreShell, namespace: str
) -> None:
    elsewhere = kube.namespace()
    version = shell.ask("list", WORKFLOW, ns=namespace)["metadata"]["resourceVersion"]
    here = shell.send("watch", WORKFLOW, ns=namespace, version=version)
    everywhere = shell.send("watch", WORKFLOW, ns=None, version=version)
    kube.admin.create("workflows", workflow("other"), elsewhere)
    kube.admin.create("workflows", workflow("a"), namespace)
    kube.admin.patch("workflows", "a", {"spec": {"priority": 1}}, namespace)
    kube.admin.delete("workflows", "a", namespace)
    shell.wait_event(here, "DELETED", "a")
    seen = [(line["event"], line["obj"]["metadata"].get("name")) for line in shell.lines(here)]
    assert [s for s in seen if s[0] != "BOOKMARK"] == [
        ("ADDED", "a"),
        ("MODIFIED", "a"),
        ("DELETED", "a"),
    ]
    shell.wait_event(everywhere, "ADDED", "other")
    shell.wait(shell.send("stop", of=here), lambda line: True, "stop")
    assert shell.wait_event(everywhere, "DELETED", "a")


def test_an_old_version_is_gone(shell: StoreShell, namespace: str) -> None:
    watch = shell.send("watch", WORKFLOW, ns=namespace, version="1")
    line = shell.wait_event(watch, "GONE")
    assert line["error"]["code"] == "GONE"
    assert line["error"]["msg"].startswith(f"watch workflows.argoproj.io in namespace {namespace}")


def test_a_list_and_a_follow_survive_the_servers_death(tmp_path: Path) -> None:
    with (
        kube_cluster() as cluster,
        StoreShell(tmp_path / "shell.log", cluster.kubeconfig()) as shell,
    ):
        for name in ("stays", "goes"):
            cluster.admin.create("workflows", workflow(name), "default")
        follow = shell.send("follow", WORKFLOW, ns="default")
        shell.wait_event(follow, "synced")
        watch = shell.send("watch", WORKFLOW, ns="default", version=_version(cluster))
        shell.wait_event(follow, "set", "goes")
        cluster.kill_apiserver()
        assert shell.wait_event(watch, "ENDED")["error"]["code"] == "UNAVAILABLE"
        with pytest.raises(StoreError, match="UNAVAILABLE"):
            shell.ask("get", WORKFLOW, ns="default", name="stays")
        cluster.restart_apiserver()
        cluster.admin.create("workflows", workflow("comes"), "default")
        cluster.admin.delete("workflows", "goes", "default")
        shell.wait_event(follow, "set", "comes", timeout=60)
        shell.wait_event(follow, "gone", "goes", timeout=60)
        names = [e["obj"]["metadata"]["name"] for e in shell.lines(follow) if e["event"] == "set"]
        assert sorted(names) == ["comes", "goes", "stays"]  # none is told twice


def _version(cluster: KubeCluster) -> str:
    answer = cluster.admin.call("GET", "/apis/argoproj.io/v1alpha1/workflows")
    return str(answer["metadata"]["resourceVersion"])


def test_what_was_deleted_during_an_outage_is_noticed(tmp_path: Path) -> None:
    """The follower is cut off meanwhile, and its version is too old for the new server."""
    with (
        kube_cluster() as cluster,
        StoreShell(tmp_path / "shell.log", cluster.kubeconfig()) as shell,
    ):
        cluster.admin.create("workflows", workflow("goes"), "default")
        follow = shell.send("follow", WORKFLOW, ns="default")
        shell.wait_event(follow, "set", "goes")
        shell.proc.pause()
        cluster.admin.delete("workflows", "goes", "default")
        cluster.restart_apiserver()
        shell.proc.resume()
        shell.wait_event(follow, "gone", "goes", timeout=60)


def test_a_follower_misses_nothing_when_connections_are_cut(
    kube: KubeCluster, namespace: str, tmp_path: Path
) -> None:
    with fault_proxy(kube.port) as proxy:
        config = yaml.safe_load(kube.kubeconfig().read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{proxy.port}"
        path = tmp_path / "config"
        path.write_text(yaml.safe_dump(config))
        with StoreShell(tmp_path / "shell.log", path) as shell:
            follow = shell.send("follow", WORKFLOW, ns=namespace)
            shell.wait_event(follow, "synced")
            for number in range(6):
                proxy.cut_all()
                kube.admin.create("workflows", workflow(f"w{number}"), namespace)
                shell.wait_event(follow, "set", f"w{number}", timeout=60)
            sets = [line for line in shell.lines(follow) if line["event"] == "set"]
    assert len(sets) == 6


def test_requests_time_out_or_are_answered_when_etcd_hangs(tmp_path: Path) -> None:
    with (
        kube_cluster() as cluster,
        StoreShell(tmp_path / "shell.log", cluster.kubeconfig()) as shell,
    ):
        shell.ask("ping")
        cluster.etcd.pause()
        create = shell.send("create", WORKFLOW, ns="default", obj=workflow("a"))
        get = shell.send("get", WORKFLOW, ns="default", name="absent")
        with pytest.raises((StoreError, TimeoutError)):
            shell.answer(get, timeout=1)
        cluster.etcd.resume()
        with pytest.raises(StoreError, match="NOT_FOUND"):
            shell.answer(get, timeout=60)
        assert shell.answer(create, timeout=60)["metadata"]["name"] == "a"


def test_overload_is_waited_out(tmp_path: Path) -> None:
    """429 with Retry-After: a create that hangs takes the only place, the others come later."""
    flags = [
        "--enable-priority-and-fairness=false",
        "--max-requests-inflight=10",
        "--max-mutating-requests-inflight=1",
    ]
    with kube_cluster(flags=flags) as cluster:
        rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}
        token = cluster.service_account("default", "busy", [rule])
        prober, probes = cluster.client(token), itertools.count(1)
        prober.timeout = 1

        def place_is_taken() -> bool:
            path, body = path_of("configmaps", "default"), config_map(f"probe-{next(probes)}")
            try:
                return prober.request("POST", path, body, dryRun="All")[0] == TOO_MANY
            except TimeoutError:
                return True  # it got the place itself

        with StoreShell(tmp_path / "shell.log", cluster.kubeconfig(token)) as shell:
            cluster.etcd.pause()
            asked = [shell.send("create", CONFIG_MAP, ns="default", obj=config_map("c0"))]
            wait_for(place_is_taken, 20, "the only place to be taken")
            for name in ("c1", "c2"):
                asked.append(shell.send("create", CONFIG_MAP, ns="default", obj=config_map(name)))
            for _ in range(3):  # needs no etcd: by now the two were refused
                shell.ask("ping")
            cluster.etcd.resume()
            for number in asked:
                shell.answer(number, timeout=60)
        assert _refused(cluster) > 1
        made = {item["metadata"]["name"] for item in cluster.admin.list("configmaps", "default")}
        assert {"c0", "c1", "c2"} <= made


def _refused(cluster: KubeCluster) -> int:
    """How many requests the server has answered with 429 about ConfigMaps."""
    metrics = cluster.admin.call("GET", "/metrics")
    counts = re.findall(
        r'^apiserver_request_total{code="429".*resource="configmaps".* (\d+)$',
        metrics,
        re.MULTILINE,
    )
    return sum(map(int, counts))
