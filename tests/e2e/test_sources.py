"""Redis and Kafka sources against real servers: message in, HTTP call out."""

import json

import pytest

from support import http_sink, redis_server, wait_for
from support.dev import Dev

SENSOR = """
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {{name: forward}}
spec:
  dependencies: [{{name: message, eventSourceName: source, eventName: event}}]
  triggers:
    - template:
        name: call
        http:
          url: {url}
          payload: [{{src: {{dependencyName: message, dataKey: body, useRawData: true}}, dest: body}}]
"""


def bodies(sink):
    return [json.loads(request.body)["body"] for request in sink.requests]


def redis_source(address: str, more: str = "") -> str:
    return f"""
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {{name: source}}
spec:
  redis:
    event: {{hostAddress: "{address}", channels: [news], jsonBody: true{more}}}
"""


def publish(client, text: str) -> None:
    """PUBLISH until somebody listens: what is published before is gone, as Redis promises."""
    wait_for(lambda: client.publish("news", text) == 1, 15, "a subscriber on channel news")


def test_redis_message_reaches_the_trigger(redis, sink, tmp_path):
    resources = redis_source(f"{redis.host}:{redis.port}") + SENSOR.format(url=sink.url)
    with Dev(tmp_path, resources):
        publish(redis.client(), '{"n": 1}')
        sink.wait(1)
        assert bodies(sink) == [{"n": 1}]


def test_redis_source_subscribes_again_after_a_restart(sink, tmp_path):
    with redis_server() as redis:
        with Dev(tmp_path, redis_source(f"{redis.host}:{redis.port}") + SENSOR.format(url=sink.url)):
            publish(redis.client(), '{"n": 1}')
            redis.kill9()
            redis.start()
            publish(redis.client(), '{"n": 2}')
            sink.wait(2)
            assert bodies(sink) == [{"n": 1}, {"n": 2}]


def test_redis_with_password_and_tls(sink, tmp_path):
    secret = """
---
apiVersion: v1
kind: Secret
metadata: {name: redis}
stringData:
  password: open-sesame
  ca: |
"""
    with redis_server(password="open-sesame", tls=True) as redis:
        ca = "".join(f"    {line}\n" for line in redis.tls.ca.read_text().splitlines())
        more = ", password: {name: redis, key: password}, namespace: x, tls: {caCertSecret: {name: redis, key: ca}}"
        resources = redis_source(f"localhost:{redis.tls_port}", more) + secret + ca + SENSOR.format(url=sink.url)
        with Dev(tmp_path, resources):
            publish(redis.tls_client(), '{"n": 1}')
            sink.wait(1)


def test_redis_message_that_is_not_json_is_counted_and_passed_over(redis, sink, tmp_path):
    resources = redis_source(f"{redis.host}:{redis.port}") + SENSOR.format(url=sink.url)
    with Dev(tmp_path, resources):
        publish(redis.client(), "not json")
        publish(redis.client(), '{"n": 2}')
        sink.wait(1)
        assert bodies(sink) == [{"n": 2}]


def kafka_source(broker, topic: str, more: str = "") -> str:
    return f"""
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {{name: source}}
spec:
  kafka:
    event:
      url: "{broker.bootstrap}"
      topic: {topic}
      jsonBody: true
      consumerGroup: {{groupName: tiphys-{topic}, oldest: true}}
{more}
"""


def test_every_kafka_record_reaches_the_trigger_once(kafka, topic, sink, tmp_path):
    kafka.produce(topic, *[json.dumps({"n": i}) for i in range(20)], partition=0)
    with Dev(tmp_path, kafka_source(kafka, topic) + SENSOR.format(url=sink.url)):
        sink.wait(20)
        assert sorted(body["n"] for body in bodies(sink)) == list(range(20))


def test_kafka_offset_is_committed_only_after_the_bus_has_the_event(kafka, topic, sink, tmp_path):
    kafka.produce(topic, '{"n": 1}', '{"n": 2}', partition=0)
    dev = Dev(tmp_path, kafka_source(kafka, topic) + SENSOR.format(url=sink.url))
    with dev:
        sink.wait(2)
        assert sorted(body["n"] for body in bodies(sink)) == [1, 2]  # deliveries under way together may arrive in either order
        wait_for(lambda: kafka.committed(f"tiphys-{topic}", topic) == 2, 15, "offset 2 committed")
        dev.proc.kill9()
        kafka.produce(topic, '{"n": 3}', partition=0)
        dev.proc.start()
        sink.wait(3, timeout=30)  # the group misses the killed member for ten seconds
        assert [body["n"] for body in bodies(sink)][2:] == [3]  # neither 1 nor 2 came again


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_kafka_with_sasl_over_tls(secure_kafka, sink, tmp_path, mechanism):
    broker = secure_kafka
    topic = f"secure-{mechanism.lower()}"
    broker.create_topic(topic)
    broker.produce(topic, '{"n": 1}')
    ca = "".join(f"    {line}\n" for line in broker.tls.ca.read_text().splitlines())
    secret = f"""
---
apiVersion: v1
kind: Secret
metadata: {{name: kafka}}
stringData:
  user: "{broker.user}"
  password: "{broker.password}"
  ca: |
{ca}
"""
    more = f"""      tls: {{caCertSecret: {{name: kafka, key: ca}}}}
      sasl: {{mechanism: {mechanism}, userSecret: {{name: kafka, key: user}}, passwordSecret: {{name: kafka, key: password}}}}
"""
    with Dev(tmp_path, kafka_source(broker, topic, more) + secret + SENSOR.format(url=sink.url)):
        sink.wait(1)
        assert bodies(sink) == [{"n": 1}]
