"""podGC: what steps leave behind goes, and nothing runs again because of it."""

from support import wait_for
from support.dev import Dev

NOTHING = "{apiVersion: v1, kind: ConfigMap, metadata: {name: nothing}}"

TIDY = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: tidy}}
spec:
  entrypoint: main
  podGC: {{strategy: OnPodCompletion, deleteDelayDuration: 0s, labelSelector: {{matchLabels: {{keep: "no"}}}}}}
  volumes: [{{name: out, hostPath: {{path: {out}}}}}]
  templates:
    - name: main
      steps:
        - - {{name: first, template: go-away}}
        - - {{name: gate, template: gate}}
        - - {{name: last, template: stay}}
    - name: go-away
      metadata: {{labels: {{keep: "no"}}}}
      container: {{image: none, command: [sh, -c, "echo first >> /out/log; echo gone"], volumeMounts: [{{name: out, mountPath: /out}}]}}
    - name: stay
      container: {{image: none, command: [sh, -c, "echo last >> /out/log; echo stays"], volumeMounts: [{{name: out, mountPath: /out}}]}}
    - {{name: gate, suspend: {{}}}}
"""


def test_a_step_that_is_done_leaves_nothing_and_does_not_run_again(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with Dev(tmp_path, NOTHING) as dev:
        dev.ok("submit", "-", stdin=TIDY.format(out=out))
        wait_for(lambda: (out / "log").exists(), 15, "the first step runs")

        def left() -> list[str]:
            return [p.name for kind in ("pods", "logs") for p in (dev.data / kind).glob("*/*") if "tidy-" in p.name]

        wait_for(lambda: "gate" in dev.ok("get", "tidy") and not left(), 15, "the first step has left nothing")
        dev.proc.restart()
        dev.wait_ready()
        dev.ok("resume", "tidy")
        dev.ok("wait", "tidy", "--timeout", "20s")
        assert (out / "log").read_text().split() == ["first", "last"]
        text = dev.ok("logs", "tidy")
        assert "stays" in text and "gone" not in text
