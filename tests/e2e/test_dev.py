"""`tiphys dev`: everything in one process, killed, restarted, misused."""

import json
import re
import signal
import socket
import subprocess

import pytest

from support import Proc, free_port, tiphys, wait_for
from support.dev import Cli, Dev, http_status

HELLO = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: hello-world-}
spec:
  entrypoint: main
  templates:
    - name: main
      container: {image: alpine, command: [echo, "Hello World"]}
"""

NOTHING = "{apiVersion: v1, kind: ConfigMap, metadata: {name: nothing}}"

EVENTS = """
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: source}
spec:
  webhook:
    event: {port: "PORT", endpoint: /event, method: POST}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: sensor}
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
              metadata: {generateName: number-, labels: {number: "{{.Input.body.number}}"}}
              spec:
                entrypoint: main
                arguments: {parameters: [{name: number, value: "{{.Input.body.number}}"}]}
                templates:
                  - name: main
                    container: {image: none, command: [echo, "number {{workflow.parameters.number}}"]}
"""

DIAMOND = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: diamond}
spec:
  entrypoint: diamond
  arguments: {parameters: [{name: word, value: seed}]}
  templates:
    - name: diamond
      dag:
        tasks:
          - {name: A, template: make, arguments: {parameters: [{name: word, value: "{{workflow.parameters.word}}"}]}}
          - name: B
            template: grow
            dependencies: [A]
            arguments: &from-a
              parameters: [{name: letter, value: B}, {name: before, value: "{{tasks.A.outputs.result}}"}]
              artifacts: [{name: in, from: "{{tasks.A.outputs.artifacts.out}}"}]
          - name: C
            template: grow
            dependencies: [A]
            arguments:
              parameters: [{name: letter, value: C}, {name: before, value: "{{tasks.A.outputs.result}}"}]
              artifacts: [{name: in, from: "{{tasks.A.outputs.artifacts.out}}"}]
          - name: D
            template: join
            dependencies: [B, C]
            arguments:
              parameters:
                - {name: b, value: "{{tasks.B.outputs.parameters.grown}}"}
                - {name: c, value: "{{tasks.C.outputs.parameters.grown}}"}
              artifacts:
                - {name: b, from: "{{tasks.B.outputs.artifacts.out}}"}
                - {name: c, from: "{{tasks.C.outputs.artifacts.out}}"}
    - name: make
      inputs: {parameters: [{name: word}]}
      script:
        image: none
        command: [sh]
        source: |
          echo "file {{inputs.parameters.word}}" > /tmp/out.txt
          echo "{{inputs.parameters.word}}"
      outputs: {artifacts: [{name: out, path: /tmp/out.txt}]}
    - name: grow
      inputs:
        parameters: [{name: letter}, {name: before}]
        artifacts: [{name: in, path: /tmp/in.txt}]
      script:
        image: none
        command: [sh]
        source: |
          { cat /tmp/in.txt; echo "+{{inputs.parameters.letter}}"; } > /tmp/grown.txt
          printf '%s' "{{inputs.parameters.before}}{{inputs.parameters.letter}}" > /tmp/word
      outputs:
        parameters: [{name: grown, valueFrom: {path: /tmp/word}}]
        artifacts: [{name: out, path: /tmp/grown.txt}]
    - name: join
      inputs:
        parameters: [{name: b}, {name: c}]
        artifacts: [{name: b, path: /tmp/b.txt}, {name: c, path: /tmp/c.txt}]
      script:
        image: none
        command: [sh]
        source: |
          echo "{{inputs.parameters.b}} {{inputs.parameters.c}}"
          cat /tmp/b.txt /tmp/c.txt
"""


def post(dev_port: int, number: int) -> None:
    body = json.dumps({"number": str(number)}).encode()
    status, text = http_status(f"http://127.0.0.1:{dev_port}/event", body, {"Content-Type": "application/json"}, "POST")
    assert status == 200, text


def workflow(api: int, query: str) -> dict | None:
    status, text = http_status(f"http://127.0.0.1:{api}/api/v1/workflows/default{query}")
    return json.loads(text) if status == 200 else None


def test_hello_world_in_two_commands(tmp_path):
    with Dev(tmp_path, HELLO.replace("generateName: hello-world-", "name: from-file")) as dev:
        out = dev.ok("submit", "--watch", "-", stdin=HELLO)
        assert re.search(r"Status: +Succeeded", out)
        assert re.search(r"✔ hello-world-\w+ +main +hello-world-\w+", out)
        assert re.search(r"^hello-world-\w+: Hello World$", dev.ok("logs", "@latest"), re.M)
        wait_for(lambda: "Succeeded" in dev.ok("get", "from-file"), 10, "the workflow given with -f")


def test_banner_names_every_address_and_what_survives(tmp_path):
    port = free_port()
    with Dev(tmp_path, EVENTS.replace("PORT", str(port))) as dev:
        banner = dev.proc.wait_log(r"(?s)tiphys dev \S+ is ready.*next .*\n").group(0)
        assert f"api        http://127.0.0.1:{dev.api}\n" in banner
        assert f"webhook    http://127.0.0.1:{port}/event  source/event\n" in banner
        assert f"data       {dev.data} (kept: a second start goes on here)\n" in banner
        assert re.search(r"^  isolation  \S+", banner, re.M)
        assert re.search(rf"^  next       tiphys submit --watch FILE --data {dev.data}$", banner, re.M)


def test_event_becomes_workflow_that_the_api_shows(tmp_path):
    port = free_port()
    with Dev(tmp_path, EVENTS.replace("PORT", str(port))) as dev:
        post(port, 7)
        listing = wait_for(
            lambda: (workflow(dev.api, "?listOptions.labelSelector=number%3D7") or {}).get("items"), 10, "the workflow in the API"
        )
        name = listing[0]["metadata"]["name"]
        done = wait_for(
            lambda: (w := workflow(dev.api, f"/{name}")) and w.get("status", {}).get("phase") == "Succeeded" and w, 10, "its end"
        )
        assert [n["phase"] for n in done["status"]["nodes"].values()] == ["Succeeded"]
        assert done["metadata"]["labels"]["workflows.argoproj.io/completed"] == "true"
        assert workflow(dev.api, "?listOptions.labelSelector=number%3D8")["items"] == []
        status, text = http_status(f"http://127.0.0.1:{dev.api}/api/v1/workflows/default/nobody")
        assert status == 404 and json.loads(text)["code"] == 5
        assert "fired" in dev.ok("events", "list")
        event = dev.ok("events", "list", "-o", "name").split()[0]
        assert f"done: created Workflow default/{name}" in dev.ok("events", "show", event[:12])


def test_watch_stream_shows_what_is_there_and_every_change(tmp_path):
    with Dev(tmp_path, HELLO) as dev:
        wait_for(lambda: dev.workflows()[0]["status"]["phase"] == "Succeeded", 10, "the first workflow's end")
        with socket.create_connection(("127.0.0.1", dev.api), 10) as s:
            s.sendall(b"GET /api/v1/workflow-events/default HTTP/1.1\r\nHost: x\r\n\r\n")
            stream = s.makefile("rb")
            seen = []
            for line in stream:
                if line.startswith(b"{"):
                    result = json.loads(line)["result"]
                    seen.append((result["type"], result["object"]["status"].get("phase") if "status" in result["object"] else None))
                    if len(seen) == 1:
                        dev.ok("submit", "-", stdin=HELLO.replace("hello-world-", "second-"))
                    elif result["object"].get("status", {}).get("phase") == "Succeeded":
                        break
        assert seen[0] == ("ADDED", "Succeeded")
        assert seen[1][0] == "ADDED"
        assert seen[-1] == ("MODIFIED", "Succeeded")


def test_diamond_with_parameters_and_artifacts(tmp_path):
    with Dev(tmp_path, NOTHING) as dev:
        dev.ok("submit", "--wait", "-", "-p", "word=apple", stdin=DIAMOND)
        assert dev.ok("logs", "diamond", "D", "--no-prefix").splitlines() == [
            "appleB appleC", "file apple", "+B", "file apple", "+C",
        ]  # fmt: skip
        rows = dev.ok("get", "diamond").partition("STEP")[2].splitlines()[1:]
        assert [row.split("  ")[0] for row in rows] == [" ✔ diamond", " ├─✔ A", " ├─✔ B", " ├─✔ C", " └─✔ D"]


EXPRESSIONS = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: expressions-}
spec:
  entrypoint: main
  arguments: {parameters: [{name: most, value: "5"}]}
  templates:
    - name: main
      steps:
        - - {name: numbers, template: say, arguments: {parameters: [{name: text, value: "[4, 6, 8]"}]}}
        - - name: each
            template: say
            withParam: "{{= toJson(map(fromJSON(steps.numbers.outputs.result), # + 1)) }}"
            when: "{{= asInt(item) > asInt(workflow.parameters.most) }}"
            arguments: {parameters: [{name: text, value: "n={{= asInt(item) * 2 }} {{= sprig.upper(workflow.namespace) }}"}]}
    - name: say
      inputs: {parameters: [{name: text}]}
      container: {image: alpine, command: [echo], args: ["{{= trim(inputs.parameters.text) }}"]}
"""


def test_expressions_in_tags_compute_with_results(tmp_path):
    with Dev(tmp_path, NOTHING) as dev:
        dev.ok("submit", "--wait", "-", stdin=EXPRESSIONS)
        said = dev.ok("logs", "@latest", "--no-prefix").splitlines()
        assert said[0] == "[4, 6, 8]" and sorted(said[1:]) == ["n=14 DEFAULT", "n=18 DEFAULT"]
        assert "each(0:5)" in dev.ok("get", "@latest")


def counting(folder, name: str, steps: int) -> str:
    """STEPS one after another; each appends its number to a file outside of its sandbox, then takes a moment."""
    groups = "\n".join(
        f"        - - {{name: s{i}, template: note, arguments: {{parameters: [{{name: number, value: \"{i}\"}}]}}}}" for i in range(steps)
    )
    return f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: {name}}}
spec:
  entrypoint: main
  volumes: [{{name: out, hostPath: {{path: {folder}}}}}]
  templates:
    - name: main
      steps:
{groups}
    - name: note
      inputs: {{parameters: [{{name: number}}]}}
      script:
        image: none
        command: [sh]
        volumeMounts: [{{name: out, mountPath: /out}}]
        source: |
          echo "{{{{inputs.parameters.number}}}}" >> /out/{name}
          sleep 0.05
"""


def test_kill_9_at_any_moment_repeats_no_step(tmp_path):
    steps, out = 12, tmp_path / "out"
    out.mkdir()
    names = [f"count-{i}" for i in range(4)]
    with Dev(tmp_path, NOTHING) as dev:
        for name in names:
            dev.ok("submit", "-", stdin=counting(out, name, steps))
        kills = 0
        while kills < 8:  # whenever another step was taken
            before = sum(len(f.read_text().split()) for f in out.iterdir())
            if before >= steps * len(names):
                break
            dev.proc.restart()
            kills += 1
            wait_for(
                lambda: sum(len(f.read_text().split()) for f in out.iterdir()) > before, 20, "another step after the restart"
            )
        for name in names:
            dev.ok("wait", name, "--timeout", "60s")
            assert (out / name).read_text().split() == [str(i) for i in range(steps)]
        assert kills >= 4


def test_sigterm_drains_and_second_start_goes_on(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with Dev(tmp_path, NOTHING) as dev:
        dev.ok("submit", "-", stdin=counting(out, "slow", 6))
        wait_for(lambda: (out / "slow").exists(), 10, "the first step")
        assert dev.proc.term() == 0
        dev.proc.start()
        dev.wait_ready()
        assert "resumed    1 unfinished workflow" in dev.proc.wait_log(r"(?s)is ready.*next ").group(0)
        dev.ok("wait", "slow", "--timeout", "60s")
        assert (out / "slow").read_text().split() == [str(i) for i in range(6)]


def test_second_start_on_a_busy_folder_says_who_is_there(tmp_path):
    with Dev(tmp_path, NOTHING) as dev:
        second = subprocess.run(dev.argv[:-1] + ["0"], capture_output=True, text=True, timeout=10)
        assert second.returncode == 5
        assert f"tiphys (process {dev.proc.pid}) already runs on the data folder {dev.data}" in second.stderr
        assert dev.proc.alive()


def test_taken_port_is_named_with_a_way_out(tmp_path):
    with Dev(tmp_path, NOTHING) as dev:
        argv = [tiphys(), "dev", "--data", tmp_path / "other", "--port", str(dev.api)]
        second = subprocess.run(argv, capture_output=True, text=True, timeout=10)
        assert second.returncode == 6 or second.returncode == 5
        assert str(dev.api) in second.stderr and "--port 0" in second.stderr


def test_temporary_folder_is_gone_afterwards(tmp_path):
    with Proc([tiphys(), "dev", "--rm", "--port", "0"], tmp_path / "log", env={"TMPDIR": str(tmp_path)}) as proc:
        data = proc.wait_log(r"data +(\S+) \(removed at the end\)").group(1)
        assert data.startswith(str(tmp_path))
        done = Cli(tmp_path)
        done.data = data
        done.ok("submit", "--wait", "-", stdin=HELLO)
        assert proc.term() == 0
        assert not [p for p in tmp_path.iterdir() if p.name.startswith("tiphys-")]


def test_steps_do_not_outlive_a_temporary_folder(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    sleeper = counting(out, "sleeper", 1).replace("sleep 0.05", "exec sleep 1001")
    with Proc([tiphys(), "dev", "--rm", "--port", "0"], tmp_path / "log", env={"TMPDIR": str(tmp_path)}) as proc:
        done = Cli(tmp_path)
        done.data = proc.wait_log(r"data +(\S+) \(removed at the end\)").group(1)
        done.ok("submit", "-", stdin=sleeper)
        wait_for(lambda: (out / "sleeper").exists(), 10, "the step runs")
        assert proc.term() == 0
    left = subprocess.run(["pgrep", "-fx", "sleep 1001"], capture_output=True, text=True).stdout
    assert left == "" and not [p for p in tmp_path.iterdir() if p.name.startswith("tiphys-")]


def test_bad_files_are_named_all_at_once_and_nothing_starts(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "apiVersion: argoproj.io/v1alpha1\nkind: EventSource\nmetadata: {name: a}\nspec:\n"
        "  webhook:\n    event: {port: 12000, endpoint: /a, methd: POST}\n"
    )
    (tmp_path / "b.yaml").write_text("kind: Sensr\napiVersion: argoproj.io/v1alpha1\nmetadata: {name: b}\n")
    (tmp_path / "c.yaml").write_text("a: [1, 2\nb: 3\n")
    argv = [tiphys(), "dev", "-f", tmp_path, "--data", tmp_path / "data", "--port", "0"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=10)
    assert done.returncode == 2
    assert re.search(r"a\.yaml:6:\d+", done.stderr) and "did you mean" in done.stderr
    assert re.search(r"b\.yaml:1:\d+", done.stderr) and "did you mean Sensor?" in done.stderr
    assert re.search(r"c\.yaml:\d+:\d+", done.stderr)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_both_signals_end_it_in_order(tmp_path, number):
    with Dev(tmp_path, NOTHING) as dev:
        dev.proc.signal(number)
        assert dev.proc.wait() == 0
