"""The example runner: every example of class local (and local-img) runs for real on the local runner to the
phase that the table expects, every other one gets the verdict of lint that its class implies.

    run.py [--only REGEX] [--real-time] [-v] [DIR]

DIR holds argo-workflows/, or is such a folder (default $TIPHYS_SHARED/examples); the table is $TIPHYS_SHARED/reference/argo-examples.tsv.
All run at once, on two `tiphys dev`: one of them has images whose `sleep` is twenty times as fast, for the few
examples that wait for minutes and tell nothing by it. Last line: N passed, N failed, N listed.
"""
import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from examples import roots  # noqa: E402
from support.ports import free_port  # noqa: E402
from support.tools import tiphys  # noqa: E402

HERE = Path(__file__).parent
TIMEOUT = 1200  # seconds for one example; in real time forever.yaml sleeps for 1000, else the slowest takes 100
# Minutes of sleep between steps, nothing that depends on how long it is.
FAST = {"forever.yaml", "synchronization-mutex-tmpl-level.yaml", "synchronization-db-mutex-tmpl-level.yaml",
        "parallelism-nested-workflow.yaml", "parallelism-nested-dag.yaml", "parallelism-limit.yaml",
        "parallelism-template-limit.yaml", "parallelism-nested.yaml", "synchronization-tmpl-level.yaml",
        "synchronization-db-tmpl-level.yaml", "synchronization-mutex-wf-level.yaml", "loops-param-result.yaml"}
# What the examples find in their cluster, beside the definitions among them.
OBJECTS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: my-config}
data: {workflow: "2", template: "2"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: artifact-repositories}
data:
  my-key: |
    archiveLogs: true
    folder: {keyFormat: "my-key/{{workflow.name}}/{{pod.name}}"}
---
apiVersion: v1
kind: Secret
metadata: {name: my-secret}
stringData: {mypassword: S00perS3cretPa55word}
"""
# Limits of semaphores in the database, which the examples would have inserted into a table.
SYNC_LIMITS = ("workflow", "template")
# Waits for a human: what the human does.
HUMAN = {
    "suspend-template.yaml": [["resume", "{name}"]],
    "suspend-template-outputs.yaml": [["node", "set", "{name}", "--output-parameter", "message=hello", "--node-field-selector",
                                     "displayName=approve"], ["resume", "{name}"]],
    "intermediate-parameters.yaml": [["node", "set", "{name}", "--output-parameter", "approve=YES", "--node-field-selector",
                                      "displayName=approval"], ["resume", "{name}"]],
}


class Dev:
    """`tiphys dev` on a folder of its own."""

    def __init__(self, folder, fast):
        self.folder = folder
        self.data = folder / "data"
        folder.mkdir()
        images = roots.images_file(folder / "images.json", fast)
        argv = [str(tiphys("tiphys")), "dev", "--data", str(self.data), "--port", str(free_port()), "--images", str(images),
                "--log-level", "info", "--network", "private", "--max-running", "400"]
        self.log = open(folder / "dev.log", "w")
        self.process = subprocess.Popen(argv, stdout=self.log, stderr=self.log)
        self.known, self.lock, self.closed = {}, threading.Lock(), False
        self.run("wait", "nothing")  # until it answers
        threading.Thread(target=self.look, daemon=True).start()

    def run(self, *words, stdin=None):
        argv = [str(tiphys("tiphys")), *words, "--data", str(self.data)]
        for _ in range(100):
            done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=120)
            if done.returncode != 6 and "nothing ever ran" not in done.stderr and "starting" not in done.stderr:
                return done
            time.sleep(0.1)
        return done

    def look(self):
        """One list for everybody who waits."""
        while not self.closed:
            done = self.run("list", "-A", "-o", "json")
            if done.returncode == 0:
                items = json.loads(done.stdout)["items"]
                with self.lock:
                    self.known.update({w["metadata"]["name"]: w.get("status", {}).get("phase", "") for w in items})
            time.sleep(0.5)

    def phase(self, name):
        with self.lock:
            return self.known.get(name, "")

    def close(self):
        self.closed = True
        left = [n for n, phase in self.known.items() if phase in ("", "Pending", "Running")]
        if left and self.process.poll() is None:
            self.run("terminate", *left)
            self.run("wait", *left, "--timeout", "10s")
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


class Failed(Exception):
    pass


def must(done, what):
    if done.returncode:
        raise Failed(f"{what}: exit {done.returncode}: {(done.stderr + done.stdout).strip()[-400:]}")
    return done.stdout


def expected(text):
    """The phases that are fine."""
    text = text.replace("child ", "").split(";")[-1].split(" with ")[0]
    return set(re.findall(r"Succeeded|Failed|Error", text)) or {"Succeeded"}


def documents(path):
    import yaml

    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.add_constructor("tag:yaml.org,2002:value", lambda l, n: n.value)
    return [d for d in yaml.load_all(path.read_text(), loader) if d]


def submit(dev, path):
    """Names of the workflows that the file makes run."""
    docs = documents(path)
    crons = [d for d in docs if d["kind"] == "CronWorkflow"]
    if crons:
        must(dev.run("apply", "-f", str(path)), "apply")
        return [must(dev.run("submit", "--from", f"cronworkflow/{c['metadata']['name']}", "-o", "name"), "submit").split("/")[-1].strip()
                for c in crons]
    return [line.split("/")[-1].strip() for line in must(dev.run("submit", "-o", "name", str(path)), "submit").splitlines() if line]


def waits(dev, name):
    done = dev.run("get", name, "-o", "json")
    nodes = json.loads(done.stdout).get("status", {}).get("nodes", {}) if done.returncode == 0 else {}
    return any(n["type"] == "Suspend" and n["phase"] == "Running" for n in nodes.values())


def act(dev, name, actions):
    end = time.time() + 60
    while actions and not waits(dev, name):
        if time.time() > end:
            raise Failed("it never waited for a human")
        time.sleep(0.3)
    for action in actions:
        words = [w.format(name=name) for w in action]
        must(dev.run(*words), " ".join(words))


def wait_end(dev, name, path):
    end, seen = time.time() + TIMEOUT, False
    while time.time() < end:
        phase = dev.phase(name)
        if phase in ("Succeeded", "Failed", "Error"):
            return phase
        if phase:
            seen = True
        if dev.process.poll() is not None:
            raise Failed("tiphys dev ended")
        # ttlStrategy: it may be gone before we look again
        if seen and name not in dev.known:
            return "Succeeded"
        time.sleep(0.2)
    raise Failed(f"still {dev.phase(name) or 'unknown'} after {TIMEOUT} s")


def run_example(dev, path, expect):
    names = submit(dev, path)
    if not names:
        raise Failed("it made no workflow")
    for name in names:
        act(dev, name, HUMAN.get(path.name, []))
        phase = wait_end(dev, name, path)
        if phase not in expected(expect):
            shown = dev.run("get", name, "--no-color", "--no-utf8").stdout
            raise Failed(f"{name}: {phase}, expected {expect}\n{shown}")


def lint_example(path, row):
    argv = [str(tiphys("tiphys")), "lint", "--offline", "--ignore-missing", str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    refused = row["expected phase"] == "rejected"
    if (done.returncode == 0) == refused:
        raise Failed(f"lint says {'nothing' if refused else 'no'}: {(done.stdout + done.stderr).strip()[-600:]}")


def listed():
    """file<TAB>reason: known not to work yet, said in docs/compatibility.md."""
    path = HERE / "listed.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(line.split("\t", 1) for line in lines if line and not line.startswith("#"))


def read_rows(root, only):
    with open(Path(os.environ["TIPHYS_SHARED"]) / "reference/argo-examples.tsv", newline="") as f:
        rows = list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in rows:
        row["file"] = root / row["path"].removeprefix("examples/")
    return [r for r in rows if r["file"].exists() and re.search(only, r["path"])]


def prepare(dev, root):
    must(dev.run("apply", "-f", "-", stdin=OBJECTS), "apply the objects of the examples")
    for key in SYNC_LIMITS:
        must(dev.run("sync", "create", key, "--type", "database", "--limit", "2"), f"set the limit {key}")
    for name in ("configmaps/simple-parameters-configmap.yaml", "cluster-workflow-template/clustertemplates.yaml",
                 "workflow-template/templates.yaml", "dag-inline-workflowtemplate.yaml"):
        path = root / name
        if path.exists():
            must(dev.run("apply", "-f", str(path)), f"apply {name}")


def run_all(rows, root, real_time, verbose, folder):
    devs = {fast: Dev(folder / ("fast" if fast else "real"), fast) for fast in ((False,) if real_time else (False, True))}
    known, count, lock = listed(), {"passed": 0, "failed": 0, "listed": 0}, threading.Lock()

    def one(row):
        began, name = time.time(), row["path"].removeprefix("examples/")
        try:
            if row["class"].startswith("local"):
                fast = Path(name).name in FAST and not real_time
                run_example(devs[fast], row["file"], row["expected phase"])
            else:
                lint_example(row["file"], row)
            word, why = "passed", ""
            if name in known:
                print(f"{name} passes now: take it out of {HERE / 'listed.txt'}", flush=True)
        except Exception as e:  # whatever it is, it is this example's
            word, why = ("listed", known[name]) if name in known else ("failed", str(e))
        with lock:
            count[word] += 1
            if verbose or word != "passed":
                print(f"{word} {name} ({time.time() - began:.1f} s){': ' + why if why else ''}", flush=True)
            else:
                print(f"{word} {name}", flush=True)

    try:
        for dev in devs.values():
            prepare(dev, root)
        with ThreadPoolExecutor(200) as pool:
            list(pool.map(one, rows))
    finally:
        for dev in devs.values():
            dev.close()
    return count


def main():
    parser = argparse.ArgumentParser(description="run the examples")
    parser.add_argument("dir", nargs="?", default=os.path.join(os.environ.get("TIPHYS_SHARED", "../shared"), "examples"))
    parser.add_argument("--only", default="", metavar="REGEX")
    parser.add_argument("--real-time", action="store_true", help="no faster sleep: takes 17 minutes")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("--keep", metavar="FOLDER", help="leave data and logs there")
    o = parser.parse_args()
    root = Path(o.dir).resolve()
    root = root / "argo-workflows" if (root / "argo-workflows").is_dir() else root
    rows = read_rows(root, o.only)
    if not rows:
        print(f"examples: nothing to run in {root}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="tiphys-examples-") as temporary:
        folder = Path(o.keep or temporary)
        folder.mkdir(exist_ok=True)
        count = run_all(rows, root, o.real_time, o.verbose, folder)
    print(f"{count['passed']} passed, {count['failed']} failed, {count['listed']} listed")
    return 1 if count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
