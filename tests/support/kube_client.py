"""Just enough of a Kubernetes client for tests: plain verbs, plain dictionaries."""

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from .wait import wait_for

Object = dict[str, Any]
Objects = list[Object]  # "list" is a verb below

ARGO = "apis/argoproj.io/v1alpha1"
GROUPS = {
    "namespaces": "api/v1",
    "pods": "api/v1",
    "secrets": "api/v1",
    "configmaps": "api/v1",
    "events": "api/v1",
    "serviceaccounts": "api/v1",
    "persistentvolumeclaims": "api/v1",
    "services": "api/v1",
    "jobs": "apis/batch/v1",
    "deployments": "apis/apps/v1",
    "leases": "apis/coordination.k8s.io/v1",
    "poddisruptionbudgets": "apis/policy/v1",
    "roles": "apis/rbac.authorization.k8s.io/v1",
    "rolebindings": "apis/rbac.authorization.k8s.io/v1",
    "clusterroles": "apis/rbac.authorization.k8s.io/v1",
    "clusterrolebindings": "apis/rbac.authorization.k8s.io/v1",
    "customresourcedefinitions": "apis/apiextensions.k8s.io/v1",
}
MERGE_PATCH = "application/merge-patch+json"
TOO_MANY = 429


class KubeError(Exception):
    """An answer of 400 or more; `status` is the number, `reason` Kubernetes' word for it."""

    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self.reason = body.get("reason", "") if isinstance(body, dict) else ""
        super().__init__(f"{status} {body['message'] if self.reason else body}")


def path_of(plural: str, namespace: str | None = None, name: str | None = None) -> str:
    """The URL path of a resource; plurals we do not know are argoproj.io's."""
    parts = [GROUPS.get(plural, ARGO)]
    if namespace:
        parts += ["namespaces", namespace]
    parts.append(plural)
    if name:
        parts.append(name)
    return "/" + "/".join(parts)


@dataclass
class KubeClient:
    """Talks to the API server at 127.0.0.1:`port` as the owner of `token` (None: anonymous)."""

    port: int
    ca: Path
    token: str | None = None
    timeout: float = 15
    _tls: ssl.SSLContext = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._tls = ssl.create_default_context(cafile=str(self.ca))

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        kind: str = "application/json",
        **query: str,
    ) -> tuple[int, Any]:
        """One request as it is, no retry: (status, decoded body)."""
        with self._send(method, path, body, kind, query) as response:
            return response.status, _decode(response.read())

    def call(self, method: str, path: str, body: Any = None, **options: str) -> Any:
        """The body of a good answer; KubeError for any other.

        429 is retried: for a second or so after a CRD is made the server says
        "storage is (re)initializing".
        """

        def attempt() -> tuple[int, Any] | None:
            answer = self.request(method, path, body, **options)
            return None if answer[0] == TOO_MANY else answer

        status, result = wait_for(attempt, self.timeout, f"{method} {path} to be served")
        if status >= http.client.BAD_REQUEST:
            raise KubeError(status, result)
        return result

    def create(self, plural: str, obj: Object, namespace: str | None = None) -> Object:
        return self._object("POST", path_of(plural, namespace), obj)

    def get(self, plural: str, name: str, namespace: str | None = None) -> Object:
        return self._object("GET", path_of(plural, namespace, name))

    def list(self, plural: str, namespace: str | None = None, **query: str) -> Objects:
        items: Objects = self.call("GET", path_of(plural, namespace), **query)["items"]
        return items

    def replace(self, plural: str, obj: Object, namespace: str | None = None) -> Object:
        return self._object("PUT", path_of(plural, namespace, obj["metadata"]["name"]), obj)

    def patch(
        self,
        plural: str,
        name: str,
        changes: Object,
        namespace: str | None = None,
        subresource: str = "",
    ) -> Object:
        """A merge patch; SUBRESOURCE is "status" where there is one."""
        path = path_of(plural, namespace, name) + (f"/{subresource}" if subresource else "")
        return self._object("PATCH", path, changes, kind=MERGE_PATCH)

    def delete(self, plural: str, name: str, namespace: str | None = None) -> None:
        self.call("DELETE", path_of(plural, namespace, name))

    def watch(
        self,
        plural: str,
        namespace: str | None = None,
        version: str = "",
        timeout: float = 10,
    ) -> Iterator[Object]:
        """Events ({"type": ..., "object": ...}) until the server ends the watch after TIMEOUT.

        A connection that breaks raises http.client.IncompleteRead or OSError.
        """
        query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": str(int(timeout))}
        self.list(plural, namespace, limit="1")  # waits out the 429 of a new CRD
        with self._send("GET", path_of(plural, namespace), None, "", query) as response:
            if response.status >= http.client.BAD_REQUEST:
                raise KubeError(response.status, _decode(response.read()))
            for line in _lines(response):
                yield json.loads(line)

    def _object(self, method: str, path: str, body: Object | None = None, **options: str) -> Object:
        result: Object = self.call(method, path, body, **options)
        return result

    def _send(
        self, method: str, path: str, body: Any, kind: str, query: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        """A connection per request: nothing to go stale when a test kills the server."""
        headers = {
            "Accept": "application/json",
            "User-Agent": "tiphys-tests",
            "Connection": "close",
        }
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers["Content-Type"] = kind
        url = path + (f"?{urlencode(query)}" if query else "")
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=self.timeout, context=self._tls
        )
        connection.request(method, url, json.dumps(body) if body is not None else None, headers)
        return connection.getresponse()


def _lines(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Lines as they come; IncompleteRead when the server is gone in mid-stream.

    Iterating over the response itself would take such an end for a good one.
    """
    rest = b""
    while chunk := response.read1(65536):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def _decode(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:  # /readyz and overload answers are plain text
        return body.decode(errors="replace")
