"""./dev bench [ROW...]: speed and memory, each row beside its reference in the same run.

Rows and goals: docs/benchmarks.md. Both sides run interleaved (A B B A ...), the figure is the median of the ratios of each
round, so that a noisy machine disturbs both sides alike. Each row ends with one line: `ROW value (goal value) ok|short`.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from support import free_port, wait_for  # noqa: E402

HERE = Path(__file__).resolve().parent
ROUNDS = 9

WEBHOOK = """\
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {{name: bench}}
spec:
  webhook:
    event: {{port: "{port}", endpoint: /event, method: POST}}
"""

SENSOR = """\
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: bench}
spec:
  dependencies: [{name: event, eventSourceName: bench, eventName: event}]
  triggers:
    - template:
        name: create
        k8s:
          operation: create
          source:
            resource:
              apiVersion: argoproj.io/v1alpha1
              kind: Workflow
              metadata: {generateName: bench-, labels: {bench: "{{.Input.body.document_id}}"}}
              spec:
                suspend: true
                entrypoint: main
                templates: [{name: main, container: {image: none, command: ["/bin/true"]}}]
"""

POST_LUA = """\
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"document_id":"5f0c6b1e-8a9d-4c1f","pad":"' .. string.rep("x", 212) .. '"}'
"""


class Bench:
    """Where the programs are, and a scratch folder on the disk that is measured."""

    def __init__(self, build: Path, scratch: Path):
        self.bin, self.scratch = build, scratch
        self.lua = scratch / "post.lua"
        self.lua.write_text(POST_LUA)

    def program(self, name: str) -> str:
        for folder in (self.bin, self.bin.parent / "bench"):
            if (folder / name).exists():
                return str(folder / name)
        raise SystemExit(f"bench: {name} is not built (./dev build)")


@contextmanager
def running(argv, log: Path, **kw):
    """A process of ours, ended by its pid."""
    with log.open("wb") as out:
        proc = subprocess.Popen(argv, stdout=kw.pop("stdout", out), stderr=out, **kw)
    try:
        yield proc
    finally:
        if proc.poll() is None:
            proc.send_signal(signal.SIGTERM)
            try:
                proc.wait(10)
            except subprocess.TimeoutExpired:
                proc.kill()
                proc.wait()


@contextmanager
def reference_server(b: Bench):
    argv = [b.program("ref_durable_http"), str(b.scratch / "reference.log")]
    with running(argv, b.scratch / "reference.err", stdout=subprocess.PIPE) as proc:
        yield int(proc.stdout.readline())


def answers(port: int) -> bool:
    import urllib.error
    import urllib.request

    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).read()
        return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@contextmanager
def tiphys_dev(b: Bench, resources: str, api: int = 0):
    """`tiphys dev` on an empty data folder with the webhook up; yields (webhook port, process, api port)."""
    with tempfile.TemporaryDirectory(dir=b.scratch) as folder:
        port, api = free_port(), api or free_port()
        files = Path(folder) / "resources.yaml"
        files.write_text(resources.replace("{port}", str(port)).replace("{{name: bench}}", "{name: bench}")
                         .replace('{{port: "', '{port: "').replace("method: POST}}", "method: POST}"))
        argv = [b.program("tiphys"), "dev", "-f", str(files), "--data", f"{folder}/data", "--port", str(api)]
        with running(argv, b.scratch / "dev.log") as proc:
            wait_for(lambda: answers(port), 10, "the webhook answers")
            yield port, proc, api


def wrk(b: Bench, port: int, path: str, connections: int, seconds: float = 2) -> float:
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", str(b.lua), f"http://127.0.0.1:{port}{path}"]
    text = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in text or "Socket errors: connect" in text:
        raise SystemExit(f"bench: wrk saw failures:\n{text}")
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith("Requests/sec")))


def report(row: str, value: float, goal: float, *, at_most: bool = False, unit: str = "", note: str = "") -> bool:
    ok = value <= goal if at_most else value >= goal
    if note:
        print(f"   {note}")
    print(f"{row} {value:.2f}{unit} (goal {'<= ' if at_most else '>= '}{goal:g}{unit}) {'ok' if ok else 'short'}", flush=True)
    return ok


def interleaved(rounds: int, ours, theirs):
    """Ratios ours/theirs of each round; the order turns round by round."""
    ours(), theirs()  # warm
    ratios, mine, other = [], [], []
    for i in range(rounds):
        a, b = (ours(), theirs()) if i % 2 == 0 else reversed((theirs(), ours()))
        ratios.append(a / b)
        mine.append(a)
        other.append(b)
    return ratios, statistics.median(mine), statistics.median(other)


def row_w1(b: Bench) -> bool:
    """Durable webhook ingest against the group-fdatasync reference."""
    good = True
    with reference_server(b) as ref, tiphys_dev(b, WEBHOOK) as (port, _, _):
        for connections, goal in ((128, 0.45), (32, 0.60)):
            ratios, mine, other = interleaved(ROUNDS, lambda: wrk(b, port, "/event", connections, 1), lambda: wrk(b, ref, "/event", connections, 1))
            good &= report(f"W1.c{connections}", statistics.median(ratios), goal, note=f"c={connections}: ours {mine:,.0f}/s, reference {other:,.0f}/s, quartiles {quartiles(ratios)}")
    return good


def quartiles(values) -> str:
    q = statistics.quantiles(values, n=4)
    return f"{q[0]:.2f}..{q[2]:.2f}"


def latency(b: Bench, port: int, n: int, api: int = 0) -> float:
    argv = [b.program("post_latency"), str(port), "/event", str(n)] + ([str(api)] if api else [])
    text = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout
    return statistics.median(float(line) for line in text.split())


def row_l1(b: Bench) -> bool:
    """Webhook to durable workflow, seen in the watch stream, one at a time, against one durable HTTP request."""
    with reference_server(b) as ref, tiphys_dev(b, WEBHOOK + SENSOR) as (port, _, api):
        ratios, mine, other = interleaved(ROUNDS, lambda: latency(b, port, 100, api), lambda: latency(b, ref, 100))
        return report("L1", statistics.median(ratios), 3.5, at_most=True, unit="x", note=f"p50 ours {mine:.0f} us, floor {other:.0f} us, quartiles {quartiles(ratios)}")


def rss_kib(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS")))


def children_rss_kib(pid: int) -> int:
    kids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(rss_kib(int(kid)) + children_rss_kib(int(kid)) for kid in kids)


def docproc_resources(b: Bench) -> str:
    out = b.scratch / "docproc"
    render = HERE.parent / "config/docproc/render.sh"
    subprocess.run(["sh", str(render), str(out), "--port", "0", "--uploads", str(b.scratch), "--graph", str(b.scratch / "graph.sqlite")], check=True, stdout=subprocess.DEVNULL)
    wanted = ("eventsource-webhook.yaml", "sensor.yaml", "workflowtemplate.yaml", "artifact-repositories.yaml")
    return "\n---\n".join((out / name).read_text() for name in wanted)


def row_i1(b: Bench) -> bool:
    """Idle memory of `tiphys dev` with the docproc resources."""
    text = docproc_resources(b).replace('port: "0"', 'port: "{port}"')
    with tiphys_dev(b, text) as (_, proc, _):
        time.sleep(2)  # nothing to wait for: idle is the point
        own, kids = rss_kib(proc.pid), children_rss_kib(proc.pid)
        return report("I1", (own + kids) / 1024, 14, at_most=True, unit="MB", note=f"process {own / 1024:.1f} MB, helpers {kids / 1024:.1f} MB")


def first_answer_ms(b: Bench) -> float:
    with tempfile.TemporaryDirectory(dir=b.scratch) as folder:
        port = free_port()
        files = Path(folder) / "es.yaml"
        files.write_text(WEBHOOK.format(port=port))
        start = time.monotonic()
        argv = [b.program("tiphys"), "dev", "-f", str(files), "--data", f"{folder}/data", "--port", "0"]
        with running(argv, b.scratch / "dev.log"):
            import socket

            while True:
                try:
                    with socket.create_connection(("127.0.0.1", port), 1) as s:
                        s.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                        if s.recv(64).startswith(b"HTTP/1.1 200"):
                            return (time.monotonic() - start) * 1000
                except OSError:
                    if time.monotonic() - start > 10:
                        raise


def row_b1(b: Bench) -> bool:
    """exec to the first 200 on an empty data folder."""
    values = [first_answer_ms(b) for _ in range(11)]
    return report("B1", statistics.median(values), 60, at_most=True, unit="ms", note=f"quartiles {quartiles(values)} ms")


def c_program(name: str, *words: str):
    def row(b: Bench) -> bool:
        done = subprocess.run([b.program(name), *words], cwd=b.scratch, stdout=subprocess.PIPE, text=True)
        print(done.stdout, end="", flush=True)
        return done.returncode == 0 and " short" not in done.stdout

    return row


ROWS = {
    "W1": row_w1, "L1": row_l1, "S1": c_program("step_start", "S1"), "S3": c_program("step_start", "S3"), "I1": row_i1, "B1": row_b1,
    "S4": c_program("flow", "S4"), "S5": c_program("flow", "S5"),
    "F1": c_program("lang_speed", "F1"), "F2": c_program("lang_speed", "F2"), "GJSON": c_program("lang_speed", "GJSON"), "TMPL": c_program("lang_speed", "TMPL"),
    "D1": c_program("engine_scale", "D1"), "D2": c_program("engine_scale", "D2"), "D3": c_program("engine_scale", "D3"), "REC": c_program("engine_scale", "REC"),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--bin", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, default=HERE.parent / "build")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    args = parser.parse_args()
    unknown = [row for row in args.rows if row not in ROWS]
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)} (have: {', '.join(ROWS)})")
    load = os.getloadavg()[0]
    if load > 1:
        print(f"   note: the machine is busy (load {load:.1f}); ratios suffer less than figures", flush=True)
    with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
        b = Bench(args.bin, Path(folder))
        results = [ROWS[row](b) for row in args.rows or ROWS]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
