"""CronWorkflows: scheduled, followed by the command line, and killed in the middle of it."""

import json
from datetime import datetime, timezone

import pytest

from support import wait_for
from support.dev import Dev

NOTHING = "{apiVersion: v1, kind: ConfigMap, metadata: {name: nothing}}"

CRON = """
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {{name: {name}, labels: {{team: red}}}}
spec:
  schedules: ["{schedule}"]
  {more}
  workflowMetadata: {{labels: {{kind: tick}}}}
  workflowSpec:
    entrypoint: main
    volumes: [{{name: out, hostPath: {{path: {out}}}}}]
    templates:
      - name: main
        container:
          image: none
          command: [sh, -c, 'echo "{{{{workflow.scheduledTime}}}} {{{{workflow.name}}}}" >> /out/{name}']
          volumeMounts: [{{name: out, mountPath: /out}}]
"""


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def cron(out, name="tick", schedule="@every 1s", more="") -> str:
    return CRON.format(name=name, schedule=schedule, more=more, out=out)


def get(dev, name="tick") -> dict:
    return json.loads(dev.ok("cron", "get", name, "-o", "json"))


def runs(dev, name="tick") -> list[dict]:
    return [w for w in dev.workflows() if w["metadata"]["labels"].get("workflows.argoproj.io/cron-workflow") == name]


def lines(out, name="tick") -> list[str]:
    return (out / name).read_text().splitlines() if (out / name).exists() else []


def test_runs_are_named_and_labelled_by_their_time(tmp_path, out):
    with Dev(tmp_path, NOTHING) as dev:
        (tmp_path / "tick.yaml").write_text(cron(out))
        assert dev.ok("cron", "create", str(tmp_path / "tick.yaml")) == "cronworkflow tick created\n"
        wait_for(lambda: get(dev).get("status", {}).get("succeeded", 0) >= 2, 20, "two runs have succeeded")
        time, name = lines(out)[0].split()
        at = datetime.strptime(time, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
        assert name == f"tick-{int(at.timestamp())}"
        run = next(w for w in runs(dev) if w["metadata"]["name"] != name)
        assert run["metadata"]["labels"]["kind"] == "tick"
        assert run["metadata"]["ownerReferences"][0]["uid"] == get(dev)["metadata"]["uid"]
        wait_for(lambda: len(runs(dev)) <= 4 and len(lines(out)) > 4, 20, "history keeps the newest three")
        assert "tick" in dev.ok("cron", "list") and "@every 1s" in dev.ok("cron", "get", "tick")
        dev.ok("cron", "suspend", "tick")
        wait_for(lambda: not get(dev)["status"].get("active"), 10, "nothing runs any more")
        assert "true" in dev.ok("cron", "list", "--no-headers")
        seen = len(lines(out))
        dev.ok("cron", "resume", "tick")
        wait_for(lambda: len(lines(out)) > seen, 10, "it runs again")
        dev.ok("cron", "delete", "tick")
        wait_for(lambda: not runs(dev), 10, "its workflows go with it")


def test_next_runs_and_run_by_hand(tmp_path, out):
    with Dev(tmp_path, cron(out, "yearly", "0 9 1 1 *", "timezone: Europe/Berlin")) as dev:
        times = dev.ok("cron", "next", "yearly", "-c", "2").splitlines()
        assert [t[4:] for t in times] == ["-01-01T08:00:00Z"] * 2
        dev.ok("submit", "--from", "cronwf/yearly", "--wait", "--scheduled-time", "2020-02-03T04:05:06Z")
        (run,) = runs(dev, "yearly")
        assert run["metadata"]["name"].startswith("yearly-")
        assert lines(out, "yearly")[0].startswith("2020-02-03T04:05:06Z ")


def test_stops_when_the_strategy_says_so(tmp_path, out):
    with Dev(tmp_path, cron(out, more='stopStrategy: {expression: "cronworkflow.succeeded >= 2"}')) as dev:
        wait_for(lambda: get(dev).get("status", {}).get("phase") == "Stopped", 20, "it stops by itself")
        status = get(dev)
        assert status["status"]["succeeded"] == 2
        assert status["metadata"]["labels"]["cronworkflows.argoproj.io/completed"] == "true"


def test_kill_9_at_any_moment_doubles_no_slot(tmp_path, out):
    more = "startingDeadlineSeconds: 30\n  successfulJobsHistoryLimit: 100"
    with Dev(tmp_path, cron(out, schedule="@every 1s", more=more)) as dev:
        for wanted in (1, 2, 3, 5, 7):
            wait_for(lambda n=wanted: len(lines(out)) >= n, 20, "another slot")
            dev.proc.restart()
            dev.wait_ready()
        dev.ok("cron", "suspend", "tick")
        wait_for(lambda: not get(dev)["status"].get("active"), 20, "nothing runs any more")
        done = runs(dev)
        assert {w["status"]["phase"] for w in done} == {"Succeeded"}
        names = [line.split()[1] for line in lines(out)]
        assert len(names) == len(set(names)), "no slot ran twice"
        assert sorted(names) == sorted(w["metadata"]["name"] for w in done), "each workflow ran"
        assert get(dev)["status"]["succeeded"] == len(done), "each was counted once"


def test_backfill_makes_up_for_the_runs_between_two_moments(tmp_path, out):
    with Dev(tmp_path, cron(out, "nightly", "0 3 * * *")) as dev:
        words = ("cron", "backfill", "nightly", "--start", "2026-01-01T03:00:00Z", "--end", "2026-01-03T12:00:00Z", "--argname", "day", "--format", "2006-01-02")
        assert dev.ok(*words).count(" created\n") == 3
        assert [line.split()[0] for line in lines(out, "nightly")] == [f"2026-01-0{day}T03:00:00Z" for day in (1, 2, 3)]
        made = [w for w in dev.workflows() if w["metadata"]["labels"].get("workflows.argoproj.io/cron-workflow-backfill") == "nightly"]
        assert sorted(w["spec"]["arguments"]["parameters"][0]["value"] for w in made) == ["2026-01-01", "2026-01-02", "2026-01-03"]
        assert dev.ok(*words).count(" is there already\n") == 3  # typed again
        assert len(lines(out, "nightly")) == 3
        assert runs(dev, "nightly") == []  # its history does not know them
        assert dev.run("cron", "backfill", "nightly", "--start", "yesterday").returncode == 2
        assert dev.run("cron", "backfill", "nightly", "--start", "2020-01-01T00:00:00Z", "--parallel", "--maxworkflowcount", "2").returncode != 0
