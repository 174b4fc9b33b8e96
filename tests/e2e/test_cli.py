"""The command line without anything that runs: words, formats, exit codes."""

import json
import subprocess

import pytest

from support import tiphys
from support.dev import Cli

from .test_dev import EVENTS, HELLO

TEMPLATE = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: shared, labels: {team: a}}
spec:
  entrypoint: main
  templates: [{name: main, container: {image: none, command: ["true"]}}]
"""


@pytest.fixture
def cli(tmp_path):
    return Cli(tmp_path / "data")


def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tiphys(), *words], capture_output=True, text=True, timeout=10)


COMMANDS = [line.split("  ")[1] for line in run("help").stdout.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    done = run(*command.split(), "--help")
    assert done.returncode == 0
    assert f"usage: tiphys {command}" in done.stdout


def test_the_reference_in_docs_is_the_one_that_is_generated():
    from support.tools import ROOT

    assert (ROOT / "docs/reference/cli.md").read_text() == run("help", "--reference").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sumbit", "x.yaml"], 'unknown command "sumbit"; did you mean "submit"?'),
        (["list", "--runing"], "unknown option --runing; did you mean --running?"),
        (["list", "-o", "jsn"], "--output: jsn is not one of name, json, yaml, wide"),
        (["dev", "--port", "x"], '--port: expected a number, found "x"'),
        (["dev", "--port"], "--port needs a value: --port PORT"),
        (["wait", "--timeout", "soon", "x"], "expected a duration such as 90s or 1h30m"),
        (["get"], "get: missing NAME"),
        (["version", "x"], 'version: unexpected word "x"'),
        (["events"], "events needs one of its commands"),
        (["submit", "-p", "novalue", "x.yaml"], "No such file"),
        (["list", "nothings"], 'list: unknown kind "nothings"'),
    ],
)
def test_mistakes_are_answered_with_words_and_exit_2(words, said, tmp_path, monkeypatch):
    monkeypatch.setenv("TIPHYS_DATA", str(tmp_path))
    done = run(*words)
    assert said in done.stderr
    assert done.returncode == 2


def test_folder_where_nothing_ever_ran(cli):
    done = cli.run("list")
    assert done.returncode == 3
    assert "start `tiphys dev`" in done.stderr


def test_waiting_for_nobody_is_refused_unless_detached(cli):
    done = cli.run("submit", "--wait", "-", stdin=HELLO)
    assert done.returncode == 6
    assert "nothing runs on the data folder" in done.stderr
    done = cli.run("submit", "--detach", "-o", "name", "-", stdin=HELLO)
    assert done.returncode == 0 and done.stdout.startswith("hello-world-") and done.stderr == ""
    assert "Pending" in cli.ok("list")


def test_apply_says_what_became_of_each(cli):
    assert cli.ok("apply", "-f", "-", stdin=TEMPLATE) == "workflowtemplates.argoproj.io/shared created\n"
    assert cli.ok("apply", "-f", "-", stdin=TEMPLATE) == "workflowtemplates.argoproj.io/shared unchanged\n"
    changed = TEMPLATE.replace('"true"', '"false"').replace("team: a", "crew: b")
    assert cli.ok("apply", "-f", "-", stdin=changed) == "workflowtemplates.argoproj.io/shared configured\n"
    stored = json.loads(cli.ok("get", "wftmpl/shared", "-o", "json"))
    assert stored["spec"]["templates"][0]["container"]["command"] == ["false"]
    assert stored["metadata"]["labels"] == {"team": "a", "crew": "b"}
    assert stored["metadata"]["generation"] == 2


def test_what_a_file_no_longer_says_goes(cli):
    config = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: '1', b: '2'}}"
    cli.ok("apply", "-f", "-", stdin=config)
    cli.ok("apply", "-f", "-", stdin=config.replace(", b: '2'", ""))
    assert json.loads(cli.ok("get", "cm/c", "-o", "json"))["data"] == {"a": "1"}


def test_formats_of_list(cli):
    names = [cli.ok("submit", "--detach", "-o", "name", "-", stdin=HELLO).strip() for _ in range(2)]
    assert sorted(cli.ok("list", "-o", "name").split()) == sorted(names)
    assert len(json.loads(cli.ok("list", "-o", "json"))["items"]) == 2
    assert cli.ok("list", "-o", "yaml").startswith("apiVersion: v1\n")
    assert cli.ok("list").splitlines()[0].split() == ["NAME", "STATUS", "AGE", "DURATION", "PRIORITY", "MESSAGE"]
    assert "P/R/C" in cli.ok("list", "-o", "wide")
    assert cli.ok("list", "--completed") == ""
    assert "\033" not in cli.ok("list")


def test_names_may_be_short_but_not_misspelt(cli):
    name = cli.ok("submit", "--detach", "--name", "unmistakable", "-o", "name", "-", stdin=HELLO).strip()
    assert name == "unmistakable"
    for word in ("unmistakable", "unmis", "@latest"):
        assert json.loads(cli.ok("get", word, "-o", "json"))["metadata"]["name"] == name
    done = cli.run("get", "unmistakeable")
    assert done.returncode == 3 and "did you mean unmistakable?" in done.stderr
    done = cli.run("delete", "unmis")
    assert done.returncode == 3 and "did you mean unmistakable?" in done.stderr
    assert cli.ok("delete", "unmistakable") == "Workflow unmistakable deleted\n"


def test_submit_from_template_with_arguments_and_labels(cli):
    cli.ok("apply", "-f", "-", stdin=TEMPLATE)
    words = ["submit", "--from", "workflowtemplate/shared", "--detach", "-p", "a=1", "-p", "b=x=y", "-l", "k=v,l=w", "-o", "json"]
    made = json.loads(cli.ok(*words))
    assert made["metadata"]["generateName"] == "shared-"
    assert made["metadata"]["labels"] == {"k": "v", "l": "w", "workflows.argoproj.io/workflow-template": "shared"}
    assert made["spec"]["arguments"]["parameters"] == [{"name": "a", "value": "1"}, {"name": "b", "value": "x=y"}]
    assert cli.run("submit", "--from", "workflowtemplate/shred", "--detach").returncode == 3


def test_dry_run_creates_nothing(cli):
    assert "generateName: hello-world-" in cli.ok("submit", "--dry-run", "-", stdin=HELLO)
    assert cli.ok("list", "-o", "name") == ""


def test_same_name_twice_is_a_conflict(cli):
    cli.ok("submit", "--detach", "--name", "one", "-", stdin=HELLO)
    done = cli.run("submit", "--detach", "--name", "one", "-", stdin=HELLO)
    assert done.returncode == 5


def test_lint(tmp_path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    source = EVENTS.partition("---")[0].replace("PORT", "12000")
    good.write_text(source)
    bad.write_text(source.replace("endpoint: /event", "endpont: /event"))
    assert run("lint", str(good)).stdout == "1 resource is fine\n"
    done = run("lint", str(bad), "--strict")
    assert done.returncode == 1
    assert "bad.yaml:7:" in done.stderr and "did you mean" in done.stderr
    problems = json.loads(run("lint", str(bad), "--strict", "-o", "json").stdout)["problems"]
    assert {(p["line"], p["code"]) for p in problems} >= {(7, "W001")}
    assert "wrong type" in run("lint", "--explain", "E003").stdout
    assert run("lint", str(tmp_path / "none.yaml")).returncode == 1


def test_lint_sees_that_nothing_sends_the_event(tmp_path):
    sensor = tmp_path / "sensor.yaml"
    sensor.write_text(
        "apiVersion: argoproj.io/v1alpha1\nkind: Sensor\nmetadata: {name: s}\nspec:\n"
        "  dependencies: [{name: d, eventSourceName: nobody, eventName: e}]\n"
        "  triggers: [{template: {name: t, log: {}}}]\n"
    )
    done = run("lint", str(sensor), "--offline")
    assert done.returncode == 0 and "there is no EventSource nobody" in done.stderr


def test_completion_knows_commands_options_and_choices(cli):
    def complete(*words: str) -> list[str]:
        return run("__complete", "--", *words).stdout.split()

    assert complete("sub") == ["submit"]
    assert complete("events", "") == ["list", "show", "retry"]
    assert "--running" in complete("list", "--r")
    assert complete("list", "-o", "") == ["name", "json", "yaml", "wide"]
    for shell in ("bash", "zsh", "fish"):
        assert "__complete" in run("completion", shell).stdout


def on_terminal(argv: list[str], rows: int = 24, columns: int = 60) -> tuple[int, str]:
    """Run ARGV on a pseudo-terminal of this size."""
    import fcntl
    import os
    import pty
    import struct
    import termios

    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    env = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    env.pop("NO_COLOR", None)
    proc = subprocess.Popen(argv, stdin=child, stdout=child, stderr=child, env=env)
    os.close(child)
    out = b""
    while True:
        try:
            piece = os.read(parent, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        out += piece
    os.close(parent)
    return proc.wait(), out.decode()


def test_watch_redraws_in_place_and_ends_with_the_whole_tree(tmp_path):
    from support.dev import Dev

    from .test_dev import NOTHING

    steps = "".join(f"        - - {{name: s{i}, template: say}}\n" for i in range(30))
    text = (
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: long}\nspec:\n  entrypoint: main\n  templates:\n"
        f"    - name: main\n      steps:\n{steps}    - {{name: say, container: {{image: none, command: [echo, hi]}}}}\n"
    )
    file = tmp_path / "long.yaml"
    file.write_text(text)
    with Dev(tmp_path, NOTHING) as dev:
        code, out = on_terminal([str(tiphys()), "submit", "--watch", str(file), "--data", str(dev.data)])
    assert code == 0
    drawings = out.split("\033[J")
    assert len(drawings) > 3
    for drawing in drawings[:-1]:  # they must fit, or they could not be taken back
        assert drawing.count("\r\n") <= 24
    assert "... and " in drawings[-2]
    assert [f"s{i}" in drawings[-1] for i in range(30)] == [True] * 30
    assert "\033[32m" in out


def test_dead_letters_are_listed_and_tried_again(tmp_path):
    from support import free_port, wait_for
    from support.dev import Dev

    from .test_dev import http_status

    port = free_port()
    with Dev(tmp_path, EVENTS.replace("PORT", str(port))) as dev:
        http_status(f"http://127.0.0.1:{port}/event", b'{"other": 1}', {"Content-Type": "application/json"}, "POST")
        wait_for(lambda: "sensor" in dev.ok("events", "list", "--dead"), 10, "the dead letter")
        table = dev.ok("events", "list", "--dead")
        assert ".Input.body.number" in table
        firing = dev.ok("events", "list", "--dead", "-o", "name").split()[0]
        assert "will be tried again" in dev.ok("events", "retry", firing[:10])
        wait_for(lambda: json.loads(dev.ok("events", "list", "--dead", "-o", "json")), 10, "dead again, for the same reason")
        assert dev.run("events", "retry", "nonsense").returncode == 3
