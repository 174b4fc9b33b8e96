"""Steps that leave behind what is no data: a clear message, and everybody else goes on."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.dev import Dev

ROWS = {
    # name: (command, what is declared, phase, words of the message)
    "fifo": ("mkfifo /tmp/o", "artifact", "Error", "o is a fifo: only files and folders are artifacts"),
    "device": ("ln -s /dev/zero /tmp/o", "artifact", "Error", "zero is a device: only files and folders are artifacts"),
    "oddities": ("mkdir /tmp/o; mkfifo /tmp/o/f; echo x > /tmp/o/x", "artifact", "Succeeded", ""),
    "nothing": ("true", "artifact", "Error", "the step ended without writing it, and it is not optional"),
    "circle": ("ln -s o /tmp/o", "artifact", "Error", "Too many levels of symbolic links"),
    "nowhere": ("ln -s /nowhere /tmp/o", "artifact", "Error", "No such file or directory"),
    "endless": ("truncate -s 1T /tmp/o", "artifact", "Error", "too many bytes"),
    "folder": ("mkdir /tmp/o", "parameter", "Error", "/tmp/o is a folder, not a file"),
    "pipe": ("mkfifo /tmp/o", "parameter", "Error", "/tmp/o is a fifo, not a file"),
    "ours": ("ln -s /proc/1/environ /tmp/o", "parameter", "Error", "/tmp/o: Permission denied"),
    "giant": ("head -c 5000000 /dev/zero > /tmp/o", "parameter", "Error", "larger than 1048576 bytes"),
    "sparse": ("truncate -s 1T /tmp/o", "parameter", "Error", "larger than 1048576 bytes"),
    "binary": ("printf '\\377\\001a' > /tmp/o", "parameter", "Succeeded", ""),
}


def workflow() -> str:
    steps, templates = [], []
    for name, (command, kind, _, _) in ROWS.items():
        steps.append({"name": name, "template": name, "continueOn": {"failed": True, "error": True}})
        outputs = (
            {"artifacts": [{"name": "o", "path": "/tmp/o"}]}
            if kind == "artifact"
            else {"parameters": [{"name": "o", "valueFrom": {"path": "/tmp/o"}}]}
        )
        templates.append({"name": name, "container": {"image": "none", "command": ["sh", "-c", command]}, "outputs": outputs})
    spec = {"entrypoint": "main", "templates": [{"name": "main", "steps": [steps]}, *templates]}
    return json.dumps({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "bad"}, "spec": spec})


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict]]:
    folder: Path = tmp_path_factory.mktemp("bad-outputs")
    with Dev(folder, "{apiVersion: v1, kind: ConfigMap, metadata: {name: nothing}}") as dev:
        dev.ok("submit", "-", stdin=workflow())
        dev.run("wait", "bad")
        status = json.loads(dev.ok("get", "bad", "-o", "json"))["status"]
        yield {n["displayName"]: n for n in status["nodes"].values()}


@pytest.mark.parametrize("name", ROWS)
def test_what_a_step_leaves_is_taken_or_refused_by_name(nodes: dict[str, dict], name: str) -> None:
    _, _, phase, words = ROWS[name]
    assert nodes[name]["phase"] == phase, nodes[name]
    assert words in nodes[name].get("message", "")


def test_bytes_that_are_no_text_become_replacement_characters(nodes: dict[str, dict]) -> None:
    [parameter] = nodes["binary"]["outputs"]["parameters"]
    assert parameter["value"] == "\ufffd\u0001a"
