"""Workflows that would eat the machine end with words, and the others do not notice."""

import json

import pytest

from support import wait_for
from support.dev import Dev

NOTHING = "{apiVersion: v1, kind: ConfigMap, metadata: {name: nothing}}"

LOOPS = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: loops}
spec:
  entrypoint: main
  templates:
    - name: main
      steps:
        - - {name: a, template: inner, withSequence: {count: "1000"}}
    - name: inner
      steps:
        - - {name: b, template: hold, withSequence: {count: "1000"}}
    - {name: hold, suspend: {}}
"""

RECURSION = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: recursion}
spec:
  entrypoint: main
  templates:
    - name: main
      steps:
        - - {name: a, template: main}
          - {name: b, template: main}
"""

OUTPUTS = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: outputs}
spec:
  entrypoint: main
  templates:
    - name: main
      steps:
        - - {name: a, template: big, withSequence: {count: "8"}}
    - name: big
      container: {image: none, command: [sh, -c, "head -c 200000 /dev/zero | tr '\\\\0' x > /tmp/big"]}
      outputs: {parameters: [{name: big, valueFrom: {path: /tmp/big}}]}
"""

HELLO = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: hello}
spec:
  entrypoint: main
  templates:
    - {name: main, container: {image: none, command: [echo, hello]}}
"""


@pytest.mark.parametrize(
    ("name", "bomb", "words"),
    [
        ("loops", LOOPS, "the loops of the workflow have more than 20000 items (limits.nodes"),
        ("recursion", RECURSION, "the workflow has more than 20000 nodes (limits.nodes"),
        ("outputs", OUTPUTS, "more than 1000000 bytes together (limits.outputBytes"),
    ],
)
def test_a_bomb_ends_in_error_and_the_others_run(tmp_path, name, bomb, words):
    config = tmp_path / "controller.yaml"
    config.write_text("limits: {nodes: 20000, outputBytes: 1000000}\n")
    with Dev(tmp_path, NOTHING, "--config", str(config)) as dev:
        dev.ok("submit", "-", stdin=bomb)
        dev.ok("submit", "-", "--wait", stdin=HELLO)

        def status() -> dict:
            return next(w for w in dev.workflows() if w["metadata"]["name"] == name).get("status", {})

        wait_for(lambda: status().get("phase") == "Error", 60, "the bomb has ended")
        assert words in status()["message"]
        dev.ok("delete", name)
        assert [w["metadata"]["name"] for w in json.loads(dev.ok("list", "-o", "json"))["items"]] == ["hello"]
