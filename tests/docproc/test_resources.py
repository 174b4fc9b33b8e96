"""The YAML: it parses, its wires end somewhere, and the worker knows every path it names."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from story import DOCPROC, step

FILES = sorted(DOCPROC.glob("*.yaml"))
PIPELINE: dict[str, Any] = yaml.safe_load((DOCPROC / "workflowtemplate.yaml").read_text())
TEMPLATES: dict[str, dict[str, Any]] = {t["name"]: t for t in PIPELINE["spec"]["templates"]}
CONTAINERS = [name for name, template in TEMPLATES.items() if "container" in template]
WAYS = {
    "sensor.yaml": "eventsource-webhook.yaml",
    "sensor-redis.yaml": "eventsource-redis.yaml",
    "sensor-kafka.yaml": "eventsource-kafka.yaml",
}


def names(template: dict[str, Any], way: str, kind: str) -> set[str]:
    """Names of a template's inputs or outputs."""
    return {entry["name"] for entry in template.get(way, {}).get(kind, [])}


def calls(template: dict[str, Any]) -> list[dict[str, Any]]:
    """The tasks of a DAG, or the steps of a steps template."""
    return (
        template["dag"]["tasks"]
        if "dag" in template
        else [call for group in template.get("steps", []) for call in group]
    )


def text_of(value: object) -> str:
    return yaml.safe_dump(value)


def test_every_resource_names_its_kind() -> None:
    kinds = {(doc["kind"], doc["metadata"]["name"]) for file in FILES for doc in yaml.safe_load_all(file.read_text())}
    assert kinds == {
        ("EventSource", "docproc-webhook"), ("EventSource", "docproc-redis"), ("EventSource", "docproc-kafka"),
        ("Sensor", "docproc-sensor"), ("Sensor", "docproc-sensor-redis"), ("Sensor", "docproc-sensor-kafka"),
        ("WorkflowTemplate", "docproc-pipeline"), ("ConfigMap", "artifact-repositories"), ("Secret", "docproc-secrets"),
    }  # fmt: skip


@pytest.mark.parametrize(("sensor_file", "source_file"), WAYS.items())
def test_a_sensor_listens_to_its_source_and_fills_the_pipeline(sensor_file: str, source_file: str) -> None:
    sensor, source = (yaml.safe_load((DOCPROC / name).read_text()) for name in (sensor_file, source_file))
    (dependency,) = sensor["spec"]["dependencies"]
    assert dependency["eventSourceName"] == source["metadata"]["name"]
    (events,) = source["spec"].values()
    assert dependency["eventName"] in events
    workflow = sensor["spec"]["triggers"][0]["template"]["k8s"]["source"]["resource"]
    assert workflow["spec"]["workflowTemplateRef"]["name"] == PIPELINE["metadata"]["name"]
    given = {p["name"]: p["value"] for p in workflow["spec"]["arguments"]["parameters"]}
    assert given["document-id"] == "{{.Input.body.document_id}}"
    assert workflow["metadata"]["labels"] == {"docproc/document-id": "{{.Input.body.document_id}}"}
    wanted = {p["name"] for p in PIPELINE["spec"]["arguments"]["parameters"] if "value" not in p}
    assert wanted <= set(given) <= {p["name"] for p in PIPELINE["spec"]["arguments"]["parameters"]}


@pytest.mark.parametrize("name", [name for name, template in TEMPLATES.items() if calls(template)])
def test_every_call_supplies_what_its_template_asks_for(name: str) -> None:
    for call in calls(TEMPLATES[name]):
        target = TEMPLATES[call["template"]]
        for kind in ("parameters", "artifacts"):
            given = {argument["name"] for argument in call.get("arguments", {}).get(kind, [])}
            asked = {i["name"] for i in target.get("inputs", {}).get(kind, []) if "raw" not in i}
            assert given == asked, f"{name}.{call['name']}: {kind}"


@pytest.mark.parametrize("name", list(TEMPLATES))
def test_every_tag_ends_somewhere(name: str) -> None:
    template = TEMPLATES[name]
    outputs = {call["name"]: TEMPLATES[call["template"]] for call in calls(template)}
    arguments = {p["name"] for p in PIPELINE["spec"]["arguments"]["parameters"]}
    tags = set(re.findall(r"\{\{([^}]+)\}\}", text_of(template)))
    for tag in tags:
        match tag.split("."):
            case ["workflow", "parameters", parameter]:
                assert parameter in arguments, tag
            case ["inputs", kind, entry]:
                assert entry in names(template, "inputs", kind), tag
            case ["tasks" | "steps", call, "outputs", kind, entry]:
                assert entry in names(outputs[call], "outputs", kind), tag
            case ["item", *_]:
                assert re.search("withParam|withSequence", text_of(template)), tag
            case _:
                raise AssertionError(f"{name}: unknown tag {tag}")


def test_a_task_depends_on_every_task_whose_output_it_takes() -> None:
    for task in calls(TEMPLATES["process-document"]):
        used = set(re.findall(r"\{\{tasks\.([\w-]+)\.", text_of(task)))
        assert used <= set(task.get("dependencies", [])), task["name"]


def test_the_seeds_names_stand_in_their_order() -> None:
    tasks = [task["name"] for task in calls(TEMPLATES["process-document"])]
    assert tasks == ["validate", "render-pages", "extract-pages", "aggregate", "enrich", "store"]
    for earlier, later in zip(tasks, tasks[1:], strict=False):
        task = next(task for task in calls(TEMPLATES["process-document"]) if task["name"] == later)
        assert earlier in task["dependencies"]


@pytest.mark.parametrize("name", CONTAINERS)
def test_the_worker_knows_every_path_and_option_of_a_template(name: str) -> None:
    template = TEMPLATES[name]
    container = template["container"]
    assert container["command"][:2] == ["/usr/bin/python3", "-m"]
    usage = step(container["command"][2].removeprefix("docproc."), "--help").printed
    paths = [a["path"] for way in ("inputs", "outputs") for a in template.get(way, {}).get("artifacts", [])]
    paths += [p["valueFrom"]["path"] for p in template.get("outputs", {}).get("parameters", [])]
    assert paths
    for path in paths:
        assert f"(default: {path})" in " ".join(usage.split()), path
    for option in (arg.split("=")[0] for arg in container.get("args", []) if arg.startswith("--")):
        assert f"{option} " in usage, option
    mounts = {mount["name"] for mount in container.get("volumeMounts", [])}
    assert mounts <= {volume["name"] for volume in PIPELINE["spec"]["volumes"]}


def rendered(folder: Path, *args: object) -> dict[str, str]:
    """Files that render.sh writes, by name."""
    subprocess.run([DOCPROC / "render.sh", folder, *map(str, args)], check=True, capture_output=True)
    return {file.name: file.read_text() for file in folder.iterdir()}


def test_render_sets_the_values_of_this_installation(tmp_path: Path) -> None:
    files = rendered(
        tmp_path / "out", "--worker", "/w", "--port", 12345, "--redis", "127.0.0.1:7777", "--kafka", "127.0.0.1:9999",
        "--catalog", "http://127.0.0.1:8111", "--graph", tmp_path / "g" / "my.sqlite", "--uploads", tmp_path / "up",
    )  # fmt: skip
    assert set(files) == {file.name for file in FILES}
    load = {name: yaml.safe_load(text) for name, text in files.items()}
    assert load["eventsource-webhook.yaml"]["spec"]["webhook"]["document-uploaded"]["port"] == "12345"
    assert load["eventsource-redis.yaml"]["spec"]["redis"]["document-uploaded"]["hostAddress"] == "127.0.0.1:7777"
    assert load["eventsource-kafka.yaml"]["spec"]["kafka"]["document-uploaded"]["url"] == "127.0.0.1:9999"
    values = {p["name"]: p.get("value") for p in load["workflowtemplate.yaml"]["spec"]["arguments"]["parameters"]}
    assert values == {
        "document-id": None, "file-path": None, "patient-id": "", "user-id": "", "neo4j-uri": "", "worker-path": "/w",
        "uploads-dir": str(tmp_path / "up"), "graph-dir": str(tmp_path / "g"), "graph-file": "my.sqlite",
        "medical-catalog-url": "http://127.0.0.1:8111", "redis-url": "redis://127.0.0.1:7777/0",
    }  # fmt: skip


def test_render_leaves_everything_else_as_it_is(tmp_path: Path) -> None:
    files = rendered(tmp_path / "out", "--worker", "/usr/share/tiphys/docproc/worker")
    assert files == {file.name: file.read_text() for file in FILES}
