"""A real Kubernetes control plane on loopback: API server and etcd.

There is no node and no controller: pods stay Pending until a test says
otherwise with finish_pod(), nothing is garbage collected, and a namespace that
was deleted stays Terminating. So each test takes a namespace of its own.
"""

import contextlib
import hashlib
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import yaml

from .kube_client import KubeClient, KubeError, Object, path_of
from .ports import free_port
from .proc import Proc, await_ready
from .scratch import scratch
from .tls import TlsFiles, tls_files
from .tools import CRDS, cached_service, need

__all__ = ["KubeClient", "KubeCluster", "KubeError", "kube_cluster"]

ADMIN_TOKEN, NOBODY_TOKEN = "admin-token", "nobody-token"
START_TIMEOUT_S = 60
RBAC = "rbac.authorization.k8s.io"

_numbers = itertools.count(1)


@dataclass
class KubeCluster:
    """`admin` may do everything, `nobody` is known and may do nothing."""

    port: int
    tls: TlsFiles
    folder: Path
    etcd: Proc
    apiserver: Proc
    admin: KubeClient = field(init=False)
    nobody: KubeClient = field(init=False)

    def __post_init__(self) -> None:
        self.admin = self.client(ADMIN_TOKEN)
        self.nobody = self.client(NOBODY_TOKEN)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def client(self, token: str | None) -> KubeClient:
        """A client for the owner of TOKEN; None is the anonymous user."""
        return KubeClient(self.port, self.tls.ca, token)

    def kubeconfig(self, token: str = ADMIN_TOKEN, namespace: str = "default") -> Path:
        """Write a kubeconfig for the owner of TOKEN; its path."""
        path = self.folder / f"kubeconfig-{next(_numbers)}.yaml"
        path.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "test",
                    "clusters": [
                        {
                            "name": "test",
                            "cluster": {
                                "server": self.url,
                                "certificate-authority": str(self.tls.ca),
                            },
                        }
                    ],
                    "users": [{"name": "test", "user": {"token": token}}],
                    "contexts": [
                        {
                            "name": "test",
                            "context": {"cluster": "test", "user": "test", "namespace": namespace},
                        }
                    ],
                }
            )
        )
        path.chmod(0o600)
        return path

    def namespace(self, prefix: str = "t") -> str:
        """A new namespace with its `default` service account, which no controller makes here."""
        name = f"{prefix}-{os.getpid()}-{next(_numbers)}"
        self.admin.create("namespaces", {"metadata": {"name": name}})
        self.admin.create("serviceaccounts", {"metadata": {"name": "default"}}, name)
        return name

    def service_account(
        self, namespace: str, name: str, rules: Sequence[Mapping[str, object]] = ()
    ) -> str:
        """Make a service account that RULES (of a Role) apply to; a token for it."""
        self.admin.create("serviceaccounts", {"metadata": {"name": name}}, namespace)
        if rules:
            self.admin.create(
                "roles", {"metadata": {"name": name}, "rules": list(rules)}, namespace
            )
            self.admin.create(
                "rolebindings",
                {
                    "metadata": {"name": name},
                    "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": name},
                    "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
                },
                namespace,
            )
        return self.token(namespace, name)

    def token(self, namespace: str, account: str, seconds: int = 3600) -> str:
        """A fresh token by TokenRequest; the server refuses less than 600 SECONDS."""
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        path = path_of("serviceaccounts", namespace, account) + "/token"
        return str(self.admin.call("POST", path, request)["status"]["token"])

    def in_pod_files(self, token: str, namespace: str) -> Path:
        """A folder like /var/run/secrets/kubernetes.io/serviceaccount."""
        folder = self.folder / f"serviceaccount-{next(_numbers)}"
        folder.mkdir()
        (folder / "token").write_text(token)
        (folder / "namespace").write_text(namespace)
        (folder / "ca.crt").write_bytes(self.tls.ca.read_bytes())
        return folder

    def finish_pod(
        self,
        namespace: str,
        name: str,
        phase: str = "Succeeded",
        message: str = "",
        **exit_codes: int,
    ) -> None:
        """Play kubelet: set the phase of a pod and the exit code of each container named."""
        containers = [
            {
                "name": container,
                "ready": False,
                "restartCount": 0,
                "image": "",
                "imageID": "",
                "state": {
                    "terminated": {"exitCode": code, "reason": "Error" if code else "Completed"}
                },
            }
            for container, code in exit_codes.items()
        ]
        status = {"phase": phase, "message": message, "containerStatuses": containers}
        self.admin.patch("pods", name, {"status": status}, namespace, "status")

    def apply_crds(self, folder: Path = CRDS) -> None:
        """Install every CRD file of FOLDER and wait until all are served."""
        crds = [yaml.safe_load(path.read_text()) for path in sorted(folder.glob("*.yaml"))]
        for crd in crds:
            self._create_once(crd)
        for crd in crds:
            await_ready(self.apiserver, partial(self._is_served, crd), START_TIMEOUT_S)

    def _create_once(self, crd: Object) -> None:
        try:
            self.admin.create("customresourcedefinitions", crd)
        except KubeError as error:
            if error.reason != "AlreadyExists":
                raise

    def _is_served(self, crd: Object) -> bool:
        spec = crd["spec"]
        path = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
        return self.admin.request("GET", path, limit="1")[0] == 200

    def await_ready(self) -> None:
        await_ready(
            self.apiserver, lambda: self.admin.request("GET", "/readyz")[0] == 200, START_TIMEOUT_S
        )

    def kill_apiserver(self) -> None:
        """kill -9: watches break, connections are refused."""
        self.apiserver.kill9()

    def restart_apiserver(self) -> None:
        """Start it again (killed or not) on the same port and data; 2 to 3 seconds."""
        if self.apiserver.alive():
            self.kill_apiserver()
        self.apiserver.start()
        self.await_ready()


@contextlib.contextmanager
def kube_cluster(
    crds: Path | None = CRDS,
    users: Mapping[str, str] | None = None,
    flags: Sequence[str] = (),
    durable: bool = False,
) -> Iterator[KubeCluster]:
    """Run one control plane.

    CRDS is a folder of CRD files to install (None: none). USERS maps user names
    to the static tokens they may use. FLAGS go to kube-apiserver: reference of
    useful faults in docs/internals/tests.md. DURABLE lets etcd sync its disk.
    """
    need("openssl")
    kube = cached_service("kube/build.sh")
    data = _prepared_data(kube, crds)
    with _control_plane(kube, data, users or {}, flags, durable) as cluster:
        yield cluster


@contextlib.contextmanager
def _control_plane(
    kube: Path, data: Path | None, users: Mapping[str, str], flags: Sequence[str], durable: bool
) -> Iterator[KubeCluster]:
    """Run etcd on a copy of DATA (None: empty) and an API server on it."""
    files = tls_files()
    with scratch("kube") as folder:
        if data:
            _copy(data, folder / "etcd")
        _write_tokens(folder / "tokens.csv", users)
        etcd_port, api_port = free_port(), free_port()
        etcd_argv = _etcd(kube, folder, etcd_port, free_port(), durable)
        api_argv = [*_apiserver(kube, folder, etcd_port, api_port, files), *flags]
        with (
            Proc(etcd_argv, folder / "etcd.log", name="etcd") as etcd,
            Proc(api_argv, folder / "apiserver.log", name="kube-apiserver") as apiserver,
        ):
            cluster = KubeCluster(api_port, files, folder, etcd, apiserver)
            cluster.await_ready()
            yield cluster
            apiserver.kill9()  # an orderly stop waits for watches; the data is deleted anyway
            etcd.kill9()


def _prepared_data(kube: Path, crds: Path | None) -> Path:
    """The data of a cluster that has the CRDs already, made once per set of CRDs.

    It halves the start: a fresh cluster first fills itself with RBAC rules, and a
    fresh CRD holds back its first create for two seconds (for the sake of peers
    that may not have seen the CRD yet).
    """
    texts = [path.read_bytes() for path in sorted(crds.glob("*.yaml"))] if crds else []
    key = hashlib.sha256(b"\0".join([*texts, Path(__file__).read_bytes()])).hexdigest()[:12]
    data = kube.parent / f"etcd-{key}"
    if data.exists():
        return data
    with _control_plane(kube, None, {}, (), durable=False) as cluster:
        _default_account(cluster)
        if crds:
            cluster.apply_crds(crds)
        cluster.apiserver.kill9()
        cluster.etcd.term()
        unfinished = data.with_suffix(f".{os.getpid()}")
        _copy(cluster.folder / "etcd", unfinished)
    try:
        unfinished.rename(data)
    except OSError:  # another run was quicker; its data is as good
        shutil.rmtree(unfinished)
    return data


def _copy(source: Path, target: Path) -> None:
    """Copy a data folder; cp keeps etcd's big preallocated log sparse."""
    subprocess.run(["cp", "-a", "--sparse=always", source, target], check=True)


def _write_tokens(path: Path, users: Mapping[str, str]) -> None:
    lines = [f'{ADMIN_TOKEN},admin,1,"system:masters"', f"{NOBODY_TOKEN},nobody,2,"]
    lines += [f"{token},{user},{number}," for number, (user, token) in enumerate(users.items(), 10)]
    path.write_text("\n".join(lines) + "\n")


def _etcd(kube: Path, folder: Path, port: int, peer_port: int, durable: bool) -> list[str]:
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    return [
        str(kube),
        "etcd",
        "--data-dir",
        str(folder / "etcd"),
        "--log-level=warn",
        "--listen-client-urls",
        client,
        "--advertise-client-urls",
        client,
        "--listen-peer-urls",
        peer,
        "--initial-advertise-peer-urls",
        peer,
        "--initial-cluster",
        f"default={peer}",
        *([] if durable else ["--unsafe-no-fsync"]),
    ]


def _apiserver(kube: Path, folder: Path, etcd: int, port: int, files: TlsFiles) -> list[str]:
    signer = folder / "sa.key"
    words = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"]
    # not tls.new_key(): here PKCS#8 is what is not understood
    subprocess.run([*words, signer], check=True, capture_output=True)
    return [
        str(kube),
        "kube-apiserver",
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={folder}",
        # A loopback address cannot be an endpoint of the service "kubernetes": make none.
        "--advertise-address=10.96.0.1",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.96.0.0/16",
        f"--tls-cert-file={files.cert}",
        f"--tls-private-key-file={files.key}",
        f"--client-ca-file={files.ca}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--anonymous-auth=true",
        "--authorization-mode=Node,RBAC",
        "--profiling=false",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={signer}",
        f"--service-account-signing-key-file={signer}",
        # Without an aggregation set-up the log fills with complaints about its absence.
        f"--requestheader-client-ca-file={files.ca}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    ]


def _default_account(cluster: KubeCluster) -> None:
    """The service account that pods of namespace "default" want; no controller makes it."""
    account = {"metadata": {"name": "default"}}
    await_ready(
        cluster.apiserver,
        lambda: cluster.admin.create("serviceaccounts", account, "default"),
        START_TIMEOUT_S,
        ignore=(OSError, KubeError),  # 404 until the namespace exists
    )
