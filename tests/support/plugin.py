"""The pytest side: shared servers as fixtures, logs at failures, a list of skips.

Loaded by tests/conftest.py for every Python test. Fixtures of cheap servers are
per test; dear ones are per run, and a test isolates itself by a fresh name
(`topic`, `namespace`).
"""

import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest

from . import proc, scratch
from .http_sink import HttpSink, http_sink
from .kafka_broker import KafkaBroker, kafka_broker
from .kube_cluster import KubeCluster, kube_cluster
from .minio_server import MinioServer, minio_server
from .neo4j_server import Neo4jServer, neo4j_server
from .redis_server import RedisServer, redis_server
from .tls import TlsFiles, tls_files

# Under xdist all tests of one of these run in one worker, so that it starts once.
SHARED = ("kube", "kafka", "secure_kafka", "neo4j", "minio")

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def tls() -> TlsFiles:
    return tls_files()


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis of its own for this test, no password."""
    with redis_server() as server:
        yield server


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    """An HTTP server that records what it gets."""
    with http_sink() as server:
        yield server


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaBroker]:
    """One plain broker per run. Do not kill it: take kafka_broker() for that."""
    with kafka_broker() as broker:
        yield broker


@pytest.fixture(scope="session")
def secure_kafka() -> Iterator[KafkaBroker]:
    """One broker per run with TLS and PLAIN, SCRAM-SHA-256, SCRAM-SHA-512."""
    with kafka_broker(sasl=("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"), tls=True) as broker:
        yield broker


@pytest.fixture
def topic(kafka: KafkaBroker) -> str:
    """A new topic on `kafka` with one partition."""
    name = f"topic-{os.getpid()}-{next(_numbers)}"
    kafka.create_topic(name)
    return name


@pytest.fixture(scope="session")
def minio() -> Iterator[MinioServer]:
    """One S3 store per run; take a bucket of your own."""
    with minio_server() as server:
        yield server


@pytest.fixture
def bucket(minio: MinioServer) -> str:
    """A new bucket on `minio`."""
    return minio.make_bucket(f"bucket-{os.getpid()}-{next(_numbers)}")


@pytest.fixture(scope="session")
def kube() -> Iterator[KubeCluster]:
    """One control plane per run, with our CRDs."""
    with kube_cluster() as cluster:
        yield cluster


@pytest.fixture
def namespace(kube: KubeCluster) -> str:
    """A new namespace on `kube`."""
    return kube.namespace()


@pytest.fixture(scope="session")
def neo4j() -> Iterator[Neo4jServer]:
    """One Neo4j per run; use labels of your own."""
    with neo4j_server() as server:
        yield server


def pytest_configure(config: pytest.Config) -> None:
    # "load" is what -n means when nothing else is said; it knows no groups. The
    # workers read the command line again, so they have to be told as well.
    if getattr(config.option, "dist", None) == "load":
        config.option.dist = "loadgroup"
    if hasattr(config, "workerinput"):
        config.option.loadgroup = True
    config.addinivalue_line("markers", "xdist_group(name): tests of one group share a worker")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        used = [name for name in SHARED if name in getattr(item, "fixturenames", ())]
        if used and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(used[0]))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Put the logs of all running servers under a failed test."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if not report.failed:
        return
    scratch.failed = True
    for child in list(proc.live):
        state = "running" if child.alive() else "ended"
        report.sections.append((f"{child.name} ({state}), {child.log}", child.tail()))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was not tested, also in a quiet run: a skip must never pass for a success."""
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    terminalreporter.section(f"{len(skipped)} skipped")
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        terminalreporter.line(f"{report.nodeid}: {reason}")
