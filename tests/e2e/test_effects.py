"""Templates that are calls and no processes: http, resource, plugin, data."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import wait_for
from support.dev import Dev
from support.http_sink import Answer, HttpSink, Request, http_sink
from support.minio_server import ACCESS_KEY, SECRET_KEY, MinioServer

SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: api}
stringData: {token: the-token}
"""


def workflow(name: str, templates: str, entrypoint: str = "main") -> str:
    return f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: {name}}}
spec:
  entrypoint: {entrypoint}
  templates:
{templates}
"""


def call(name: str, url: str, more: str = "") -> str:
    return workflow(name, f"    - name: main\n      http: {{url: '{url}'{more}}}")


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Dev]:
    with Dev(tmp_path, SECRET) as dev:
        yield dev


def run(dev: Dev, text: str, name: str) -> dict:
    dev.ok("submit", "-", stdin=text)
    dev.run("wait", name)
    return json.loads(dev.ok("get", name, "-o", "json"))


def only(result: dict) -> dict:
    """The one node of a workflow with one step, or the last one."""
    nodes = result["status"]["nodes"]
    return nodes[result["metadata"]["name"]]


# ---- http ----


def test_a_request_goes_out_as_written_and_its_answer_is_the_result(dev: Dev, sink: HttpSink) -> None:
    sink.answer = Answer(201, b'{"id": 7}')
    text = workflow(
        "poster",
        f"""
    - name: main
      steps:
        - - {{name: post, template: post}}
        - - {{name: use, template: use, arguments: {{parameters: [{{name: body, value: "{{{{steps.post.outputs.result}}}}"}}]}}}}
    - name: post
      http:
        url: {sink.url}/items?x=1
        method: POST
        timeoutSeconds: 5
        headers:
          - {{name: Content-Type, value: application/json}}
          - {{name: Authorization, valueFrom: {{secretKeyRef: {{name: api, key: token}}}}}}
        body: '{{"name": "{{{{workflow.name}}}}"}}'
    - name: use
      inputs: {{parameters: [{{name: body}}]}}
      container: {{image: none, command: [sh, -c, 'test "$0" = "{{\\"id\\": 7}}"', "{{{{inputs.parameters.body}}}}"]}}
""",
    )
    result = run(dev, text, "poster")
    assert result["status"]["phase"] == "Succeeded", result["status"]
    [got] = sink.requests
    assert (got.method, got.path) == ("POST", "/items?x=1")
    assert got.json() == {"name": "poster"}
    assert got.headers["authorization"] == "the-token"
    node = next(n for n in result["status"]["nodes"].values() if n["displayName"] == "post")
    assert got.headers["idempotency-key"] == f"{result['metadata']['uid']}/{node['id']}"
    assert node["type"] == "HTTP" and node["outputs"] == {"result": '{"id": 7}'}
    assert "the-token" not in json.dumps(result)


@pytest.mark.parametrize(
    "answer, more, phase, message",
    [
        (Answer(500), "", "Failed", "received non-2xx response code: 500"),
        (Answer(404, b"no"), ", successCondition: 'response.statusCode == 404'", "Succeeded", ""),
        (
            Answer(200, b"wait"),
            ", successCondition: 'response.body contains \"done\"'",
            "Failed",
            "successCondition 'response.body contains \"done\"' evaluated false",
        ),
        (
            Answer(200, b"{}", {"X-State": "ready"}),
            ", successCondition: 'response.headers[\"X-State\"][0] == \"ready\" && request.url endsWith \"/x\"'",
            "Succeeded",
            "",
        ),
        (Answer(200), ", successCondition: 'response.nothing.at.all'", "Error", "successCondition"),
        (Answer(delay=20), ", timeoutSeconds: 1", "Error", "imeout"),
        (Answer(hang_up=True), "", "Error", "GET http://127.0.0.1"),
        (Answer(200, b"x" * 1_100_000), "", "Error", "the answer is larger than"),
    ],
)
def test_answers_of_every_kind_become_phases(
    dev: Dev, sink: HttpSink, answer: Answer, more: str, phase: str, message: str
) -> None:
    sink.answer = answer
    result = run(dev, call("one", f"{sink.url}/x", more), "one")
    assert only(result)["phase"] == phase
    assert message in only(result).get("message", "")
    if phase != "Succeeded":
        assert "outputs" not in only(result)


def test_redirects_are_followed_and_credentials_stay_with_their_host(dev: Dev, sink: HttpSink) -> None:
    with http_sink() as other:
        sink.answer = lambda request: Answer(302, headers={"Location": f"{other.url}/end"})
        text = call(
            "moved",
            f"{sink.url}/start",
            ", method: POST, body: b, headers: [{name: Authorization, value: secret}, {name: X-Own, value: o}]",
        )
        assert only(run(dev, text, "moved"))["phase"] == "Succeeded"
        [got] = other.requests
        assert (got.method, got.path, got.body) == ("GET", "/end", b"")
        assert "authorization" not in got.headers and got.headers["x-own"] == "o"
        sink.answer = lambda request: Answer(307, headers={"Location": "/again"})
        node = only(run(dev, call("loop", f"{sink.url}/x"), "loop"))
        assert node["phase"] == "Error" and "stopped after 10 redirects" in node["message"]


def test_a_slow_call_holds_up_nobody_and_ends_when_the_workflow_is_stopped(dev: Dev, sink: HttpSink) -> None:
    sink.answer = Answer(delay=60)
    dev.ok("submit", "-", stdin=call("slow", f"{sink.url}/x", ", timeoutSeconds: 100"))
    wait_for(lambda: sink.requests, 10, "the request is there")
    assert only(run(dev, workflow("quick", "    - name: main\n      container: {image: none, command: ['true']}"), "quick"))["phase"] == "Succeeded"
    dev.ok("terminate", "slow")
    dev.run("wait", "slow")
    assert only(json.loads(dev.ok("get", "slow", "-o", "json")))["phase"] == "Failed"


def test_a_call_that_ran_when_the_controller_died_is_made_again_under_the_same_key(dev: Dev, sink: HttpSink) -> None:
    sink.answer = Answer(delay=60)
    dev.ok("submit", "-", stdin=call("again", f"{sink.url}/x", ", timeoutSeconds: 100"))
    wait_for(lambda: sink.requests, 10, "the request is there")
    wait_for(lambda: only(json.loads(dev.ok("get", "again", "-o", "json")))["phase"] == "Running", 10, "it is recorded")
    dev.proc.kill9()
    sink.answer = Answer(200, b"second")
    dev.proc.start()
    dev.wait_ready()
    dev.run("wait", "again")
    node = only(json.loads(dev.ok("get", "again", "-o", "json")))
    assert node["phase"] == "Succeeded" and node["outputs"]["result"] == "second"
    assert len({r.headers["idempotency-key"] for r in sink.requests}) == 1


# ---- resource ----

MAKE = """
    - name: main
      resource:
        action: ACTION
        MORE
        manifest: |
          apiVersion: v1
          kind: ConfigMap
          metadata: METADATA
          data: {state: STATE, list: '[1]'}
      outputs:
        parameters:
          - {name: name, valueFrom: {jsonPath: "{.metadata.name}"}}
          - {name: state, valueFrom: {jsonPath: "{.data.state}"}}
          - {name: none, valueFrom: {jsonPath: "{.data.nothing}", default: d}}
"""


def make(action: str, state: str, metadata: str = "{name: made}", more: str = "flags: []") -> str:
    text = MAKE.replace("ACTION", action).replace("STATE", state).replace("METADATA", metadata)
    return text.replace("MORE", more)


def parameters(node: dict) -> dict:
    return {p["name"]: p["value"] for p in node["outputs"]["parameters"]}


def test_resources_are_created_read_changed_and_deleted(dev: Dev) -> None:
    node = only(run(dev, workflow("create", make("create", "new")), "create"))
    assert node["phase"] == "Succeeded", node
    assert parameters(node) == {"name": "made", "state": "new", "none": ""}
    assert node["outputs"]["exitCode"] == "0"
    again = only(run(dev, workflow("again", make("create", "new")), "again"))
    assert again["phase"] == "Failed"
    assert again["message"] == (
        "main: Error (exit code 64): create ConfigMap default/made: it exists already"
    )
    assert parameters(only(run(dev, workflow("get", make("get", "any")), "get")))["state"] == "new"
    assert parameters(only(run(dev, workflow("apply", make("apply", "two")), "apply")))["state"] == "two"
    merge = make("patch", "three", more="mergeStrategy: merge")
    assert parameters(only(run(dev, workflow("patch", merge), "patch")))["state"] == "three"
    assert parameters(only(run(dev, workflow("replace", make("replace", "four")), "replace")))["state"] == "four"
    node = only(run(dev, workflow("delete", make("delete", "x")), "delete"))
    assert node["phase"] == "Succeeded"
    assert "made" not in dev.ok("list", "configmap")
    assert only(run(dev, workflow("gone", make("get", "x")), "gone"))["phase"] == "Failed"


def test_a_generated_name_is_an_output_and_flags_may_name_the_object(dev: Dev) -> None:
    node = only(run(dev, workflow("gen", make("create", "s", "{generateName: gen-}")), "gen"))
    name = parameters(node)["name"]
    assert name.startswith("gen-") and len(name) > 8
    text = f"    - name: main\n      resource: {{action: get, flags: [configmap/{name}]}}\n"
    assert only(run(dev, workflow("byflag", text), "byflag"))["phase"] == "Succeeded"
    text = "    - name: main\n      resource: {action: get, flags: [cm/x, --server-side]}\n"
    node = only(run(dev, workflow("badflag", text), "badflag"))
    assert "not supported yet: resource.flags --server-side" in node["message"]


def test_conditions_are_waited_for_without_polling(dev: Dev) -> None:
    waits = make(
        "create", "begun", more='successCondition: "data.state == done"\n        failureCondition: data.state in (broken, lost)'
    )
    for name, state, phase in (("good", "done", "Succeeded"), ("bad", "lost", "Failed")):
        dev.ok("submit", "-", stdin=workflow(name, waits.replace("{name: made}", f"{{name: {name}}}")))
        wait_for(lambda: name in dev.ok("list", "configmap"), 10, "it was made")
        change = f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}, data: {{state: {state}}}}}"
        dev.ok("apply", "-f", "-", stdin=change)
        dev.run("wait", name)
        node = only(json.loads(dev.ok("get", name, "-o", "json")))
        assert node["phase"] == phase, node
        if phase == "Failed":
            assert "failure condition 'data.state in (broken, lost)' evaluated true" in node["message"]
        else:
            assert parameters(node)["state"] == "done"


def test_a_workflow_may_make_another_and_wait_for_its_end(dev: Dev) -> None:
    text = workflow(
        "outer",
        """
    - name: main
      resource:
        action: create
        setOwnerReference: true
        successCondition: status.phase == Succeeded
        failureCondition: status.phase in (Failed, Error)
        manifest: |
          apiVersion: argoproj.io/v1alpha1
          kind: Workflow
          metadata: {generateName: inner-}
          spec:
            entrypoint: main
            templates: [{name: main, container: {image: none, command: ['true']}}]
      outputs: {parameters: [{name: phase, valueFrom: {jsonPath: "{.status.phase}"}}]}
""",
    )
    result = run(dev, text, "outer")
    assert parameters(only(result)) == {"phase": "Succeeded"}
    [inner] = [w for w in dev.workflows() if w["metadata"]["name"].startswith("inner-")]
    assert inner["metadata"]["ownerReferences"][0]["uid"] == result["metadata"]["uid"]


def test_a_manifest_may_be_an_artifact(dev: Dev) -> None:
    text = """
    - name: main
      inputs:
        artifacts:
          - name: m
            path: /tmp/m
            raw: {data: "{apiVersion: v1, kind: ConfigMap, metadata: {name: raw}}"}
      resource: {action: create, manifestFrom: {artifact: {name: m}}}
"""
    assert only(run(dev, workflow("raw", text), "raw"))["phase"] == "Succeeded"
    assert "raw" in dev.ok("list", "configmap")


# ---- plugin ----


def plugin_config(*sinks: tuple[str, str]) -> str:
    entries = "".join(f"\n  - {{name: {name}, address: '{url}', tokenSecret: {{name: api, key: token}}}}" for name, url in sinks)
    return f"executorPlugins:{entries}\n"


PLUGIN = workflow("plug", "    - name: main\n      plugin: {hello: {who: world}}\n")


def test_a_plugin_answers_by_its_protocol_and_may_ask_to_be_asked_again(tmp_path: Path, sink: HttpSink) -> None:
    sink.script = [
        Answer(200, b'{"node": {"phase": "Running", "message": "begun"}, "requeue": "50ms"}'),
        Answer(
            200,
            b'{"node": {"phase": "Succeeded", "message": "Hello", "outputs": {"parameters": [{"name": "p", "value": "v"}]}}}',
        ),
    ]
    with http_sink() as other:
        other.answer = Answer(404)
        config = tmp_path / "config.yaml"
        config.write_text(plugin_config(("other", other.url), ("hello", sink.url)))
        with Dev(tmp_path, SECRET, "--config", str(config)) as dev:
            result = run(dev, PLUGIN, "plug")
        assert not other.requests  # the one of the name is asked first
    node = only(result)
    assert (node["type"], node["phase"], node["message"]) == ("Plugin", "Succeeded", "Hello")
    assert parameters(node) == {"p": "v"}
    first = sink.requests[0]
    assert first.path == "/api/v1/template.execute" and first.headers["authorization"] == "Bearer the-token"
    assert first.json()["workflow"]["metadata"]["name"] == "plug"
    assert first.json()["template"]["plugin"] == {"hello": {"who": "world"}}
    assert len(sink.requests) == 2


def test_an_unknown_plugin_is_named_with_those_that_are_there(tmp_path: Path, sink: HttpSink) -> None:
    sink.answer = Answer(404)
    config = tmp_path / "config.yaml"
    config.write_text(plugin_config(("other", sink.url)))
    with Dev(tmp_path, SECRET, "--config", str(config)) as dev:
        node = only(run(dev, PLUGIN, "plug"))
    assert node["phase"] == "Error"
    assert node["message"] == 'no executor plugin knows "hello"; configured (executorPlugins): other'


# ---- data ----


def test_a_data_template_lists_and_transforms_what_is_stored(dev: Dev, minio: MinioServer, bucket: str) -> None:
    dev.ok(
        "apply",
        "-f",
        "-",
        stdin=f"{{apiVersion: v1, kind: Secret, metadata: {{name: keys}}, stringData: {{a: {ACCESS_KEY}, s: {SECRET_KEY}}}}}",
    )
    s3 = (
        f"endpoint: '{minio.endpoint}', bucket: {bucket}, insecure: true, "
        "accessKeySecret: {name: keys, key: a}, secretKeySecret: {name: keys, key: s}"
    )
    text = workflow(
        "list",
        f"""
    - name: main
      steps:
        - - {{name: make, template: make, withItems: [a.txt, b.log, c.txt], arguments: {{parameters: [{{name: file, value: "{{{{item}}}}"}}]}}}}
        - - {{name: list, template: list}}
        - - {{name: each, template: each, withParam: "{{{{steps.list.outputs.result}}}}", arguments: {{artifacts: [{{name: f, s3: {{{s3}, key: "{{{{item}}}}"}}}}]}}}}
    - name: make
      inputs: {{parameters: [{{name: file}}]}}
      container: {{image: none, command: [sh, -c, 'echo "$0" > /tmp/out', "{{{{inputs.parameters.file}}}}"]}}
      outputs: {{artifacts: [{{name: f, path: /tmp/out, archive: {{none: {{}}}}, s3: {{{s3}, key: "in/{{{{inputs.parameters.file}}}}"}}}}]}}
    - name: list
      data:
        source: {{artifactPaths: {{name: all, s3: {{{s3}, key: in}}}}}}
        transformation: [{{expression: 'filter(data, {{# endsWith ".txt"}})'}}, {{expression: 'map(data, {{# + ""}})'}}]
    - name: each
      inputs: {{artifacts: [{{name: f, path: /tmp/in}}]}}
      container: {{image: none, command: [grep, txt, /tmp/in]}}
""",
    )
    result = run(dev, text, "list")
    assert result["status"]["phase"] == "Succeeded", json.dumps(result["status"], indent=1)[:3000]
    node = next(n for n in result["status"]["nodes"].values() if n["displayName"] == "list" and n["type"] == "Pod")
    assert json.loads(node["outputs"]["result"]) == ["in/a.txt", "in/c.txt"]
    names = [n["displayName"] for n in result["status"]["nodes"].values()]
    assert {"each(0:in/a.txt)", "each(1:in/c.txt)"} <= set(names)


def test_a_data_template_lists_the_folder_store_too(dev: Dev) -> None:
    text = workflow(
        "list",
        """
    - name: main
      steps:
        - - {name: make, template: make}
        - - {name: list, template: list}
        - - {name: use, template: use, arguments: {parameters: [{name: keys, value: "{{steps.list.outputs.result}}"}]}}
    - name: make
      container: {image: none, command: [sh, -c, 'mkdir -p /tmp/d/sub; touch /tmp/d/a /tmp/d/sub/b']}
      outputs: {artifacts: [{name: d, path: /tmp/d, archive: {none: {}}, folder: {key: my/d}}]}
    - name: list
      data: {source: {artifactPaths: {name: d, folder: {key: my}}}, transformation: [{expression: 'map(data, {# + "!"})'}]}
    - name: use
      inputs: {parameters: [{name: keys}]}
      container: {image: none, command: ['true']}
""",
    )
    result = run(dev, text, "list")
    assert result["status"]["phase"] == "Succeeded", result["status"]
    use = next(n for n in result["status"]["nodes"].values() if n["displayName"] == "use")
    assert json.loads(use["inputs"]["parameters"][0]["value"]) == ["my/d/a!", "my/d/sub/b!"]


LISTED = """
    - name: main
      steps:
        - - {name: make, template: make}
        - - {name: list, template: list}
        - - name: use
            template: use
            arguments:
              parameters: [{name: keys, value: "{{steps.list.outputs.parameters.keys}}"}]
              artifacts:
                - {name: plain, from: "{{steps.list.outputs.artifacts.plain}}"}
                - {name: packed, from: "{{steps.list.outputs.artifacts.packed}}"}
                - {name: zipped, from: "{{steps.list.outputs.artifacts.zipped}}"}
    - name: make
      container: {image: none, command: [sh, -c, 'mkdir -p /tmp/d/sub; touch /tmp/d/a /tmp/d/sub/b']}
      outputs: {artifacts: [{name: d, path: /tmp/d, archive: {none: {}}, folder: {key: my/d}}]}
    - name: list
      data: {source: {artifactPaths: {name: d, folder: {key: my}}}, transformation: [{expression: 'map(data, {# + "!"})'}]}
      outputs:
        parameters: [{name: keys, valueFrom: {path: /any/where}}]
        artifacts:
          - {name: plain, path: /tmp/list.json}
          - {name: packed, path: /tmp/list.json, ARCHIVE}
          - {name: zipped, path: /tmp/list.json, archive: {zip: {}}}
    - name: use
      inputs:
        parameters: [{name: keys}]
        artifacts: [{name: plain, path: /in/plain}, {name: packed, path: /in/packed}, {name: zipped, path: /in/zipped}]
      script:
        image: none
        command: [sh, -e]
        source: |
          for f in plain packed zipped; do [ "$(cat /in/$f)" = '{{inputs.parameters.keys}}' ]; done
"""


def test_what_a_data_template_finds_is_the_content_of_its_outputs(dev: Dev) -> None:
    result = run(dev, workflow("list", LISTED.replace("ARCHIVE", "archive: {tar: {}}")), "list")
    assert result["status"]["phase"] == "Succeeded", result["status"]
    node = next(n for n in result["status"]["nodes"].values() if n["displayName"] == "list" and n["type"] == "Pod")
    keys = {a["name"]: a["folder"]["key"] for a in node["outputs"]["artifacts"]}
    assert [k.rsplit("/", 2 if n == "plain" else 1)[-1] for n, k in keys.items()] == ["list.json", "packed.tgz", "zipped.zip"]
    assert (dev.data / "artifacts" / keys["plain"]).read_text() == '["my/d/a!","my/d/sub/b!"]'
    assert not list((dev.data / "artifacts" / ".transfer").glob("*/*/data"))


def test_artifacts_of_a_data_template_go_to_the_repository(tmp_path: Path, minio: MinioServer, bucket: str) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"""
artifactRepository:
  s3:
    endpoint: '{minio.endpoint}'
    bucket: {bucket}
    insecure: true
    accessKeySecret: {{name: keys, key: a}}
    secretKeySecret: {{name: keys, key: s}}
""")
    keys = f"{{apiVersion: v1, kind: Secret, metadata: {{name: keys}}, stringData: {{a: {ACCESS_KEY}, s: {SECRET_KEY}}}}}"
    with Dev(tmp_path, keys, "--config", str(config)) as dev:
        result = run(dev, workflow("list", LISTED.replace("ARCHIVE", "archive: {none: {}}")), "list")
    assert result["status"]["phase"] == "Succeeded", result["status"]
    node = next(n for n in result["status"]["nodes"].values() if n["displayName"] == "list" and n["type"] == "Pod")
    stored = {a["name"]: a["s3"]["key"] for a in node["outputs"]["artifacts"]}
    assert stored["plain"].endswith("/plain.tgz") and stored["packed"].endswith("/list.json")


def test_a_list_that_is_too_long_for_a_parameter_is_fine_as_an_artifact(dev: Dev) -> None:
    text = """
    - name: main
      steps:
        - - {name: make, template: make}
        - - {name: list, template: LIST}
    - name: make
      container: {image: none, command: [sh, -c, 'touch /tmp/d']}
      outputs: {artifacts: [{name: d, path: /tmp/d, archive: {none: {}}, folder: {key: my/d}}]}
    - name: long
      data: &long
        source: {artifactPaths: {name: d, folder: {key: my}}}
        transformation: [{expression: 'map(1..60000, {data[0] + string(#)})'}]
      outputs: {artifacts: [{name: all, path: /tmp/all.json}]}
    - name: too-long
      data: *long
      outputs: {parameters: [{name: all, valueFrom: {path: /tmp/all.json}}]}
"""
    result = run(dev, workflow("long", text.replace("LIST", "long")), "long")
    assert result["status"]["phase"] == "Succeeded", result["status"]
    result = run(dev, workflow("too", text.replace("LIST", "too-long")), "too")
    node = next(n for n in result["status"]["nodes"].values() if n["displayName"] == "list" and n["type"] == "Pod")
    assert node["phase"] == "Failed"
    assert "the result is larger than 262144 bytes; as an artifact it may be" in node["message"]


def test_an_artifact_of_a_data_template_that_cannot_be_kept_fails_it(dev: Dev) -> None:
    text = LISTED.replace("ARCHIVE", "http: {url: 'http://127.0.0.1:1/x'}")
    result = run(dev, workflow("lost", text), "lost")
    node = next(n for n in result["status"]["nodes"].values() if n["displayName"] == "list" and n["type"] == "Pod")
    assert node["phase"] == "Failed"
    assert node["message"].startswith('main: Error (exit code 64): failed to save output artifact "packed": ')


# ---- addresses ----


def test_private_addresses_are_out_of_reach_when_the_configuration_says_so(tmp_path: Path, sink: HttpSink) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("denyPrivateAddresses: true\n")
    fetch = f"""
    - name: main
      inputs: {{artifacts: [{{name: a, path: /tmp/a, http: {{url: '{sink.url}/a'}}}}]}}
      container: {{image: none, command: ['true']}}
"""
    with Dev(tmp_path, SECRET, "--config", str(config)) as dev:
        for name, text in (("call", call("call", f"{sink.url}/x")), ("fetch", workflow("fetch", fetch))):
            node = only(run(dev, text, name))
            assert node["phase"] == "Error"
            assert "connections to loopback addresses are not allowed here" in node["message"]
    assert not sink.requests


def test_a_loop_of_calls_asks_some_at_a_time_and_the_rest_wait_their_turn(dev: Dev, sink: HttpSink) -> None:
    lock, now, most = threading.Lock(), [0], [0]
    release = threading.Event()

    def count(request: Request) -> Answer:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        release.wait(20)
        with lock:
            now[0] -= 1
        return Answer(200)

    sink.answer = count
    text = workflow(
        "many",
        f"""
    - name: main
      steps: [[{{name: call, template: call, withSequence: {{count: "150"}}}}]]
    - {{name: call, http: {{url: '{sink.url}/x'}}}}
""",
    )
    dev.ok("submit", "-", stdin=text)
    wait_for(lambda: now[0] == 64, 20, "as many as may be at once")
    release.set()
    dev.run("wait", "many")
    nodes = json.loads(dev.ok("get", "many", "-o", "json"))["status"]["nodes"]
    assert sum(n["type"] == "HTTP" and n["phase"] == "Succeeded" for n in nodes.values()) == 150
    assert most[0] == 64 and len(sink.requests) == 150
