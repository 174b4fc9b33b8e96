"""Locks in the database: what two workflows compete for, whose limit changes meanwhile, what a crash leaves."""

import json
import subprocess

import pytest

from support import tiphys, wait_for
from support.dev import Dev

# Who is inside has a file of its name in `inside`, until it may leave.
GUEST = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: {name}}}
spec:
  entrypoint: main
  volumes: [{{name: out, hostPath: {{path: {out}}}}}]
  synchronization: {{{lock}}}
  templates:
    - name: main
      script:
        image: none
        command: [sh]
        source: |
          echo "{{{{workflow.name}}}}" >> /out/ran
          touch "/out/inside-{{{{workflow.name}}}}"
          until test -e "/out/leave-{{{{workflow.name}}}}"; do sleep 0.05; done
          rm "/out/inside-{{{{workflow.name}}}}"
        volumeMounts: [{{name: out, mountPath: /out}}]
"""
MUTEX = "mutexes: [{name: door, database: true}]"
SEMAPHORE = "semaphores: [{database: {key: rooms}}]"

# The same by steps: each holds the lock of its template.
STEPS = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: {name}}}
spec:
  entrypoint: main
  templates:
    - name: main
      steps: [[{{name: s, template: locked, withSequence: {{count: 2}}}}]]
    - name: locked
      synchronization: {{{lock}}}
      container: {{image: none, command: [echo, hello]}}
"""


class House:
    """`tiphys dev` that can be killed, and a folder in which workflows say who is inside."""

    def __init__(self, folder):
        self.folder, self.out = folder, folder / "out"
        self.out.mkdir()
        self.dev = Dev(folder, "{apiVersion: v1, kind: ConfigMap, metadata: {name: nothing}}")

    def submit(self, name, lock, text=GUEST):
        self.dev.ok("submit", "-", stdin=text.format(name=name, out=self.out, lock=lock))

    def inside(self):
        return sorted(path.name.removeprefix("inside-") for path in self.out.glob("inside-*"))

    def wait_inside(self, *names):
        wait_for(lambda: self.inside() == sorted(names), 20, f"{names} are inside")

    def let_go(self, name):
        (self.out / f"leave-{name}").touch()
        self.dev.ok("wait", name, "--timeout", "20s")

    def status(self, name):
        return json.loads(self.dev.ok("get", name, "-o", "json"))["status"]

    def wait_message(self, name, words):
        wait_for(lambda: self.status(name).get("message") == words, 20, f"{name} says: {words}")

    def ran(self):
        return (self.out / "ran").read_text().split()


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    with made.dev:
        yield made


def test_two_workflows_compete_for_a_mutex_in_the_database(house):
    house.submit("first", MUTEX)
    house.wait_inside("first")
    house.submit("second", MUTEX)
    house.wait_message("second", "Waiting for default/Database/door lock (mtx/default/door). Lock status: 1/1")
    holding = house.status("first")["synchronization"]["mutex"]["holding"]
    waiting = house.status("second")["synchronization"]["mutex"]["waiting"]
    assert holding == waiting == [{"mutex": "default/Database/door", "holder": "default/first"}]
    house.submit("elsewhere", "mutexes: [{name: door}]")
    house.wait_inside("first", "elsewhere")  # another lock of that name
    house.let_go("elsewhere")
    house.let_go("first")
    house.wait_inside("second")
    house.let_go("second")
    assert house.ran() == ["first", "elsewhere", "second"]
    assert "synchronization" not in house.status("second")


def test_a_higher_limit_lets_the_next_one_in(house):
    house.dev.ok("sync", "create", "rooms", "--type", "database", "--limit", "2")
    for name in ("a", "b"):
        house.submit(name, SEMAPHORE)
    house.wait_inside("a", "b")
    for name in ("c", "d"):
        house.submit(name, SEMAPHORE)
        house.wait_message(name, "Waiting for default/Database/rooms lock (sem/default/rooms). Lock status: 2/2")
    assert house.dev.ok("sync", "list").split("\n")[1].split() == ["rooms", "2", "2", "2"]
    house.dev.ok("sync", "update", "rooms", "--type", "database", "--limit", "3")
    house.wait_inside("a", "b", "c")
    house.let_go("b")
    house.wait_inside("a", "c", "d")
    for name in ("a", "c", "d"):
        house.let_go(name)


def test_a_missing_limit_is_named_with_what_sets_it(house):
    house.submit("whole", SEMAPHORE)
    assert house.dev.run("wait", "whole", "--timeout", "20s").returncode == 1
    words = ("failed to initialize semaphore default/Database/rooms with limit: there is no sync limit rooms in namespace default "
             "(tiphys sync create rooms --type database --limit N -n default)")
    assert house.status("whole")["message"] == f"Failed to acquire the synchronization lock. {words}"
    assert house.status("whole")["phase"] == "Failed"
    house.submit("steps", SEMAPHORE, STEPS)
    assert house.dev.run("wait", "steps", "--timeout", "20s").returncode == 1
    assert words in [node.get("message") for node in house.status("steps")["nodes"].values()]
    house.dev.ok(*"sync create rooms --type database --limit 1 -n default".split())
    house.submit("again", SEMAPHORE, STEPS)
    house.dev.ok("wait", "again", "--timeout", "20s")


def test_a_limit_without_holders_is_deleted_and_made_again(house):
    sync = ("--type", "database")
    assert house.dev.run("sync", "get", "rooms", *sync).returncode == 3
    made = house.dev.ok("sync", "create", "rooms", *sync, "--limit", "2")
    assert made == "Sync limit created\nKey: rooms\nType: database\nNamespace: default\nLimit: 2\n"
    again = house.dev.run("sync", "create", "rooms", *sync, "--limit", "4")
    assert again.returncode == 5 and "already exists" in again.stderr
    assert house.dev.ok("sync", "delete", "rooms", *sync) == "Sync limit deleted\n"
    gone = house.dev.run("sync", "update", "rooms", *sync, "--limit", "4")
    assert gone.returncode == 3 and "there is no sync limit rooms in namespace default" in gone.stderr
    assert house.dev.ok("sync", "list") == "KEY  LIMIT  HELD  WAITING\n"


def test_limits_that_are_set_at_the_same_time_are_all_kept(house):
    argv = [str(tiphys("tiphys")), "sync", "create", "--type", "database", "--limit", "3", "--data", str(house.dev.data)]
    running = [subprocess.Popen([*argv, f"key-{i}"], stdout=subprocess.DEVNULL) for i in range(8)]
    assert [process.wait(30) for process in running] == [0] * 8
    rows = house.dev.ok("sync", "list", "--no-headers").splitlines()
    assert sorted(row.split()[0] for row in rows) == [f"key-{i}" for i in range(8)]


def test_limits_in_config_maps_are_set_by_the_same_command(house):
    sync = ("--type", "configmap", "--cm-name", "limits")
    house.dev.ok("sync", "create", "rooms", *sync, "--limit", "1")
    house.dev.ok("sync", "create", "seats", *sync, "--limit", "7")
    lock = "semaphores: [{configMapKeyRef: {name: limits, key: rooms}}]"
    house.submit("a", lock)
    house.wait_inside("a")
    house.submit("b", lock)
    house.wait_message("b", "Waiting for default/ConfigMap/limits/rooms lock. Lock status: 0/1")
    house.dev.ok("sync", "update", "rooms", *sync, "--limit", "2")
    house.wait_inside("a", "b")
    rows = [line.split() for line in house.dev.ok("sync", "list", *sync, "--no-headers").splitlines()]
    assert sorted(rows) == [["rooms", "2", "2", "0"], ["seats", "7", "0", "0"]]
    for name in ("a", "b"):
        house.let_go(name)


def test_holders_are_the_same_after_the_controller_was_killed(tmp_path):
    house = House(tmp_path)
    with house.dev as dev:
        dev.ok("sync", "create", "rooms", "--type", "database", "--limit", "1")
        house.submit("held", SEMAPHORE)
        house.submit("door", MUTEX)
        house.wait_inside("held", "door")
        for name, lock in (("next", SEMAPHORE), ("behind", MUTEX)):
            house.submit(name, lock)
            wait_for(lambda name=name: house.status(name).get("message", "").startswith("Waiting for"), 20, f"{name} waits")
        dev.proc.kill9()
    with house.dev:
        for name, lock in (("third", SEMAPHORE), ("last", MUTEX)):
            house.submit(name, lock)
            wait_for(lambda name=name: house.status(name).get("message", "").endswith("Lock status: 1/1"), 20, f"{name} waits")
        assert house.inside() == ["door", "held"]
        for name, after in (("held", "next"), ("door", "behind"), ("next", "third"), ("behind", "last")):
            house.let_go(name)
            wait_for(lambda after=after: after in house.inside(), 20, f"{after} is inside")
            assert len(house.inside()) == 2
        for name in ("third", "last"):
            house.let_go(name)
    assert sorted(house.ran()) == ["behind", "door", "held", "last", "next", "third"]
