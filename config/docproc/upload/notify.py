"""Tells the event source that a document arrived: by webhook, Redis channel or Kafka topic."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import redis.asyncio
from redis.exceptions import RedisError
from settings import CHANNEL, Settings

TIMEOUT_S = 10.0


class NotificationFailed(Exception):
    """Nobody was told; the upload is taken back."""


async def by_webhook(settings: Settings, event: dict[str, Any]) -> None:
    """POST the event; a 2xx answer means that it is stored."""
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            answer = await client.post(settings.webhook_url, json=event)
    except httpx.HTTPError as error:
        raise NotificationFailed(f"the webhook {settings.webhook_url} does not answer: {error}") from None
    if not answer.is_success:
        raise NotificationFailed(f"the webhook {settings.webhook_url} answered {answer.status_code}")


async def by_redis(settings: Settings, event: dict[str, Any]) -> None:
    """PUBLISH the event. Redis forgets what nobody hears, so no listener is a failure."""
    client = redis.asyncio.Redis.from_url(
        settings.redis_url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
    )
    try:
        listeners = await client.publish(CHANNEL, json.dumps(event))
    except RedisError as error:
        raise NotificationFailed(f"Redis does not answer: {error}") from None
    finally:
        await client.close()
    if listeners == 0:
        raise NotificationFailed(f"nobody listens on the Redis channel {CHANNEL}: is the event source running?")


def send_to_kafka(settings: Settings, event: dict[str, Any]) -> None:
    """Produce the event and wait until all replicas have it."""
    import kafka
    from kafka.errors import KafkaError

    try:
        producer = kafka.KafkaProducer(bootstrap_servers=settings.kafka_brokers.split(","), acks="all", retries=3)
    except KafkaError as error:
        raise NotificationFailed(f"Kafka at {settings.kafka_brokers} does not answer: {error}") from None
    try:
        producer.send(CHANNEL, json.dumps(event).encode(), key=event["document_id"].encode()).get(timeout=TIMEOUT_S)
    except KafkaError as error:
        raise NotificationFailed(f"Kafka did not take the event: {error}") from None
    finally:
        producer.close(timeout=TIMEOUT_S)


async def notify(settings: Settings, event: dict[str, Any]) -> None:
    """Tell it the way the settings say."""
    if settings.notify == "webhook":
        await by_webhook(settings, event)
    elif settings.notify == "redis":
        await by_redis(settings, event)
    else:
        await asyncio.to_thread(send_to_kafka, settings, event)
