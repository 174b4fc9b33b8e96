"""What runs inside a pod, with real workflows on `tiphys dev`: several containers, daemons, volumes, images."""

import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from support import need, wait_for
from support.dev import Dev

NOTHING = "{apiVersion: v1, kind: ConfigMap, metadata: {name: nothing}}"
OBJECTS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: green, size: "7"}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {token: s3cret}
"""


@pytest.fixture
def dev(tmp_path):
    with Dev(tmp_path, OBJECTS) as running:
        yield running


def run(dev, name: str, templates: str, spec: str = "", want: str = "Succeeded") -> dict:
    """One workflow to its end; its object."""
    file = dev.data.parent / f"{name}.yaml"
    file.write_text(
        f"apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {{name: {name}}}\n"
        f"spec:\n  entrypoint: main\n{spec}\n  templates:\n{templates}"
    )
    done = dev.run("submit", "--wait", str(file))
    shown = dev.run("get", name, "-o", "json")
    workflow = json.loads(shown.stdout) if shown.returncode == 0 else {}
    phase = workflow.get("status", {}).get("phase")
    assert phase == want, f"{phase}: {done.stdout}{done.stderr}{dev.run('logs', name).stdout}"
    return workflow


def node(workflow: dict, display: str) -> dict:
    return next(n for n in workflow["status"]["nodes"].values() if n["displayName"] == display)


def test_a_sidecar_serves_main_on_the_loopback_and_goes_with_it(dev):
    run(dev, "sidecar", """
    - name: main
      container:
        image: none
        command: [python3, -c, 'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1:8431").status)']
      sidecars:
        - name: web
          image: none
          command: [python3, -m, http.server, "8431", --bind, 127.0.0.1]
          readinessProbe: {tcpSocket: {port: 8431}, periodSeconds: 1}
""")
    assert "200" in dev.ok("logs", "sidecar")


def test_each_container_of_a_set_has_a_node_with_its_own_end(dev):
    workflow = run(dev, "graph", """
    - name: main
      volumes: [{name: w, emptyDir: {}}]
      containerSet:
        volumeMounts: [{name: w, mountPath: /w}]
        containers:
          - {name: a, image: none, command: [sh, -c, 'echo one > /w/a']}
          - {name: b, image: none, command: [sh, -c, 'exit 3'], dependencies: [a]}
          - {name: main, image: none, command: [cat, /w/a], dependencies: [a]}
          - {name: last, image: none, command: ["true"], dependencies: [b, main]}
""", want="Failed")
    assert node(workflow, "graph")["message"] == "b: Error (exit code 3)"
    assert {n: node(workflow, n)["phase"] for n in ("a", "b", "main", "last")} == {
        "a": "Succeeded", "b": "Failed", "main": "Succeeded", "last": "Error"}


def test_two_daemons_on_one_port_are_reached_by_their_addresses(dev):
    if os.geteuid() != 0:
        pytest.skip("a private network needs root")
    workflow = run(dev, "daemons", """
    - name: main
      steps:
        - - {name: one, template: server, arguments: {parameters: [{name: word, value: eins}]}}
          - {name: two, template: server, arguments: {parameters: [{name: word, value: zwei}]}}
        - - name: ask
            template: client
            arguments: {parameters: [{name: a, value: "{{steps.one.ip}}"}, {name: b, value: "{{steps.two.ip}}"}]}
    - name: server
      daemon: true
      metadata: {annotations: {tiphys.io/network: private}}
      inputs: {parameters: [{name: word}]}
      script:
        image: none
        command: [python3]
        source: |
          from http.server import *
          class H(BaseHTTPRequestHandler):
              def do_GET(s):
                  s.send_response(200); s.end_headers(); s.wfile.write(b"{{inputs.parameters.word}}")
          HTTPServer(("", 80), H).serve_forever()
        readinessProbe: {httpGet: {port: 80}, periodSeconds: 1}
    - name: client
      inputs: {parameters: [{name: a}, {name: b}]}
      container:
        image: none
        command: [python3, -c, 'import sys, urllib.request as u; print("-".join(u.urlopen("http://" + a).read().decode() for a in sys.argv[1:]))']
        args: ["{{inputs.parameters.a}}", "{{inputs.parameters.b}}"]
""")
    assert "eins-zwei" in dev.ok("logs", "daemons")
    assert node(workflow, "one")["phase"] == "Succeeded"


def test_a_daemon_is_ended_when_its_steps_are_over(dev, tmp_path):
    run(dev, "short", f"""
    - name: main
      steps: [[{{name: d, template: daemon}}], [{{name: use, template: use}}]]
    - name: daemon
      daemon: true
      container:
        image: none
        command: [sh, -c, 'trap "touch /out/gone; exit 0" TERM; touch /out/up; while :; do sleep 0.1; done']
        readinessProbe: {{exec: {{command: [test, -e, /out/up]}}, periodSeconds: 1}}
        volumeMounts: [{{name: out, mountPath: /out}}]
    - name: use
      container: {{image: none, command: [test, -e, /out/up], volumeMounts: [{{name: out, mountPath: /out}}]}}
""", f"  volumes: [{{name: out, hostPath: {{path: {tmp_path}}}}}]")
    wait_for(lambda: (tmp_path / "gone").exists(), 20, "the daemon was told to go")


def test_volumes_of_config_maps_secrets_and_claims_are_files(dev):
    run(dev, "files", """
    - name: main
      steps: [[{name: write, template: write}], [{name: read, template: read}]]
    - name: write
      container:
        image: none
        command: [sh, -ec, 'cat /c/colour /s/token > /d/both']
        volumeMounts: [{name: c, mountPath: /c}, {name: s, mountPath: /s}, {name: d, mountPath: /d}]
    - name: read
      container:
        image: none
        command: [sh, -ec, 'echo; cat /d/both; echo " $CFG_colour $TOKEN"']
        envFrom: [{prefix: CFG_, configMapRef: {name: settings}}]
        env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: keys, key: token}}}]
        volumeMounts: [{name: d, mountPath: /d}]
""", """  volumes: [{name: c, configMap: {name: settings}}, {name: s, secret: {secretName: keys}}]
  volumeClaimTemplates:
    - metadata: {name: d}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}""")
    assert "greens3cret green s3cret" in dev.ok("logs", "files")
    wait_for(lambda: not (dev.data / "volumes/default/files-d").exists(), 20, "the claim was removed with its workflow")


def test_a_claim_stays_when_the_workflow_failed_and_goes_when_it_is_deleted(dev):
    workflow = run(dev, "kept", """
    - name: main
      container: {image: none, command: [sh, -c, 'echo x > /d/x; exit 1'], volumeMounts: [{name: d, mountPath: /d}]}
""", """  volumeClaimTemplates:
    - metadata: {name: d}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}""", want="Failed")
    claim = dev.data / "volumes/default/kept-d"
    assert (claim / "x").read_text() == "x\n"
    assert workflow["status"]["persistentVolumeClaims"][0]["persistentVolumeClaim"] == {"claimName": "kept-d"}
    dev.ok("delete", "kept")
    wait_for(lambda: not claim.exists(), 20, "the claim went with its workflow")


@pytest.mark.parametrize("output, words", [
    ("/dev/zero", "is a device, not a file"),
    ("/proc/1/environ", "Permission denied"),
    ("/tmp/folder", "is a folder, not a file"),
    ("/tmp/big", "larger than"),
    ("/tmp/../../nothing", "No such file"),
])
def test_an_output_parameter_that_is_no_good_file_is_named(dev, output, words):
    workflow = run(dev, "bad", f"""
    - name: main
      outputs: {{parameters: [{{name: p, valueFrom: {{path: {output}}}}}]}}
      container: {{image: none, command: [sh, -c, 'mkdir /tmp/folder; head -c 3000000 /dev/zero > /tmp/big; echo']}}
""", want="Error")
    message = node(workflow, "bad")["message"]
    assert 'output parameter "p"' in message and words in message, message


def test_bytes_that_are_no_text_become_replacement_characters(dev):
    workflow = run(dev, "binary", r"""
    - name: main
      outputs: {parameters: [{name: p, valueFrom: {path: /tmp/p}}]}
      container: {image: none, command: [sh, -c, 'printf "a\377b" > /tmp/p']}
""")
    assert node(workflow, "binary")["outputs"]["parameters"][0]["value"] == "a\ufffdb"


def test_pods_of_several_containers_outlive_a_killed_controller(dev, tmp_path):
    file = tmp_path / "outlive.yaml"
    file.write_text(f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: outlive}}
spec:
  entrypoint: main
  volumes: [{{name: out, hostPath: {{path: {tmp_path}}}}}]
  templates:
    - name: main
      steps: [[{{name: d, template: daemon}}], [{{name: with-sidecar, template: pair}}, {{name: set, template: set}}]]
    - name: daemon
      daemon: true
      container: {{image: none, command: [sleep, "1000"]}}
    - name: pair
      container:
        image: none
        command: [sh, -c, 'echo x >> /out/ran; while ! test -e /out/go; do sleep 0.1; done']
        volumeMounts: [{{name: out, mountPath: /out}}]
      sidecars: [{{name: s, image: none, command: [sleep, "1000"]}}]
    - name: set
      containerSet:
        volumeMounts: [{{name: out, mountPath: /out}}]
        containers:
          - {{name: a, image: none, command: [sh, -c, 'echo a >> /out/ran; while ! test -e /out/go; do sleep 0.1; done']}}
          - {{name: main, image: none, dependencies: [a], command: [sh, -c, 'echo main >> /out/ran']}}
""")
    dev.ok("submit", str(file))
    ran = tmp_path / "ran"
    wait_for(lambda: ran.exists() and len(ran.read_text().split()) == 2, 30, "both pods run")
    dev.proc.kill9()
    dev.proc.restart()
    dev.wait_ready()
    (tmp_path / "go").touch()
    done = dev.run("wait", "outlive", "--timeout", "60s")
    assert done.returncode == 0, done.stdout + done.stderr + dev.run("get", "outlive").stdout
    assert sorted(ran.read_text().split()) == ["a", "main", "x"]
    workflow = json.loads(dev.ok("get", "outlive", "-o", "json"))
    assert {n: node(workflow, n)["phase"] for n in ("d", "with-sidecar", "a", "main")} == dict.fromkeys(
        ("d", "with-sidecar", "a", "main"), "Succeeded")


# ---- images ----


@pytest.fixture
def rootfs(tmp_path) -> Path:
    """A root file system of one static program."""
    need("busybox")
    root = tmp_path / "rootfs"
    (root / "bin").mkdir(parents=True)
    (root / "etc").mkdir()
    (root / "bin/busybox").write_bytes(Path("/bin/busybox").read_bytes())
    (root / "bin/busybox").chmod(0o755)
    for name in ("sh", "id", "cat", "ls"):
        (root / "bin" / name).symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\napp:x:1500:1600::/home/app:/bin/sh\n")
    (root / "etc/whoami").write_text("first\n")
    return root


SHOW = """
    - name: main
      container: {image: "IMAGE"}
"""


def test_an_oci_image_made_by_umoci_runs_as_its_configuration_says(dev, rootfs, tmp_path):
    need("umoci")
    layout, bundle = tmp_path / "app", tmp_path / "bundle"

    def umoci(*words):
        subprocess.run(["umoci", *map(str, words)], check=True, capture_output=True)

    umoci("init", "--layout", layout)
    umoci("new", "--image", f"{layout}:one")
    umoci("unpack", *([] if os.geteuid() == 0 else ["--rootless"]), "--image", f"{layout}:one", bundle)
    subprocess.run(["cp", "-a", f"{rootfs}/.", bundle / "rootfs"], check=True)
    umoci("repack", "--image", f"{layout}:one", bundle)
    umoci("config", "--image", f"{layout}:one", "--config.entrypoint", "/bin/sh", "--config.entrypoint", "-c",
          "--config.cmd", 'id -un; echo "$GREETING"; cat /etc/whoami; ls /bin/ls /etc/gone', "--config.env", "GREETING=hello",
          "--config.user", "app", "--config.workingdir", "/etc")
    second = tmp_path / "second"
    umoci("unpack", *([] if os.geteuid() == 0 else ["--rootless"]), "--image", f"{layout}:one", second)
    (second / "rootfs/etc/whoami").write_text("second\n")
    (second / "rootfs/bin/id").unlink()
    umoci("repack", "--image", f"{layout}:two", second)

    assert dev.ok("image", "load", str(layout)).split() == ["docker.io/library/app:one", "docker.io/library/app:two"]
    run(dev, "first", SHOW.replace("IMAGE", "app:one"), want="Failed")  # ls /etc/gone
    log = dev.ok("logs", "first")
    assert "app\n" in log and "hello" in log and "first" in log and "/bin/ls" in log
    run(dev, "other", """
    - name: main
      container: {image: "app:two", args: ['cat /etc/whoami; test ! -e /bin/id && echo without']}
""")
    log = dev.ok("logs", "other")
    assert "second" in log and "without" in log
    layers = json.loads(dev.ok("image", "list", "-o", "json"))
    assert layers[0]["layers"][0] == layers[1]["layers"][0]


def test_a_docker_archive_is_loaded_and_removed(dev, rootfs, tmp_path):
    import hashlib

    layer = tmp_path / "layer.tar"
    with tarfile.open(layer, "w") as tar:
        tar.add(rootfs, arcname=".")
    diff = hashlib.sha256(layer.read_bytes()).hexdigest()
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"os": "linux", "config": {"Cmd": ["/bin/cat", "/etc/whoami"]},
                                  "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff}"]}}))
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps([{"Config": "config.json", "RepoTags": ["me/app:1"], "Layers": ["layer.tar"]}]))
    archive = tmp_path / "image.tar"
    with tarfile.open(archive, "w") as tar:
        for file in (manifest, config, layer):
            tar.add(file, arcname=file.name)
    assert dev.ok("image", "load", str(archive)).strip() == "docker.io/me/app:1"
    run(dev, "docker", SHOW.replace("IMAGE", "docker.io/me/app:1"))
    assert "first" in dev.ok("logs", "docker")
    dev.ok("image", "remove", "me/app:1")
    assert dev.ok("image", "list", "-o", "name") == ""
    assert dev.run("image", "remove", "me/app:1").returncode == 3


def test_a_folder_is_an_image_where_it_is(dev, rootfs):
    done = dev.run("image", "load", str(rootfs))
    assert done.returncode == 2 and "--name" in done.stderr
    dev.ok("image", "load", str(rootfs), "--name", "tools")
    run(dev, "folder", """
    - name: main
      container: {image: tools, command: [cat, /etc/whoami]}
""")
    assert "first" in dev.ok("logs", "folder")
