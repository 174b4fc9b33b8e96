"""tiphys lint, simulate, graph, render and the generated pages: golden texts and stories on the real program."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("TIPHYS_BUILD", ROOT / "build/dev/bin")) / "tiphys"
GOLDEN = ROOT / "tests/golden/lint"
SHARED = Path(os.environ.get("TIPHYS_SHARED", ROOT.parent / "shared"))


def run(*args, cwd=ROOT, stdin=None):
    return subprocess.run([BIN, *map(str, args)], cwd=cwd, input=stdin, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("case", sorted(p.stem for p in GOLDEN.glob("*.yaml")))
def test_lint_says_what_it_said(case):
    done = run("lint", "--offline", f"{case}.yaml", cwd=GOLDEN)
    stderr = re.sub(r"^unsupported\[.*?(?=^(?:error|warning|info)\[|\Z)", "", done.stderr, flags=re.M | re.S)  # becomes less every day
    stdout = re.sub(r", \d+ fields? this version cannot run yet", "", done.stdout)
    text = f"{stderr}{stdout}exit code {done.returncode}\n"
    golden = GOLDEN / f"{case}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_missing_references_can_be_ignored():
    done = run("lint", "--offline", "--ignore-missing", "-o", "simple", "elsewhere.yaml", cwd=GOLDEN)
    assert "warning" in done.stderr and "nobody.x not found" in done.stderr


def test_lint_reads_standard_input_and_speaks_to_machines():
    text = (GOLDEN / "tags.yaml").read_text()
    out = json.loads(run("lint", "--offline", "-o", "json", "-", stdin=text).stdout)
    assert out["errors"] == 4 and not out["resources"][0]["valid"]
    assert out["resources"][0]["needs"] == ["image alpine"]
    places = {(p["line"], p["column"]) for p in out["problems"] if p["code"] == "E305"}
    assert (30, 21) in places  # inside of the block scalar
    sarif = json.loads(run("lint", "--offline", "-o", "sarif", "-", stdin=text).stdout)
    assert sarif["version"] == "2.1.0"
    rules = {r["id"] for r in sarif["runs"][0]["tool"]["driver"]["rules"]}
    assert {r["ruleId"] for r in sarif["runs"][0]["results"]} <= rules
    github = run("lint", "--offline", "-o", "github", "-", stdin=text).stdout
    assert "::error file=<stdin>,line=30,col=21,title=E305 unresolved tag::" in github


def test_what_is_not_there_yet_is_no_error_of_the_file(tmp_path):
    spec = {"entrypoint": "a", "templates": [{"name": "a", "inputs": {"artifacts": [{"name": "x", "path": "/x", "gcs": {
        "bucket": "b", "key": "k"}}]}, "container": {"image": "alpine"}}]}
    file = tmp_path / "gcs.json"
    file.write_text(json.dumps({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "g"}, "spec": spec}))
    done = run("lint", "--offline", file)
    if "cannot run yet" in done.stdout:
        assert done.returncode == 0 and "not supported yet: field gcs" in done.stderr
        assert run("lint", "--offline", "--runnable", file).returncode == 1
    needs = json.loads(run("lint", "--offline", "-o", "json", file).stdout)["resources"][0]["needs"]
    assert needs == ["image alpine", "store gcs"]


EXPLAINED = {  # what a real API server refuses too; see docs/compatibility.md
    "fun-with-gifs.yaml", "k8s-jobs.yaml",  # no name
    "k8s-patch-json-workflow.yaml",  # a key that stands twice
}


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no examples at {SHARED} (set TIPHYS_SHARED)")
def test_every_example_lints_to_the_verdict_of_its_class():
    rows = [line.split("\t") for line in (SHARED / "reference/argo-examples.tsv").read_text().splitlines()[1:]]
    root = SHARED / "examples/argo-workflows"
    templates = [p for p in root.rglob("*.yaml") if "template" in p.name or "template" in p.parent.name]
    wrong = {}
    for path, kind, *_ in rows:
        file = root / path
        if file.suffix not in (".yaml", ".yml") or not file.is_file() or file.name in EXPLAINED:
            continue
        done = run("lint", "--offline", "--ignore-missing", "-o", "json", file)
        out = json.loads(done.stdout)
        if done.returncode or not all(r["valid"] for r in out["resources"]):
            wrong[path] = [p["message"] for p in out["problems"] if p["severity"] == "error"]
        if kind in ("k8s", "cloud") and out["resources"] and not any(r["needs"] for r in out["resources"]):
            wrong[path] = ["named as needing nothing"]
    assert templates and not wrong


# ---- simulate, graph, render ----

EXAMPLES = sorted((ROOT / "config/simulate").glob("*.test.yaml"))


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda p: p.name)
def test_the_shipped_scripts_hold(script):
    done = run("simulate", str(script).replace(".test.yaml", ".yaml"), "--pods", script, "--assert")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("ok ") == script.read_text().count("expect:")


def test_a_difference_is_told_and_fails(tmp_path):
    script = tmp_path / "t.yaml"
    script.write_text("name: wrong\nexpect: {phase: Failed, nodes: {dump: {inputs: {parameters: {table: x}}}, no: null}, order: [repair]}\n")
    done = run("simulate", "config/simulate/nightly-dump.yaml", "--pods", script, "--assert", "-o", "none")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "FAILED wrong",
        '  phase: expected "Failed", found "Succeeded"',
        '  node dump.inputs.parameters.table: expected "x", found "orders"',
        "  order: repair did not run",
    ]


def test_scripts_are_checked_like_other_files(tmp_path):
    script = tmp_path / "t.yaml"
    script.write_text("pods:\n  rules:\n    - {match: {templat: dump}, phase: Failed}\n")
    done = run("simulate", "config/simulate/nightly-dump.yaml", script)
    assert done.returncode == 2 and "did you mean 'template'" in done.stderr and "t.yaml:3:" in done.stderr


def test_simulate_prints_tree_timeline_and_json():
    text = run("simulate", "config/simulate/nightly-dump.yaml").stdout
    assert "Succeeded" in text and "Timeline" in text
    out = json.loads(run("simulate", "config/simulate/nightly-dump.yaml", "-o", "json", "-p", "table=t").stdout)
    dump = next(n for n in out["nodes"] if n["displayName"] == "dump")
    assert dump["inputs"]["parameters"] == {"table": "t"}


def test_one_template_of_a_library_runs_alone():
    toolbox = "config/simulate/toolbox.yaml"
    assert "there is no workflow" in run("simulate", toolbox).stderr
    assert "needs inputs.parameters.archive" in run("simulate", toolbox, "--entrypoint", "copy").stderr
    shown = run("render", toolbox, "toolbox", "--entrypoint", "copy", "-p", "archive=a.tar", "-p", "mirror=b").stdout
    assert "- a.tar\n  - /mirrors/b/\n" in shown


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no recorded cases at {SHARED} (set TIPHYS_SHARED)")
def test_a_recorded_case_is_a_script_of_its_own():
    case = next(iter(sorted((SHARED / "conformance/workflow/simulate").glob("example-dag-d*.json"))))
    done = run("simulate", case, "--assert", "-o", "none")
    assert done.returncode == 0, done.stderr


def test_graph_and_render():
    text = run("graph", "config/simulate/nightly-dump.yaml").stdout
    assert text.splitlines()[0] == "main (dag)" and "× 2 items" in text and "at the end: report" in text
    assert "digraph" in run("graph", "-o", "dot", "config/simulate/nightly-dump.yaml").stdout
    assert "flowchart TD" in run("graph", "-o", "mermaid", "config/simulate/nightly-dump.yaml").stdout
    shown = run("render", "config/simulate/nightly-dump.yaml", "upload(1:us)").stdout
    assert "- us\n" in shown
    done = run("render", "config/simulate/nightly-dump.yaml", "nobody")
    assert done.returncode == 3 and "there is no node nobody" in done.stderr


def test_the_committed_reference_pages_are_those_of_the_tables(tmp_path):
    assert run("help", "--pages", tmp_path).returncode == 0
    stale = [p.name for p in tmp_path.iterdir() if (ROOT / "docs/reference" / p.name).read_text() != p.read_text()]
    assert not stale, "run ./dev docs"
