"""Real servers and small helpers for tests; see docs/internals/tests.md."""

from .fault_proxy import FaultProxy, fault_proxy
from .http_sink import HttpSink, http_sink
from .kafka_broker import KafkaBroker, kafka_broker
from .kube_cluster import KubeClient, KubeCluster, kube_cluster
from .neo4j_server import Neo4jServer, neo4j_server
from .ports import free_port
from .proc import Proc
from .redis_server import RedisServer, redis_server
from .tls import TlsFiles, tls_files
from .tools import cached_service, need, tiphys
from .wait import wait_for

__all__ = [
    "FaultProxy",
    "HttpSink",
    "KafkaBroker",
    "KubeClient",
    "KubeCluster",
    "Neo4jServer",
    "Proc",
    "RedisServer",
    "TlsFiles",
    "cached_service",
    "fault_proxy",
    "free_port",
    "http_sink",
    "kafka_broker",
    "kube_cluster",
    "need",
    "neo4j_server",
    "redis_server",
    "tiphys",
    "tls_files",
    "wait_for",
]
