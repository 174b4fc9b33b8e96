"""What the upload app is told by its environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

CHANNEL = "documents"  # also the Kafka topic
DONE_CHANNEL = "documents.done"
WAYS = ("webhook", "redis", "kafka")


@dataclass(frozen=True)
class Settings:
    """One field per variable; see the table in config/docproc/README.md."""

    upload_dir: Path
    notify: str = "webhook"
    webhook_url: str = "http://127.0.0.1:12000/document"
    redis_url: str = ""
    kafka_brokers: str = "127.0.0.1:9092"
    tiphys_api: str = "http://127.0.0.1:2746"
    tiphys_token: str = ""
    namespace: str = "default"
    max_bytes: int = 100 << 20

    @classmethod
    def from_env(cls) -> Settings:
        """Read the environment; a wrong value ends the start with a sentence."""
        env = os.environ.get
        notify = env("NOTIFY") or "webhook"
        if notify not in WAYS:
            raise SystemExit(f"NOTIFY={notify}: expected one of {', '.join(WAYS)}")
        if notify == "redis" and not env("REDIS_URL"):
            raise SystemExit("NOTIFY=redis needs REDIS_URL, for example redis://127.0.0.1:6379/0")
        return cls(
            upload_dir=Path(env("UPLOAD_DIR") or "/var/lib/tiphys/docproc/uploads"),
            notify=notify,
            webhook_url=env("WEBHOOK_URL") or cls.webhook_url,
            redis_url=env("REDIS_URL") or "",
            kafka_brokers=env("KAFKA_BROKERS") or cls.kafka_brokers,
            tiphys_api=(env("TIPHYS_API") or cls.tiphys_api).rstrip("/"),
            tiphys_token=env("TIPHYS_TOKEN") or "",
            namespace=env("TIPHYS_NAMESPACE") or cls.namespace,
            max_bytes=int(env("MAX_UPLOAD_BYTES") or cls.max_bytes),
        )
