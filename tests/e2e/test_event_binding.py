"""WorkflowEventBindings: an event posted to the API submits workflows."""

import json

import pytest

from support import wait_for
from support.dev import Dev, http_status

RESOURCES = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: greet}
spec:
  entrypoint: main
  arguments: {parameters: [{name: message}, {name: count}]}
  templates:
    - name: main
      inputs: {parameters: [{name: message}, {name: count}]}
      container: {image: none, command: [echo, "{{inputs.parameters.message}} {{inputs.parameters.count}}"]}
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowEventBinding
metadata: {name: greet-on-event}
spec:
  event:
    selector: payload.message != "" && discriminator == "my" && metadata["x-kind"] == ["greeting"]
  submit:
    workflowTemplateRef: {name: greet}
    metadata: {labels: {from: payload.who}}
    arguments:
      parameters:
        - {name: message, valueFrom: {event: payload.message}}
        - {name: count, valueFrom: {event: payload.count}}
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowEventBinding
metadata: {name: nobody}
spec:
  event: {selector: discriminator == "lost"}
  submit: {workflowTemplateRef: {name: no-such-template}}
"""


@pytest.fixture
def dev(tmp_path):
    with Dev(tmp_path, RESOURCES) as running:
        yield running


def post(dev, discriminator: str, body: object, **headers: str) -> tuple[int, dict]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, answer = http_status(f"http://127.0.0.1:{dev.api}/api/v1/events/default/{discriminator}", data, {"Content-Type": "application/json", **names})
    return status, json.loads(answer)


HELLO = {"message": "hello", "count": 3, "who": "me"}


def test_selected_events_submit_a_workflow(dev):
    assert post(dev, "my", HELLO, X_Kind="greeting") == (200, {})
    assert post(dev, "my", HELLO, X_Kind="other") == (200, {})
    assert post(dev, "other", HELLO, X_Kind="greeting") == (200, {})
    (run,) = dev.workflows()  # it is durable when the answer comes
    labels = run["metadata"]["labels"]
    assert labels["workflows.argoproj.io/workflow-event-binding"] == "greet-on-event"
    assert labels["from"] == "me"
    assert run["spec"]["arguments"]["parameters"] == [{"name": "message", "value": "hello"}, {"name": "count", "value": "3"}]
    wait_for(lambda: dev.workflows()[0].get("status", {}).get("phase") == "Succeeded", 15, "it runs")
    assert "hello 3" in dev.ok("logs", run["metadata"]["name"])


def test_a_delivery_that_is_repeated_changes_nothing(dev):
    for key in ("a", "a", "b", "a"):
        assert post(dev, "my", HELLO, X_Kind="greeting", X_GitHub_Delivery=key) == (200, {})
    assert len(dev.workflows()) == 2


def test_what_goes_wrong_is_said(dev):
    status, answer = post(dev, "lost", HELLO, X_Kind="greeting")
    assert status == 404 and "nobody: failed to get workflow template" in answer["message"]
    status, answer = post(dev, "my", b"{nope")
    assert status == 400 and "no JSON" in answer["message"]
    assert dev.workflows() == []
