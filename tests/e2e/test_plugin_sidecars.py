"""Executor plugins that a workflow brings along (spec.executorPlugins): pods beside it, on real processes."""

import http.server
import json
import re
import textwrap
import threading
from pathlib import Path

import pytest

from support import free_port, wait_for
from support.dev import Dev
from support.http_sink import Answer, HttpSink

NOTHING = "{apiVersion: v1, kind: ConfigMap, metadata: {name: nothing}}"

# What it does is said by the template: {"demo": {"do": ...}}.
PROGRAM = """
import http.server, json, os, urllib.request
asked = 0
class Plugin(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        global asked
        asked += 1
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        want = body["template"]["plugin"].get("demo")
        todo = (want or {}).get("do")
        token = open("/var/run/argo/token").read() if os.path.exists("/var/run/argo/token") else "none"
        answer = {}
        if todo == "as-told":
            todo = urllib.request.urlopen(want["by"]).read().decode()
        if todo == "die":
            os._exit(3)
        elif todo == "long" and asked < want["times"]:
            answer = {"node": {"phase": "Running", "message": f"pid {os.getpid()} asked {asked}",
                               "progress": f"{asked}/{want['times']}"}, "requeue": "50ms"}
        elif todo:
            phase = todo if todo in ("Failed", "Error") else "Succeeded"
            good = self.headers["Authorization"] == "Bearer " + token
            facts = {"path": self.path, "host": self.headers["Host"], "workflow": body["workflow"]["metadata"],
                     "inputs": body["template"].get("inputs"), "token": good, "uid": os.getuid(), "pid": os.getpid(), "asked": asked}
            answer = {"node": {"phase": phase, "message": "done",
                               "outputs": {"parameters": [{"name": "facts", "value": json.dumps(facts)}]}}}
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
http.server.HTTPServer(("127.0.0.1", PORT), Plugin).serve_forever()
"""


def plugin(port: int, program: str = PROGRAM, name: str = "demo-plugin", more: str = "") -> str:
    code = textwrap.indent(program.replace("PORT", str(port)), " " * 14)
    return f"""
    - metadata: {{name: {name}{more}}}
      spec:
        sidecar:
          container:
            name: {name}
            image: none
            command: [python3, -uc]
            args:
            - |{code}
            ports: [{{containerPort: {port}}}]
            resources: {{requests: {{cpu: 10m, memory: 32Mi}}, limits: {{cpu: 500m, memory: 128Mi}}}}
            securityContext: {{runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}
"""


def workflow(name: str, plugins: str, templates: str, annotations: str = "{}") -> str:
    return f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: {name}}}
spec:
  entrypoint: main
  podMetadata: {{annotations: {annotations}}}
  executorPlugins:{plugins}
  templates:
{templates}
"""


PRIVATE = "{tiphys.io/network: private}"
ONE = "    - {name: main, plugin: {demo: {do: it}}, outputs: {parameters: [{name: facts, valueFrom: {supplied: {}}}]}}\n"


def get(dev: Dev, name: str) -> dict:
    return json.loads(dev.ok("get", name, "-o", "json"))


def status(dev: Dev, name: str) -> dict:
    return get(dev, name).get("status", {})


def only(result: dict) -> dict:
    return result["status"]["nodes"][result["metadata"]["name"]]


def run(dev: Dev, text: str, name: str) -> dict:
    dev.ok("submit", "-", stdin=text)
    dev.run("wait", name, "--timeout", "60s", timeout=90)
    return get(dev, name)


def facts(node: dict) -> dict:
    return json.loads({p["name"]: p["value"] for p in node["outputs"]["parameters"]}["facts"])


def processes(marker: str) -> list[int]:
    """Plugins of that port, by what stands in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and marker in (entry / "cmdline").read_text():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def listener(port: int) -> str:
    return f'HTTPServer(("127.0.0.1", {port})'


def gone(port: int) -> None:
    wait_for(lambda: not processes(listener(port)), 15, f"the end of the plugin on {port}")


@pytest.fixture
def dev(tmp_path: Path):
    with Dev(tmp_path, NOTHING) as running:
        yield running


# ---- the protocol ----


@pytest.mark.parametrize("network", ["host", "private"])
def test_a_plugin_beside_the_workflow_is_asked_and_goes_with_it(dev: Dev, network: str) -> None:
    port = free_port()
    text = workflow("wf", plugin(port), ONE, f"{{tiphys.io/network: {network}}}")
    node = only(run(dev, text, "wf"))
    assert (node["type"], node["phase"], node["message"]) == ("Plugin", "Succeeded", "done")
    told = facts(node)
    assert told["path"] == "/api/v1/template.execute" and told["host"] == f"localhost:{port}" and told["token"]
    assert (told["workflow"]["name"], told["workflow"]["namespace"]) == ("wf", "default") and told["workflow"]["uid"]
    gone(port)
    assert list((dev.data / "logs").glob("*/plugin_0_0.main.log"))


def test_without_isolation_a_plugin_is_a_process_that_knows_no_token(tmp_path: Path) -> None:
    port = free_port()
    with Dev(tmp_path, NOTHING, "--isolation", "none") as dev:
        node = only(run(dev, workflow("wf", plugin(port), ONE), "wf"))
        assert (node["phase"], node["message"]) == ("Succeeded", "done") and not facts(node)["token"]
        gone(port)


def test_plugins_are_asked_in_turn_and_those_of_the_configuration_are_not(tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    other = PROGRAM.replace('"demo"', '"something-else"')
    config = tmp_path / "config.yaml"
    config.write_text(f"executorPlugins: [{{name: demo, address: 'http://127.0.0.1:{free_port()}'}}]\n")
    with Dev(tmp_path, NOTHING, "--config", str(config)) as dev:
        node = only(run(dev, workflow("wf", plugin(ports[0], other, "other") + plugin(ports[1]), ONE), "wf"))
        assert (node["phase"], node["message"]) == ("Succeeded", "done")
        nobody = "    - {name: main, plugin: {unheard-of: {}}}\n"
        node = only(run(dev, workflow("nobody", plugin(ports[0], other, "other") + plugin(ports[1]), nobody), "nobody"))
    assert node["phase"] == "Error"
    assert node["message"] == 'no executor plugin knows "unheard-of"; of the workflow (spec.executorPlugins): other, demo-plugin'


def test_a_plugin_that_is_not_done_is_asked_again_and_its_words_are_shown(dev: Dev) -> None:
    port = free_port()
    dev.ok("submit", "-", stdin=workflow("wf", plugin(port), "    - {name: main, plugin: {demo: {do: long, times: 40}}}\n"))
    wait_for(lambda: re.match(r"pid \d+ asked \d+", only(get(dev, "wf")).get("message", "")), 20, "words of a running node")
    wait_for(lambda: only(get(dev, "wf"))["progress"].endswith("/40"), 20, "its progress")
    dev.ok("wait", "wf", "--timeout", "60s")
    node = only(get(dev, "wf"))
    assert (node["phase"], node["message"]) == ("Succeeded", "done")
    assert facts(node)["asked"] == 40  # one process for all of it


# ---- trouble ----


def test_a_plugin_that_dies_is_started_again(dev: Dev, sink: HttpSink) -> None:
    sink.script = [Answer(200, b"die"), Answer(200, b"go on")]
    templates = f"    - {{name: main, plugin: {{demo: {{do: as-told, by: '{sink.url}'}}}}}}\n"
    node = only(run(dev, workflow("wf", plugin(free_port()), templates), "wf"))
    assert (node["phase"], node["message"]) == ("Succeeded", "done")
    assert facts(node)["asked"] == 1 and len(sink.requests) == 2


def test_a_plugin_that_always_dies_is_given_up(dev: Dev) -> None:
    port = free_port()
    node = only(run(dev, workflow("wf", plugin(port), "    - {name: main, plugin: {demo: {do: die}}}\n"), "wf"))
    assert node["phase"] == "Error"
    assert re.search(r"it has ended \d times: main: Error \(exit code 3\); see `tiphys logs wf demo-plugin`", node["message"])
    gone(port)


def test_a_plugin_that_never_listens_says_how_it_ended(dev: Dev) -> None:
    port = free_port()
    node = only(run(dev, workflow("wf", plugin(port, "\nraise SystemExit(7)\n"), ONE), "wf"))
    assert node["phase"] == "Error"
    assert node["message"] == "plugin demo-plugin: it has ended 5 times: main: Error (exit code 7); see `tiphys logs wf demo-plugin`"


def test_what_a_plugin_says_is_among_the_logs_by_its_name(dev: Dev) -> None:
    run(dev, workflow("wf", plugin(free_port(), "\nprint('too bad')\nraise SystemExit(7)\n"), ONE), "wf")
    assert dev.ok("logs", "wf", "demo-plugin").splitlines() == ["demo-plugin: too bad"] * 5
    assert dev.ok("logs", "wf") == ""
    assert "has no pod other-plugin" in dev.run("logs", "wf", "other-plugin").stderr


def test_a_plugin_that_cannot_be_started_says_why_at_once(dev: Dev) -> None:
    bad = plugin(free_port()).replace("image: none", "image: none\n            volumeMounts: [{name: nowhere, mountPath: /x}]")
    node = only(run(dev, workflow("wf", bad, ONE), "wf"))
    assert node["phase"] == "Error"
    assert node["message"].startswith("plugin demo-plugin cannot be started: ") and "nowhere" in node["message"]


def test_a_port_that_another_program_has_is_named(dev: Dev) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as stranger:
        port = stranger.server_address[1]
        node = only(run(dev, workflow("wf", plugin(port), ONE), "wf"))
        assert node["phase"] == "Error"
        assert f"another program of this machine listens on its port {port}" in node["message"]
        threading.Thread(target=stranger.serve_forever, daemon=True).start()
        node = only(run(dev, workflow("alone", plugin(port), ONE, PRIVATE), "alone"))
        assert (node["phase"], node["message"]) == ("Succeeded", "done")  # not the stranger's answer
        stranger.shutdown()


def test_a_stopped_workflow_takes_its_plugin_with_it(dev: Dev) -> None:
    port = free_port()
    dev.ok("submit", "-", stdin=workflow("wf", plugin(port), "    - {name: main, plugin: {demo: {do: long, times: 100000}}}\n"))
    wait_for(lambda: only(get(dev, "wf")).get("message"), 20, "an answer of the plugin")
    dev.ok("terminate", "wf")
    dev.run("wait", "wf")
    assert status(dev, "wf")["phase"] == "Failed"
    gone(port)
    dev.ok("submit", "-", stdin=workflow("del", plugin(port), "    - {name: main, plugin: {demo: {do: long, times: 100000}}}\n"))
    wait_for(lambda: only(get(dev, "del")).get("message"), 20, "an answer of the plugin")
    dev.ok("delete", "del")
    gone(port)


def test_a_failed_template_is_asked_again_by_a_retry(dev: Dev, sink: HttpSink) -> None:
    sink.script = [Answer(200, b"Failed"), Answer(200, b"well")]
    port = free_port()
    templates = f"    - {{name: main, plugin: {{demo: {{do: as-told, by: '{sink.url}'}}}}}}\n"
    node = only(run(dev, workflow("wf", plugin(port), templates), "wf"))
    assert (node["phase"], node["message"]) == ("Failed", "done")
    dev.ok("retry", "wf")  # the plugin may still be on its way out
    dev.ok("wait", "wf", "--timeout", "60s")
    assert only(get(dev, "wf"))["phase"] == "Succeeded"
    gone(port)


# ---- restarts ----


def test_kill_9_of_the_controller_finds_the_running_plugin_again(dev: Dev) -> None:
    port = free_port()
    dev.ok("submit", "-", stdin=workflow("wf", plugin(port), "    - {name: main, plugin: {demo: {do: long, times: 60}}}\n"))
    wait_for(lambda: only(get(dev, "wf")).get("message"), 20, "an answer of the plugin")
    before = processes(listener(port))
    dev.proc.restart()
    dev.wait_ready()
    dev.ok("wait", "wf", "--timeout", "60s")
    node = only(get(dev, "wf"))
    assert (node["phase"], node["message"]) == ("Succeeded", "done")
    assert facts(node)["asked"] >= 60 and before  # the same process has counted all of it
    gone(port)


def test_a_plugin_that_is_not_wanted_any_more_is_ended_after_a_restart_too(dev: Dev) -> None:
    port = free_port()
    templates = """    - name: main
      steps:
        - [{name: ask, template: ask}]
        - [{name: wait, template: wait}]
    - {name: ask, plugin: {demo: {do: it}}}
    - {name: wait, suspend: {}}
"""
    dev.ok("submit", "-", stdin=workflow("wf", plugin(port), templates))
    wait_for(lambda: any(n["type"] == "Suspend" for n in status(dev, "wf")["nodes"].values()), 20, "the second step")
    assert processes(listener(port))  # it stays as long as its workflow
    dev.proc.restart()
    dev.wait_ready()
    dev.ok("resume", "wf")
    dev.ok("wait", "wf", "--timeout", "60s")
    gone(port)


# ---- one port, two workflows ----

TWO_STEPS = """    - name: main
      steps:
        - [{name: ask, template: ask}]
        - [{name: wait, template: wait}]
        - [{name: again, template: ask}]
    - {name: ask, plugin: {demo: {do: it}}}
    - {name: wait, suspend: {}}
"""


def test_on_the_machine_s_network_a_port_is_lent_to_whoever_needs_it(dev: Dev) -> None:
    port = free_port()
    dev.ok("submit", "-", stdin=workflow("first", plugin(port), TWO_STEPS))
    wait_for(lambda: any(n["type"] == "Suspend" for n in status(dev, "first")["nodes"].values()), 20, "the second step")
    text = workflow("second", plugin(port), "    - {name: main, plugin: {demo: {do: long, times: 20}}}\n")
    dev.ok("submit", "-", stdin=text)  # the first has it and does not use it
    dev.ok("wait", "second", "--timeout", "60s")
    dev.ok("resume", "first")
    dev.ok("wait", "first", "--timeout", "60s")
    gone(port)


def test_on_the_machine_s_network_a_port_in_use_is_waited_for(dev: Dev) -> None:
    port = free_port()
    long = "    - {name: main, plugin: {demo: {do: long, times: 100000}}}\n"
    dev.ok("submit", "-", stdin=workflow("first", plugin(port), long))
    wait_for(lambda: only(get(dev, "first")).get("message"), 20, "an answer of the plugin")
    dev.ok("submit", "-", stdin=workflow("second", plugin(port), ONE))
    words = f"waits for port {port}: plugin demo-plugin of workflow default/first has it"
    wait_for(lambda: only(get(dev, "second")).get("message") == words, 20, "why the second waits")
    dev.ok("terminate", "first")
    dev.ok("wait", "second", "--timeout", "60s")
    node = only(get(dev, "second"))
    assert (node["phase"], node["message"]) == ("Succeeded", "done")


def test_with_networks_of_their_own_two_have_one_port_at_once(dev: Dev) -> None:
    port = free_port()
    long = "    - {name: main, plugin: {demo: {do: long, times: 100000}}}\n"
    for name in ("one", "two"):
        dev.ok("submit", "-", stdin=workflow(name, plugin(port), long, PRIVATE))
    pids = [wait_for(lambda: re.match(r"pid (\d+)", only(get(dev, n)).get("message", "")), 20, n) for n in ("one", "two")]
    assert len(pids) == 2 and len(processes(listener(port))) >= 2
    dev.ok("terminate", "one", "two")
    gone(port)


def test_plugins_take_no_place_of_steps(tmp_path: Path) -> None:
    templates = """    - name: main
      steps:
        - [{name: ask, template: ask}]
        - [{name: say, template: say}, {name: more, template: ask}]
    - {name: ask, plugin: {demo: {do: it}}}
    - {name: say, container: {image: none, command: [echo, hello]}}
"""
    with Dev(tmp_path, NOTHING, "--max-running", "1") as dev:
        dev.ok("submit", "-", stdin=workflow("wf", plugin(free_port()), templates))
        dev.ok("wait", "wf", "--timeout", "60s")
