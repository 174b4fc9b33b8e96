"""Metrics that workflows define, at /metrics, beside the controller's own."""

from support import wait_for
from support.dev import Dev, http_status

NOTHING = "{apiVersion: v1, kind: ConfigMap, metadata: {name: nothing}}"

COUNTED = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: counted}
spec:
  entrypoint: main
  metrics:
    prometheus:
      - {name: runs, help: Runs., labels: [{key: phase, value: "{{status}}"}], counter: {value: "1"}}
  templates:
    - name: main
      metrics:
        prometheus:
          - name: word_length
            help: What the step said.
            when: "{{status}} == Succeeded"
            gauge: {value: "{{outputs.parameters.length}}"}
      script: {image: none, command: [sh], source: "echo 42 > /tmp/length"}
      outputs: {parameters: [{name: length, valueFrom: {path: /tmp/length}}]}
"""


def test_metrics_of_workflows_are_exposed(tmp_path):
    with Dev(tmp_path, NOTHING) as dev:
        dev.ok("submit", "-", "--wait", stdin=COUNTED)

        def text() -> str:
            return http_status(f"http://127.0.0.1:{dev.api}/metrics")[1].decode()

        wait_for(lambda: 'argo_workflows_runs{phase="Succeeded"} 1\n' in text(), 10, "the counter")
        assert 'argo_workflows_total_count{phase="Succeeded",namespace="default"} 1\n' in text()
        assert "argo_workflows_word_length 42\n" in text()
