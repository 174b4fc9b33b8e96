"""tiphys eval: exit codes, where data comes from, where a mistake is shown. Results are in docs/reference, which is run too."""

import json
import subprocess

import pytest

from support import tiphys

EVENT = {"body": {"n": 3, "name": "x", "list": [1, 2]}, "metadata": {"labels": {"app": "web"}}}


def evaluate(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([tiphys(), "eval", *words], input=stdin, capture_output=True, text=True, timeout=20)


@pytest.mark.parametrize(
    ("words", "result"),
    [
        (["--expr", "body.n + 1"], "4"),
        (["--filter", "body.n == 3"], "true"),
        (["--tag", "{{= body.n }} {{v}}", "--var", "v=1"], "3 1"),
        (["--when", "{{v}} == 1", "--var", "v=1"], "true"),
        (["--govaluate", "n > 2", "--field", "n=body.n"], "true"),
        (["--gjson", "body.list"], "[1, 2]"),
        (["--jsonpath", "{.body.list[*]}"], "1 2"),
        (["--template", "{{.Input.body.name}}"], "x"),
        (["--lua", "return event.body.n * 2"], "6"),
        (["--jq", ".body | .n, .name"], "3\nx"),
        (["--regex", '"n": ([0-9])'], '"n": 3\t3'),
        (["--cron", "@hourly", "--count", "1", "--now", "2026-01-02T03:04:05Z"], "2026-01-02T04:00:00Z"),
        (["--selector", "app=web"], "true"),
        (["--field-selector", "body.name!=y"], "true"),
        (["--quantity", "0.5"], "500m = 0.5"),
        (["--duration", "90"], "1m30s = 90s"),
    ],
)
def test_every_language_has_an_answer(words, result):
    done = evaluate(*words, "--event", "-", stdin=json.dumps(EVENT))
    assert (done.returncode, done.stdout, done.stderr) == (0, result + "\n", "")
    as_json = evaluate(*words, "--event", "-", "-o", "json", stdin=json.dumps(EVENT))
    assert as_json.returncode == 0
    json.loads(as_json.stdout)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "which language?"),
        (["--expr", "1", "--when", "true"], 2, "one program at a time"),
        (["--expr", "1", "--event", "x", "--input", "{}"], 2, "not both"),
        (["--expr", "1", "--event", "/nosuch"], 3, "No such file"),
        (["--expr", "a", "--input", '{"a" 1}'], 2, "line 1 column 6"),
        (["--expr", "a", "--input", "[]"], 2, "no JSON object"),
        (["--expr", "a", "--var", "b"], 2, "expected NAME=VALUE"),
        (["--expr", "1", "--now", "noon"], 2, "--now: expected a time"),
        (["--cron", "@daily", "--timezone", "Mars/Olympus"], 2, "unknown time zone"),
        (["--gjson", "nosuch", "--input", "{}"], 1, "nothing is there"),
        (["--regex", "x", "--input", "y"], 1, "no match"),
        (["--filter", "1 == 2", "--test"], 1, ""),
        (["--expr", "1 +\n 2 $ 3"], 2, "\n   2 $ 3\n     ^\n"),
        (["--expr", "a[3]", "--input", '{"a": []}'], 1, "\n  a[3]\n   ^\n"),
        (["--filter", "\u00e9 $"], 2, "\n  \u00e9 $\n    ^\n"),
        (["--template", "{{ x | y }}"], 2, "\n  {{ x | y }}\n     ^\n"),
        (["--govaluate", "1 > > 2"], 2, "\n  1 > > 2\n      ^\n"),
        (["--jq", ".a | nope"], 2, "function not defined: nope/0\n  .a | nope\n       ^\n"),
        (["--jq", "empty"], 1, "no output"),
        (["--jq", "1, error", "--input", '"x"'], 1, "error: x"),
        (["--lua", "return {print}"], 1, "holds what JSON cannot"),
        (["--lua", "local a = 1\nerror('no')"], 1, "no\n  error('no')\n"),
    ],
)
def test_mistakes_have_a_code_and_a_place(words, code, said):
    done = evaluate(*words)
    assert (done.returncode, done.stdout) == (code, "false\n" if "--test" in words else "")
    assert said in done.stderr
