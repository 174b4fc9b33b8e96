"""A real Kafka broker (one KRaft node) on loopback."""

import contextlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .ports import accepts, free_port
from .proc import Proc, await_ready
from .scratch import scratch
from .tls import TlsFiles, tls_files
from .tools import cached_service, need
from .wait import wait_for

CLUSTER_ID = "4L6g3nShT-eMCtK--X86sw"
USER, PASSWORD = "app", "app-pw"  # known to every SASL mechanism
START_TIMEOUT_S = 60
API_VERSION = (2, 5, 0)  # spares python3-kafka its probing of the broker at each connect

JAVA = (
    "java",
    "-Xms64m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
)

COMMON = """\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
num.partitions=1
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
log.cleaner.dedupe.buffer.size=2097152
# A killed broker may only come back when its old session has expired: 9 s by default.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=400
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1000
"""


@dataclass
class KafkaBroker:
    """`bootstrap` is the listener under test; `admin` is always plain, for the test's own use."""

    bootstrap: str
    admin: str
    protocol: str  # PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL
    mechanisms: tuple[str, ...]
    tls: TlsFiles | None
    proc: Proc
    user: str = USER
    password: str = PASSWORD

    def librdkafka(self, mechanism: str | None = None, **overrides: str) -> dict[str, str]:
        """librdkafka's settings for `bootstrap`; MECHANISM defaults to the first one."""
        settings = {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": self.protocol.lower(),
            "broker.address.family": "v4",
        }
        if self.tls:
            settings["ssl.ca.location"] = str(self.tls.ca)
        if self.mechanisms:
            settings |= {
                "sasl.mechanisms": mechanism or self.mechanisms[0],
                "sasl.username": self.user,
                "sasl.password": self.password,
            }
        return {**settings, **{name.replace("_", "."): value for name, value in overrides.items()}}

    def kcat(
        self, *words: str, data: bytes = b"", settings: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run kcat (the very librdkafka the product links) with WORDS and SETTINGS."""
        need("kcat")
        pairs = [
            word
            for key, value in (settings or self.librdkafka()).items()
            for word in ("-X", f"{key}={value}")
        ]
        return subprocess.run(
            ["kcat", *pairs, *words], input=data, capture_output=True, timeout=60, check=False
        )

    def create_topic(self, name: str, partitions: int = 1, **config: str) -> None:
        """Create NAME and return when it can be used."""
        from kafka.admin import KafkaAdminClient, NewTopic

        admin = KafkaAdminClient(bootstrap_servers=self.admin, api_version=API_VERSION)
        try:
            topic = NewTopic(
                name,
                partitions,
                1,
                topic_configs={key.replace("_", "."): value for key, value in config.items()},
            )
            admin.create_topics([topic])
        finally:
            admin.close()

    def produce(
        self,
        topic: str,
        *values: bytes | str,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int | None = None,
    ) -> list[tuple[int, int]]:
        """Write VALUES (acks=all); the (partition, offset) of each."""
        from kafka import KafkaProducer

        producer = KafkaProducer(bootstrap_servers=self.admin, api_version=API_VERSION, acks="all")
        try:
            sent = [
                producer.send(
                    topic, _bytes(value), key=key, headers=list(headers), partition=partition
                )
                for value in values
            ]
            done = [future.get(timeout=30) for future in sent]
        finally:
            producer.close()
        return [(record.partition, record.offset) for record in done]

    def consume(self, topic: str, count: int, timeout: float = 10) -> list[Any]:
        """Up to COUNT records of TOPIC from its start (fewer when TIMEOUT passes); no group."""
        from kafka import KafkaConsumer

        consumer = KafkaConsumer(
            topic,
            bootstrap_servers=self.admin,
            api_version=API_VERSION,
            auto_offset_reset="earliest",
            consumer_timeout_ms=int(timeout * 1000),
        )
        records: list[Any] = []
        try:
            for record in consumer:
                records.append(record)
                if len(records) == count:
                    break
        finally:
            consumer.close()
        return records

    def committed(self, group: str, topic: str, partition: int = 0) -> int | None:
        """The offset that GROUP has committed, or None."""
        from kafka import TopicPartition
        from kafka.admin import KafkaAdminClient
        from kafka.errors import KafkaError

        admin = KafkaAdminClient(bootstrap_servers=self.admin, api_version=API_VERSION)

        def offsets() -> list[dict[Any, Any]]:
            return [admin.list_consumer_group_offsets(group)]

        try:  # the first question about any group makes the broker create its offsets topic
            found = wait_for(offsets, 10, f"the coordinator of group {group}", ignore=KafkaError)[0]
        finally:
            admin.close()
        position = found.get(TopicPartition(topic, partition))
        return position.offset if position and position.offset >= 0 else None

    def await_ready(self) -> None:
        # Ports open before metadata is served; a broker that answers metadata is ready.
        port = int(self.admin.rpartition(":")[2])
        await_ready(self.proc, lambda: accepts(port) and self._lists_itself(), START_TIMEOUT_S)

    def _lists_itself(self) -> bool:
        run = self.kcat("-L", "-m", "2", settings={"bootstrap.servers": self.admin})
        return b"1 brokers:" in run.stdout

    def kill9(self) -> None:
        self.proc.kill9()

    def start(self) -> None:
        """Start again on the same ports and data."""
        self.proc.start()
        self.await_ready()

    def restart(self) -> None:
        """kill -9, then start; what was acknowledged is still there."""
        self.kill9()
        self.start()


@contextlib.contextmanager
def kafka_broker(
    sasl: str | Sequence[str] | None = None, tls: bool = False, extra: str = ""
) -> Iterator[KafkaBroker]:
    """Run one broker.

    SASL is a mechanism or several: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512. User and
    password are `broker.user` and `broker.password` for each. EXTRA lines end up
    in server.properties.
    """
    need("java", "kcat")
    home = cached_service("kafka/fetch.sh")
    mechanisms = (sasl,) if isinstance(sasl, str) else tuple(sasl or ())
    protocol = {
        (False, False): "PLAINTEXT",
        (False, True): "SSL",
        (True, False): "SASL_PLAINTEXT",
        (True, True): "SASL_SSL",
    }[bool(mechanisms), tls]
    files = tls_files() if tls else None
    with scratch("kafka") as folder:
        ports = {"PLAINTEXT": free_port(), "CONTROLLER": free_port()}
        if protocol not in ports:
            ports[protocol] = free_port()
        conf = folder / "server.properties"
        conf.write_text(
            COMMON
            + _listeners(ports, folder)
            + _security(protocol, mechanisms, files)
            + extra
            + "\n"
        )
        java = _java(home)
        _format(java, conf, mechanisms)
        with Proc([*java, "kafka.Kafka", conf], folder / "kafka.log", name="kafka") as proc:
            host = "localhost" if tls else "127.0.0.1"  # librdkafka compares names, not addresses
            broker = KafkaBroker(
                f"{host}:{ports[protocol]}",
                f"127.0.0.1:{ports['PLAINTEXT']}",
                protocol,
                mechanisms,
                files,
                proc,
            )
            broker.await_ready()
            yield broker
            proc.kill9()  # an orderly stop takes two seconds and proves nothing here


def _bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _java(home: Path) -> list[str]:
    return [
        *JAVA,
        f"-XX:SharedArchiveFile={home / 'app.jsa'}",
        "-cp",
        (home / "classpath").read_text(),
    ]


def _listeners(ports: Mapping[str, int], folder: Path) -> str:
    advertised = [
        f"{name}://{'localhost' if name.endswith('SSL') else '127.0.0.1'}:{port}"
        for name, port in ports.items()
        if name != "CONTROLLER"
    ]
    bound = [f"{name}://127.0.0.1:{port}" for name, port in ports.items()]
    kinds = ["CONTROLLER:PLAINTEXT"] + [f"{name}:{name}" for name in ports if name != "CONTROLLER"]
    return (
        f"controller.quorum.voters=1@127.0.0.1:{ports['CONTROLLER']}\n"
        f"listeners={','.join(bound)}\n"
        f"advertised.listeners={','.join(advertised)}\n"
        f"listener.security.protocol.map={','.join(kinds)}\n"
        f"log.dirs={folder / 'data'}\n"
    )


def _security(protocol: str, mechanisms: Sequence[str], files: TlsFiles | None) -> str:
    lines = []
    if files:
        lines += [
            "ssl.keystore.type=PEM",
            f"ssl.keystore.location={files.bundle}",
            "ssl.truststore.type=PEM",
            f"ssl.truststore.location={files.ca}",
        ]
    if mechanisms:
        lines.append(f"sasl.enabled.mechanisms={','.join(mechanisms)}")
    security = "org.apache.kafka.common.security"
    for mechanism in mechanisms:
        login = (
            f'{security}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
            if mechanism == "PLAIN"
            else f"{security}.scram.ScramLoginModule required;"
        )
        lines.append(
            f"listener.name.{protocol.lower()}.{mechanism.lower()}.sasl.jaas.config={login}"
        )
    return "\n".join([*lines, ""])


def _format(java: Sequence[str], conf: Path, mechanisms: Sequence[str]) -> None:
    """Prepare the data folder; SCRAM users can only be born here."""
    users = [
        word
        for mechanism in mechanisms
        if mechanism.startswith("SCRAM")
        for word in ("--add-scram", f"{mechanism}=[name={USER},password={PASSWORD}]")
    ]
    run = subprocess.run(
        [*java, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", conf, *users],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise RuntimeError(f"kafka format failed\n{run.stdout}{run.stderr}")
