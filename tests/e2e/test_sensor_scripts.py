"""Sensors with scripts, dead-letter triggers and conditions that are reset, in `tiphys dev`."""

import json

import pytest
from support import free_port, http_sink, wait_for
from support.dev import Dev, http_status
from support.http_sink import Answer

SOURCE = """
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: web}
spec:
  webhook:
    up: {port: "PORT", endpoint: /up, method: POST}
    down: {port: "PORT", endpoint: /down, method: POST}
---
"""

SCRIPTS = SOURCE + """
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: scripts}
spec:
  dependencies:
    - name: up
      eventSourceName: web
      eventName: up
      transform:
        TRANSFORM
      filters:
        script: return event.sum > 10
  triggers:
    - template:
        name: tell
        http:
          url: URL/told
          method: POST
          payload:
            - src: {dependencyName: up, dataKey: sum, useRawData: true}
              dest: sum
            - src: {dependencyName: up, dataKey: words}
              dest: words
"""

SLOW = SOURCE + """
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: slow}
spec:
  dependencies:
    - name: up
      eventSourceName: web
      eventName: up
      filters:
        script: while event.body.endless do end return true
  triggers:
    - template:
        name: tell
        http:
          url: URL/told
          method: POST
          payload: [{src: {dependencyName: up, dataKey: body.nr, useRawData: true}, dest: nr}]
"""

DLQ = SOURCE + """
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: dlq}
spec:
  dependencies: [{name: up, eventSourceName: web, eventName: up}]
  triggers:
    - template:
        name: tell
        http:
          url: URL/refuses
          method: POST
          payload: [{src: {dependencyName: up, dataKey: body.id}, dest: id}]
      policy: {status: {allow: [200]}}
      retryStrategy: {steps: 2, duration: 10ms}
      dlqTrigger:
        template:
          name: bury
          http:
            url: URL/buried
            method: POST
            payload: [{src: {dependencyName: up, dataKey: body.id}, dest: id}]
"""


def post(port: int, path: str, body: dict) -> None:
    status, answer = http_status(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}, "POST")
    assert status == 200, answer


def fill(text: str, port: int, url: str) -> str:
    return text.replace("PORT", str(port)).replace("URL", url)


@pytest.mark.parametrize(
    "transform",
    [
        "script: 'return {sum = event.body.a + event.body.b, words = string.upper(event.body.word)}'",
        "jq: '.body | {sum: (.a + .b), words: (.word | ascii_upcase)}, {never: 1}'",
    ],
    ids=["script", "jq"],
)
def test_a_transform_rewrites_the_event_and_a_script_filters_it(tmp_path, transform):
    port = free_port()
    with http_sink() as sink, Dev(tmp_path, fill(SCRIPTS.replace("TRANSFORM", transform), port, sink.url)) as dev:
        post(port, "/up", {"a": 1, "b": 2, "word": "small"})
        post(port, "/up", {"a": 10, "b": 2, "word": "large"})
        assert sink.wait(1)[0].json() == {"sum": 12, "words": "LARGE"}
        wait_for(lambda: "script: did not return true" in dev.ok("events", "show", newest(dev, 1)), 10, "the trace says why the first one was refused")
        assert len(sink.requests) == 1


def newest(dev: Dev, index: int) -> str:
    listed = json.loads(dev.ok("events", "list", "-o", "json"))
    items = listed["items"] if isinstance(listed, dict) else listed
    return items[index]["id"]


def test_endless_scripts_are_refused_and_stop_nobody_else(tmp_path):
    port = free_port()
    with http_sink() as sink, Dev(tmp_path, fill(SLOW, port, sink.url)) as dev:
        for n in range(20):
            post(port, "/up", {"nr": n, "endless": n % 2 == 0})
        assert sorted(request.json()["nr"] for request in sink.wait(10, timeout=60)) == list(range(1, 20, 2))
        assert "more than" in dev.ok("events", "show", newest(dev, 1))


def test_what_is_given_up_goes_to_the_dead_letter_trigger(tmp_path):
    port = free_port()
    with http_sink() as sink, Dev(tmp_path, fill(DLQ, port, sink.url)) as dev:
        sink.answer = lambda request: Answer(500 if request.path == "/refuses" else 200)
        post(port, "/up", {"id": "one"})
        paths = [(request.path, request.json()["id"]) for request in sink.wait(3)]
        assert paths == [("/refuses", "one"), ("/refuses", "one"), ("/buried", "one")]
        wait_for(lambda: "tell" in dev.ok("events", "list", "--dead"), 10, "the dead letter itself is listed")
