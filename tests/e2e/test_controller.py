"""The controller with real processes: user actions, deletion, broken objects, separate daemons."""

import json
import re

import pytest

from support import Proc, free_port, tiphys, wait_for
from support.dev import Cli, Dev, http_status

from .test_dev import EVENTS, post

SLEEPER = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: {name}}}
spec:
  entrypoint: main
  volumes: [{{name: out, hostPath: {{path: {out}}}}}]
  templates:
    - name: main
      container:
        image: none
        command: [sh, -c, 'echo $$ > /out/{name}; exec sleep 1000']
        volumeMounts: [{{name: out, mountPath: /out}}]
"""

GATE = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: gate}
spec:
  entrypoint: main
  templates:
    - name: main
      steps:
        - - {name: approve, template: approve}
        - - name: go
            template: say
            arguments: {parameters: [{name: word, value: "{{steps.approve.outputs.parameters.answer}}"}]}
    - name: approve
      suspend: {}
      outputs: {parameters: [{name: answer, valueFrom: {supplied: {}, default: nobody}}]}
    - name: say
      inputs: {parameters: [{name: word}]}
      container: {image: none, command: [echo, "answer {{inputs.parameters.word}}"]}
"""

NOTHING = "{apiVersion: v1, kind: ConfigMap, metadata: {name: nothing}}"


@pytest.fixture
def dev(tmp_path):
    with Dev(tmp_path, NOTHING) as running:
        yield running


def phase(cli: Cli, name: str) -> str:
    """"" also while there is no such workflow yet."""
    return next((w.get("status", {}).get("phase", "") for w in cli.workflows() if w["metadata"]["name"] == name), "")


def nodes(cli: Cli, name: str) -> dict:
    found = json.loads(cli.ok("get", name, "-o", "json")).get("status", {}).get("nodes", {})
    return {node["displayName"]: node for node in found.values()}


def start_sleeper(dev, tmp_path, name="sleeper") -> None:
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    dev.ok("submit", "-", stdin=SLEEPER.format(name=name, out=out))
    wait_for(lambda: (out / name).exists(), 10, "the step runs")


def test_resume_gives_a_suspend_node_its_default(dev):
    dev.ok("submit", "-", stdin=GATE)
    wait_for(lambda: nodes(dev, "gate").get("approve", {}).get("phase") == "Running", 10, "the gate")
    assert "ǁ approve" in dev.ok("get", "gate")
    dev.ok("resume", "gate")
    dev.ok("wait", "gate", "--timeout", "10s")
    assert dev.ok("logs", "gate", "--no-prefix") == "answer nobody\n"


def test_set_output_then_resume_by_selector(dev):
    dev.ok("submit", "-", stdin=GATE)
    wait_for(lambda: nodes(dev, "gate").get("approve", {}).get("phase") == "Running", 10, "the gate")
    refused = dev.run("resume", "gate", "--node-field-selector", "displayName=other")
    assert refused.returncode != 0 and refused.stderr
    dev.ok("node", "set", "gate", "-p", "answer=YES", "--node-field-selector", "displayName=approve")
    dev.ok("resume", "gate", "--node-field-selector", "displayName=approve")
    dev.ok("wait", "gate", "--timeout", "10s")
    assert dev.ok("logs", "gate", "--no-prefix") == "answer YES\n"
    annotations = json.loads(dev.ok("get", "gate", "-o", "json"))["metadata"].get("annotations", {})
    assert not [key for key in annotations if key.startswith("tiphys.io/action-")]


def test_suspended_workflow_starts_nothing_until_resumed(dev):
    dev.ok("submit", "-", stdin=GATE)
    wait_for(lambda: nodes(dev, "gate").get("approve", {}).get("phase") == "Running", 10, "the gate")
    dev.ok("suspend", "gate")
    wait_for(lambda: "Running (Suspended)" in dev.ok("list"), 10, "the list says so")
    dev.ok("resume", "gate")
    dev.ok("wait", "gate", "--timeout", "10s")


def test_terminate_kills_the_running_step(dev, tmp_path):
    start_sleeper(dev, tmp_path)
    dev.ok("terminate", "sleeper")
    assert dev.run("wait", "sleeper", "--timeout", "20s").returncode == 1
    assert phase(dev, "sleeper") == "Failed"
    again = dev.run("stop", "sleeper")
    assert again.returncode == 5 and "has ended (Failed)" in again.stderr


def test_deleted_workflow_takes_its_processes_along(dev, tmp_path):
    start_sleeper(dev, tmp_path)
    marks = [p for p in processes() if "sleep\x001000" in p]
    assert len(marks) >= 1
    dev.ok("delete", "sleeper")
    wait_for(lambda: len([p for p in processes() if "sleep\x001000" in p]) < len(marks), 20, "its process is gone")
    assert dev.run("get", "sleeper").returncode == 3
    wait_for(lambda: not list((dev.data / "logs").iterdir()), 10, "its logs are gone")


def processes() -> list[str]:
    from pathlib import Path

    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                found.append((folder / "cmdline").read_text())
            except OSError:
                continue
    return found


def test_logs_stay_until_the_workflow_is_deleted(dev):
    text = "{apiVersion: argoproj.io/v1alpha1, kind: Workflow, metadata: {name: short}, spec: {entrypoint: main, templates: [{name: main, container: {image: none, command: [echo, hi]}}]}}"
    dev.ok("submit", "--wait", "-", stdin=text)
    assert dev.ok("logs", "short", "--no-prefix") == "hi\n"
    assert dev.proc.term() == 0
    dev.ok("delete", "short")  # nobody looks
    dev.proc.start()
    wait_for(lambda: not list((dev.data / "logs").iterdir()), 10, "its logs are gone")


def test_deadline_ends_a_workflow(dev, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    text = SLEEPER.format(name="late", out=out).replace("  entrypoint: main", "  activeDeadlineSeconds: 1\n  entrypoint: main")
    dev.ok("submit", "-", stdin=text)
    assert dev.run("wait", "late", "--timeout", "30s").returncode == 1
    assert phase(dev, "late") in ("Failed", "Error")


POISON = """
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: poison}
spec:
  dependencies: [{name: event, eventSourceName: source, eventName: event}]
  triggers:
    - template:
        name: create
        k8s:
          operation: create
          source:
            resource:
              apiVersion: argoproj.io/v1alpha1
              kind: Workflow
              metadata: {name: poison, labels: {poison: "yes"}}
              spec: SPEC
"""


@pytest.mark.parametrize(
    "spec",
    [
        "{}",
        "{entrypoint: 7, templates: text}",
        "{entrypoint: main, templates: [{name: main}]}",
        "{entrypoint: gone, templates: [{name: main, container: {image: none, command: [echo]}}]}",
        "{workflowTemplateRef: {name: nobody}}",
        "{entrypoint: main, templates: [{name: main, dag: {tasks: [{name: a, template: main}]}}]}",
    ],
)
def test_poisoned_workflow_fails_alone_and_survives_a_restart(tmp_path, spec):
    """Written by a trigger, which no validation of ours has seen."""
    port = free_port()
    with Dev(tmp_path, EVENTS.replace("PORT", str(port)) + POISON.replace("SPEC", spec)) as dev:
        post(port, 1)
        wait_for(lambda: phase(dev, "poison") in ("Failed", "Error"), 10, "the poison has failed")
        wait_for(lambda: "Succeeded" in dev.ok("list", "-l", "number=1"), 10, "its neighbour")
        dev.proc.restart()
        dev.wait_ready()
        post(port, 2)
        wait_for(lambda: "Succeeded" in dev.ok("list", "-l", "number=2"), 10, "the next one")


def test_template_and_its_workflow_in_one_file(dev):
    both = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: user}
spec: {workflowTemplateRef: {name: shared}}
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: shared}
spec:
  entrypoint: main
  templates: [{name: main, container: {image: none, command: ["true"]}}]
"""
    dev.ok("apply", "-f", "-", stdin=both)
    dev.ok("wait", "user", "--timeout", "10s")
    dev.ok("submit", "--wait", "--from", "workflowtemplate/shared")


class Daemons:
    """The three on one folder."""

    def __init__(self, folder, port: int):
        self.cli = Cli(folder / "data")
        self.port = port
        self.procs = {}
        self.health = {}
        for name, flag in (("tiphys-controller", "--health-port"), ("tiphys-sensor", "--metrics-port"), ("tiphys-eventsource", "--metrics-port")):
            self.health[name] = free_port()
            argv = [tiphys(name), "--data", self.cli.data, flag, str(self.health[name])]
            if name == "tiphys-controller":
                argv += ["--metrics-port", "0"]
            self.procs[name] = Proc(argv, folder / f"{name}.log", name=name)

    def __enter__(self):
        for name, port in self.health.items():
            wait_for(lambda port=port: http_status(f"http://127.0.0.1:{port}/readyz")[0] == 200, 10, f"{name} is ready")
        return self

    def __exit__(self, *exc):
        for proc in self.procs.values():
            proc.stop()


def test_separate_daemons_on_one_folder(tmp_path):
    port = free_port()
    with Daemons(tmp_path, port) as daemons:
        daemons.cli.ok("apply", "-f", "-", stdin=EVENTS.replace("PORT", str(port)))
        wait_for(lambda: http_status(f"http://127.0.0.1:{port}/health")[0] == 200, 10, "the webhook")
        for number in range(5):
            post(port, number)
        wait_for(
            lambda: [w.get("status", {}).get("phase") for w in daemons.cli.workflows()] == ["Succeeded"] * 5, 20, "five workflows"
        )
        metrics = http_status(f"http://127.0.0.1:{daemons.health['tiphys-eventsource']}/metrics")[1].decode()
        assert re.search(r"argo_events_events_sent_total\{.*\} 5\n", metrics)
        second = Proc([tiphys("tiphys-controller"), "--data", daemons.cli.data], tmp_path / "second.log")
        assert second.wait() == 5
        assert "already runs on the data folder" in second.log_text()
        assert [proc.term() for proc in daemons.procs.values()] == [0, 0, 0]
