"""Workflows that are run again, that wait for each other, that remember: real steps that write to a folder."""

import json

import pytest

from support import wait_for
from support.dev import Dev

HEAD = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: {name}}}
spec:
  entrypoint: main
  volumes: [{{name: out, hostPath: {{path: {out}}}}}]
"""

# Each step notes that it ran; `b` fails until the file `repaired` is there.
PAGES = HEAD + """
  arguments: {{parameters: [{{name: word, value: one}}]}}
  onExit: bye
  templates:
    - name: main
      steps:
        - - {{name: a, template: note}}
        - - {{name: b, template: fragile}}
          - {{name: c, template: note}}
        - - {{name: d, template: note}}
    - name: note
      script:
        image: none
        command: [sh]
        source: echo "{{{{node.name}}}} {{{{workflow.parameters.word}}}}" >> /out/ran
        volumeMounts: [{{name: out, mountPath: /out}}]
    - name: fragile
      script:
        image: none
        command: [sh]
        source: |
          echo "{{{{node.name}}}} {{{{workflow.parameters.word}}}}" >> /out/ran
          test -e /out/repaired
        volumeMounts: [{{name: out, mountPath: /out}}]
    - name: bye
      script:
        image: none
        command: [sh]
        source: echo bye >> /out/ran
        volumeMounts: [{{name: out, mountPath: /out}}]
"""

# Who is inside notes it and leaves again: two at once would both be in the folder `inside`.
ALONE = HEAD + """
  synchronization: {{mutexes: [{{name: door}}]}}
  templates:
    - name: main
      script:
        image: none
        command: [sh]
        source: |
          mkdir /out/inside || echo "two at once" >> /out/ran
          sleep 0.2
          rmdir /out/inside
          echo "{{{{workflow.name}}}}" >> /out/ran
        volumeMounts: [{{name: out, mountPath: /out}}]
"""

KNOWN = HEAD + """
  templates:
    - name: main
      steps:
        - - {{name: a, template: costly}}
        - - name: show
            template: show
            arguments: {{parameters: [{{name: r, value: "{{{{steps.a.outputs.result}}}}"}}]}}
    - name: costly
      memoize: {{key: answer, cache: {{configMap: {{name: answers}}}}}}
      script:
        image: none
        command: [sh]
        source: |
          echo computed >> /out/ran
          echo 42
        volumeMounts: [{{name: out, mountPath: /out}}]
    - name: show
      inputs: {{parameters: [{{name: r}}]}}
      container: {{image: none, command: [echo, "it is {{{{inputs.parameters.r}}}}"]}}
"""


@pytest.fixture
def dev(tmp_path):
    with Dev(tmp_path, "{apiVersion: v1, kind: ConfigMap, metadata: {name: nothing}}") as running:
        yield running


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def ran(out) -> list[str]:
    return sorted((out / "ran").read_text().split("\n")[:-1]) if (out / "ran").exists() else []


def workflow(dev, name: str) -> dict:
    return json.loads(dev.ok("get", name, "-o", "json"))


def submit(dev, text: str, out, name: str) -> None:
    dev.ok("submit", "-", stdin=text.format(name=name, out=out))


def failed_pages(dev, out) -> None:
    submit(dev, PAGES, out, "pages")
    assert dev.run("wait", "pages", "--timeout", "20s").returncode == 1
    assert ran(out) == ["bye", "pages[0].a one", "pages[1].b one", "pages[1].c one"]
    (out / "ran").unlink()
    (out / "repaired").touch()


def test_a_retry_runs_only_what_is_needed(dev, out):
    failed_pages(dev, out)
    dev.ok("retry", "pages", "--wait")
    assert ran(out) == ["bye", "pages[1].b one", "pages[2].d one"]
    wf = workflow(dev, "pages")
    assert wf["status"]["phase"] == "Succeeded"
    assert wf["metadata"]["labels"]["workflows.argoproj.io/completed"] == "true"
    assert wf["status"]["progress"] == "5/5"


def test_a_retry_takes_new_parameters(dev, out):
    failed_pages(dev, out)
    dev.ok("retry", "pages", "-p", "word=two", "--wait")
    assert ran(out) == ["bye", "pages[1].b two", "pages[1].c two", "pages[2].d two"]


def test_a_retry_of_what_succeeded_names_its_nodes(dev, out):
    failed_pages(dev, out)
    dev.ok("retry", "pages", "--wait")
    (out / "ran").unlink()
    refused = dev.run("retry", "pages")
    assert refused.returncode == 2 and "restartSuccessful and nodeFieldSelector" in refused.stderr
    dev.ok("retry", "pages", "--restart-successful", "--node-field-selector", "displayName=d", "--wait")
    assert ran(out) == ["bye", "pages[2].d one"]


def test_a_memoized_resubmit_keeps_what_succeeded(dev, out):
    failed_pages(dev, out)
    made = json.loads(dev.ok("resubmit", "pages", "--memoized", "-o", "json"))
    name = made["metadata"]["name"]
    dev.ok("wait", name, "--timeout", "20s")
    assert ran(out) == ["bye", f"{name}[1].b one", f"{name}[2].d one"]
    nodes = {node["displayName"]: node for node in workflow(dev, name)["status"]["nodes"].values()}
    assert nodes["a"]["type"] == "Skipped" and nodes["a"]["message"].startswith("original pod: pages-")


def test_a_resubmit_runs_it_all(dev, out):
    failed_pages(dev, out)
    name = json.loads(dev.ok("resubmit", "pages", "-p", "word=new", "--wait", "-o", "json"))["metadata"]["name"]
    assert ran(out) == ["bye"] + [f"{name}[{step} new" for step in ("0].a", "1].b", "1].c", "2].d")]
    assert name.startswith("pages-")


def test_a_running_workflow_is_not_retried(dev, out):
    submit(dev, ALONE.replace("sleep 0.2", "sleep 60"), out, "long")
    wait_for(lambda: (out / "inside").exists(), 10, "the step runs")
    refused = dev.run("retry", "long")
    assert refused.returncode == 2 and "Cannot retry a workflow in phase Running" in refused.stderr


def test_a_retry_waits_for_what_the_stop_has_killed(dev, out):
    trap = ALONE.replace("sleep 0.2", "trap 'sleep 0.5; rmdir /out/inside; exit 1' TERM; touch /out/up; while :; do sleep 0.1; done")
    submit(dev, trap, out, "stubborn")
    wait_for(lambda: (out / "up").exists(), 10, "the step runs")
    (out / "up").unlink()
    dev.ok("terminate", "stubborn")
    assert dev.run("wait", "stubborn", "--timeout", "10s").returncode == 1
    dev.ok("retry", "stubborn")
    wait_for(lambda: (out / "up").exists(), 20, "it runs again")
    assert ran(out) == []
    dev.ok("terminate", "stubborn")  # steps outlive the daemon
    wait_for(lambda: not (out / "inside").exists(), 10, "it has gone")


def test_a_mutex_serialises_workflows(dev, out):
    names = [f"w{i}" for i in range(4)]
    for name in names:
        submit(dev, ALONE, out, name)
    for name in names:
        dev.ok("wait", name, "--timeout", "20s")
    assert ran(out) == names


def test_a_memoized_step_runs_once(dev, out):
    for name in ("first", "second"):
        submit(dev, KNOWN, out, name)
        dev.ok("wait", name, "--timeout", "20s")
        assert dev.ok("logs", name, "--no-prefix").endswith("it is 42\n")
    assert ran(out) == ["computed"]
