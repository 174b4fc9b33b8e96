"""The document this project starts from: its YAML runs, or is rejected with the right words."""

import os
from pathlib import Path

import pytest

from support.dev import Cli, Dev

SEED = Path(os.environ.get("TIPHYS_SHARED", "../shared")) / "seed"
pytestmark = pytest.mark.skipif(not SEED.is_dir(), reason=f"the seed is not at {SEED} (set TIPHYS_SHARED)")


def test_hello_world_runs(tmp_path):
    with Dev(tmp_path, "") as dev:
        out = dev.ok("submit", "--watch", str(SEED / "hello-world.yaml"))
        assert "Succeeded" in out
        assert "Hello World" in dev.ok("logs", "@latest")


def test_events_are_valid(tmp_path):
    assert Cli(tmp_path).run("lint", str(SEED / "docproc-events.yaml")).returncode == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("docproc-pipeline.yaml", ["count-pages", "render-single-page", "aggregate-extractions"]),
        ("docproc-pipeline-minimal.yaml", ["extract-pages", "enrich-biomarkers", "store-graph"]),
    ],
)
def test_pipeline_with_gaps_is_rejected_by_name_and_place(tmp_path, name, words):
    done = Cli(tmp_path).run("lint", str(SEED / name))
    assert done.returncode == 1
    text = done.stdout + done.stderr
    for word in words:
        assert word in text
    assert f"{name}:" in text  # file:line:col


@pytest.mark.parametrize("name", ["rbac-role.yaml", "secret.yaml", "service-account.yaml"])
def test_cluster_resources_are_stored(tmp_path, name):
    cli = Cli(tmp_path / "data")
    cli.ok("apply", "-f", str(SEED / name))


FRAGMENT = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{generateName: seed-}}
spec:
  entrypoint: {entrypoint}
{templates}
    - name: run
      steps:
        - - name: generate
            template: generate
        - - name: consume
            template: consume
            arguments: {arguments}
"""


def indented(name: str) -> str:
    return "".join(f"  {line}\n" for line in (SEED / name).read_text().splitlines())


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("artifacts-fragment.yaml", '{artifacts: [{name: message, from: "{{steps.generate.outputs.artifacts.message}}"}]}', "hello"),
        ("parameters-fragment.yaml", '{parameters: [{name: value, value: "{{steps.generate.outputs.parameters.result}}"}]}', "42"),
    ],
)
def test_fragments_run_inside_a_workflow(tmp_path, name, arguments, said):
    text = FRAGMENT.format(entrypoint="run", templates=indented(name).rstrip(), arguments=arguments)
    with Dev(tmp_path, "") as dev:
        dev.ok("submit", "--watch", "-", stdin=text)
        assert said in dev.ok("logs", "@latest")


def test_diamond_runs_in_order(tmp_path):
    tasks = "".join(f'    - name: task-{x}\n      container: {{image: none, command: [echo, "{x}"]}}\n' for x in "abcd")
    text = f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{generateName: diamond-}}
spec:
  entrypoint: pipeline
{indented("dag-diamond-fragment.yaml").rstrip()}
{tasks}"""
    with Dev(tmp_path, "") as dev:
        assert "Succeeded" in dev.ok("submit", "--watch", "-", stdin=text)
        logs = dev.ok("logs", "@latest")
        assert all(x in logs for x in "abcd")
