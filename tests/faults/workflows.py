"""The controller is killed again and again while mixed workflows run: chains, diamonds, loops, retries, failures, mutexes and
semaphores shared by many, memoized steps; at last those that failed are retried by hand, killing on.

Every step notes in a folder that it ran, and who holds a lock makes a folder that must not be there yet. So at the end it is known
whether all ended as they would have, whether anything ran twice or not at all, and whether two ever held one lock.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from pathlib import Path

from support import Proc, tiphys, wait_for
from support.dev import Cli

MEAN_S = 0.3  # between two kills

HEAD = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: {name}}}
spec:
  entrypoint: main
  volumes: [{{name: out, hostPath: {{path: {out}}}}}]
  {more}
  templates:
    - name: note
      script: {{image: none, command: [sh], volumeMounts: [{{name: out, mountPath: /out}}], source: 'echo "{{{{node.name}}}}" >> /out/ran'}}
    - name: main
"""
STEPS = "      steps: [[{{name: a, template: note}}], [{{name: b, template: note}}, {{name: c, template: note}}], [{{name: d, template: note}}]]\n"
DAG = """      dag:
        tasks:
          - {{name: a, template: note}}
          - {{name: b, template: note, depends: a, withSequence: {{count: "3"}}}}
          - {{name: c, template: note, depends: a}}
          - {{name: d, template: note, depends: b && c}}
"""
LEAF = """      dag: {{tasks: [{{name: a, template: leaf}}, {{name: b, template: leaf}}]}}
    - name: leaf
      {how}
      script:
        image: none
        command: [sh]
        volumeMounts: [{{name: out, mountPath: /out}}]
        source: |
          {source}
"""
ALONE = 'mkdir /out/{lock} || echo {lock} >> /out/overlaps; sleep 0.02; rmdir /out/{lock}; echo "{{{{node.name}}}}" >> /out/ran'
TWO = 'for p in 1 2 x; do mkdir /out/{mark}-$p 2>/dev/null && break; done; [ $p = x ] && echo {mark} >> /out/overlaps; sleep 0.02; rmdir /out/{mark}-$p; echo "{{{{node.name}}}}" >> /out/ran'
TRYING = 'echo "{{{{node.name}}}}({{{{retries}}}})" >> /out/ran; [ "{{{{retries}}}}" -gt 0 ]'
FRAGILE = """      steps: [[{{name: a, template: note}}], [{{name: b, template: fragile}}], [{{name: c, template: note}}]]
    - name: fragile
      script: {{image: none, command: [sh], volumeMounts: [{{name: out, mountPath: /out}}], source: 'echo "{{{{node.name}}}}" >> /out/ran; test -e /out/repaired'}}
"""


class Kind:
    """A workflow, and what it notes when everything goes well."""

    def __init__(self, body: str, ran: list[str], phase: str = "Succeeded", more: str = ""):
        self.body, self.ran, self.phase, self.more = body, ran, phase, more

    def text(self, name: str, out: Path) -> str:
        return (HEAD + self.body).format(name=name, out=out, more=self.more)


def with_lock(lock: str, more: str = "") -> Kind:
    how = f"synchronization: {{{{mutexes: [{{{{name: {lock}{more}}}}}]}}}}"
    return Kind(LEAF.replace("{how}", how).replace("{source}", ALONE.replace("{lock}", lock)), [".a", ".b"])


def with_two(limit: str, mark: str) -> Kind:
    how = f"synchronization: {{{{semaphores: [{{{{{limit}}}}}]}}}}"
    return Kind(LEAF.replace("{how}", how).replace("{source}", TWO.replace("{mark}", mark)), [".a", ".b"])


KINDS = {
    "chain": Kind(STEPS, ["[0].a", "[1].b", "[1].c", "[2].d"]),
    "graph": Kind(DAG, [".a", ".b(0:0)", ".b(1:1)", ".b(2:2)", ".c", ".d"]),
    "whole": Kind(STEPS, ["[0].a", "[1].b", "[1].c", "[2].d"], more="synchronization: {mutexes: [{name: whole}]}"),
    "red": with_lock("red"),
    "blue": with_lock("blue", ", database: true"),
    "two": with_two("configMapKeyRef: {{name: limits, key: two}}", "sem"),
    "rooms": with_two("database: {{key: rooms}}", "row"),
    "known": Kind(
        LEAF.replace("{how}", 'memoize: {{key: "{{{{workflow.name}}}}", cache: {{configMap: {{name: results}}}}}}\n      synchronization: {{mutexes: [{{name: "{{{{workflow.name}}}}"}}]}}').replace("{source}", ALONE.replace("{lock}", "{name}")), [".a"]
    ),
    "trying": Kind(LEAF.replace("{how}", "retryStrategy: {{limit: 2}}").replace("{source}", TRYING), [".a(0)", ".a(1)", ".b(0)", ".b(1)"]),
    "fragile": Kind(FRAGILE, ["[0].a", "[1].b"], "Failed"),
}


class Killer:
    """kill -9 at random moments, until told to stop."""

    def __init__(self, proc: Proc, rng: random.Random):
        self.proc, self.rng, self.kills, self.over = proc, rng, 0, threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self) -> None:
        while not self.over.wait(self.rng.expovariate(1 / MEAN_S)):
            self.proc.kill9()
            self.kills += 1
            self.proc.start()

    def stop(self) -> None:
        self.over.set()
        self.thread.join()


def phases(cli: Cli) -> dict[str, str]:
    return {wf["metadata"]["name"]: wf.get("status", {}).get("phase", "") for wf in cli.workflows()}


def all_ended(cli: Cli) -> bool:
    return all(phase in ("Succeeded", "Failed", "Error") for phase in phases(cli).values())


def check(cli: Cli, expected: dict[str, Kind], out: Path, retried: bool) -> list[str]:
    """What went wrong, in words."""
    wrong, want = [], Counter()
    found = phases(cli)
    for name, kind in expected.items():
        again = retried and kind.phase == "Failed"
        phase = "Succeeded" if again else kind.phase
        want.update(name + node for node in kind.ran + (["[1].b", "[2].c"] if again else []))
        if found.get(name) != phase:
            wrong.append(f"{name}: {found.get(name)} instead of {phase}")
    ran = Counter((out / "ran").read_text().splitlines())
    wrong += [f"{node} ran {ran[node]} times instead of {want[node]}" for node in sorted((want | ran).keys()) if ran[node] != want[node]]
    if (out / "overlaps").exists():
        wrong += [f"two held {lock}" for lock in (out / "overlaps").read_text().split()]
    return wrong


def workflows_round(folder: Path, count: int, rng: random.Random) -> bool:
    data, out = folder / "data", folder / "out"
    out.mkdir()
    cli = Cli(data)
    cli.ok("apply", "-f", "-", stdin='{apiVersion: v1, kind: ConfigMap, metadata: {name: limits}, data: {two: "2"}}')
    cli.ok("sync", "create", "rooms", "--type", "database", "--limit", "2")
    names = list(KINDS)
    expected = {f"{names[i % len(names)]}-{i}": KINDS[names[i % len(names)]] for i in range(count)}
    proc = Proc([str(tiphys("tiphys-controller")), "--data", str(data), "--metrics-port", "0", "--health-port", "0"], folder / "controller.log", name="tiphys-controller")
    killer = Killer(proc, rng)
    try:
        for name, kind in expected.items():
            cli.ok("submit", "--detach", "-", stdin=kind.text(name, out))
        wait_for(lambda: all_ended(cli), 60 + count * 2, "all workflows end")
        wrong = check(cli, expected, out, retried=False)
        (out / "repaired").touch()
        for name, kind in expected.items():
            if kind.phase == "Failed" and not wrong:
                cli.ok("retry", name)
        if not wrong:
            wait_for(lambda: all_ended(cli), 60 + count, "what was retried ends")
            wrong = check(cli, expected, out, retried=True)
    finally:
        killer.stop()
        proc.stop()
    print(f"workflows, {count} of {len(KINDS)} kinds: killed {killer.kills} times")
    print("\n".join(wrong[:20]))
    print(f"wrong {len(wrong)}, of {count}", flush=True)
    return not wrong
