"""./dev demo [--redis|--kafka] [--keep] [FILE.pdf]: the document story end to end, on a real PDF.

Starts `tiphys dev` with the resources of this folder, the medical catalog and the upload app, uploads the sample through FastAPI, shows
the tree while it runs, prints what was found in the document and where to look next. Exit code 0 only if the workflow Succeeded.
Everything it writes is under build/demo; every process it starts is ended by its pid.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support import Proc, free_port  # noqa: E402

PYTHON = "/usr/bin/python3"
PATIENCE_S = 180


class Failed(SystemExit):
    """Ends the demo with words and exit code 1."""

    def __init__(self, words: str):
        print(f"\ndemo: {words}", file=sys.stderr)
        super().__init__(1)


def step(words: str) -> None:
    bold = ("\033[1m", "\033[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("", "")
    print(f"{bold[0]}==> {words}{bold[1]}", flush=True)


def port(usual: int) -> int:
    """The usual port when it is free, so that what we print is what the README says."""
    import socket

    with contextlib.closing(socket.socket()) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", usual))
            return usual
        except OSError:
            return free_port()


def fetch(url: str, data: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, dict]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers or {}), timeout=30) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        body = error.read()
        try:
            return error.code, json.loads(body)
        except ValueError:
            return error.code, {"detail": body.decode(errors="replace")}
    except (OSError, ValueError):
        return 0, {}


def wait_until(condition, what: str, proc: Proc | None = None, patience: float = 30) -> None:
    end = time.monotonic() + patience
    while not condition():
        if proc and not proc.alive():
            raise Failed(f"{proc.name} ended while waiting for {what}:\n{tail(proc.log)}")
        if time.monotonic() > end:
            raise Failed(f"{what} did not happen within {patience:g} s" + (f":\n{tail(proc.log)}" if proc else ""))
        time.sleep(0.05)


def tail(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


@contextlib.contextmanager
def broker_for(way: str) -> Iterator[str]:
    """A Redis or Kafka of the demo's own; yields host:port."""
    if way == "redis":
        from support import redis_server

        with redis_server() as redis:
            yield f"{redis.host}:{redis.port}"
    elif way == "kafka":
        from support import kafka_broker

        with kafka_broker() as kafka:
            kafka.create_topic("documents")
            yield kafka.bootstrap
    else:
        yield ""


class Demo:
    def __init__(self, bin_dir: Path, home: Path, way: str, broker: str, pick: Callable[[int], int] = port):
        self.way, self.broker, self.bin = way, broker, bin_dir
        self.home = home
        shutil.rmtree(self.home, ignore_errors=True)
        (self.home / "uploads").mkdir(parents=True)
        self.api, self.webhook, self.catalog, self.upload = pick(2746), pick(12000), pick(8001), pick(8000)
        self.procs: list[Proc] = []

    def start(self, name: str, argv: list[str], **env: str) -> Proc:
        proc = Proc(argv, self.home / f"{name}.log", name=name, env=env)
        self.procs.append(proc)
        return proc

    def resources(self) -> list[str]:
        out = self.home / "resources"
        words = ["--uploads", str(self.home / "uploads"), "--graph", str(self.home / "graph" / "graph.sqlite")]
        words += ["--catalog", f"http://127.0.0.1:{self.catalog}", "--port", str(self.webhook)]
        words += [f"--{self.way}", self.broker] if self.broker else []
        words += ["--worker", str(self.visible_worker())]
        subprocess.run(["sh", str(HERE / "render.sh"), str(out), *words], check=True, stdout=subprocess.DEVNULL)
        suffix = f"-{self.way}" if self.broker else ""
        source = f"eventsource-{self.way}.yaml"
        files = ["artifact-repositories.yaml", "workflowtemplate.yaml", source, f"sensor{suffix}.yaml"]
        return [word for name in files for word in ("-f", str(out / name))]

    def visible_worker(self) -> Path:
        """Steps have a /tmp and /run of their own: from a checkout there the worker is copied to where they see it."""
        worker = HERE / "worker"
        if worker.parts[1] not in ("tmp", "run"):
            return worker
        copy = Path.home() / ".cache" / "tiphys" / "demo-worker"
        shutil.copytree(worker, copy, dirs_exist_ok=True)
        return copy

    def start_all(self) -> None:
        tiphys = str(self.bin / "tiphys")
        dev = self.start("tiphys", [tiphys, "dev", *self.resources(), "--data", str(self.home / "data"), "--port", str(self.api)])
        catalog = self.start("catalog", self.uvicorn("catalog", self.catalog))
        notify = {"NOTIFY": self.way, "WEBHOOK_URL": f"http://127.0.0.1:{self.webhook}/document", "UPLOAD_DIR": str(self.home / "uploads"),
                  "TIPHYS_API": f"http://127.0.0.1:{self.api}"}
        notify |= {"REDIS_URL": f"redis://{self.broker}/0"} if self.way == "redis" else {}
        notify |= {"KAFKA_BROKERS": self.broker} if self.way == "kafka" else {}
        upload = self.start("upload", self.uvicorn("upload", self.upload), **notify)
        wait_until(lambda: fetch(f"http://127.0.0.1:{self.api}/health")[0] == 200 or "is ready" in dev.log.read_text(), "tiphys dev to be ready", dev)
        print(dev.log.read_text(), end="", flush=True)
        wait_until(lambda: fetch(f"http://127.0.0.1:{self.catalog}/health")[0] == 200, "the catalog to answer", catalog)
        wait_until(lambda: fetch(f"http://127.0.0.1:{self.upload}/health")[0] == 200, "the upload app to answer", upload)

    def uvicorn(self, app: str, number: int) -> list[str]:
        return [PYTHON, "-m", "uvicorn", "app:app", "--app-dir", str(HERE / app), "--port", str(number), "--log-level", "warning"]

    def post(self, pdf: Path) -> str:
        boundary = "tiphys-demo-boundary"
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{pdf.name}"\r\nContent-Type: application/pdf\r\n\r\n'
        rest = f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="patient_id"\r\n\r\npatient-7\r\n--{boundary}--\r\n'
        body = head.encode() + pdf.read_bytes() + rest.encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        # with Redis nobody may listen yet: the app answers 503 then, and we come again
        end = time.monotonic() + 30
        while True:
            status, answer = fetch(f"http://127.0.0.1:{self.upload}/upload", body, headers)
            if status == 202:
                return answer["document_id"]
            if status != 503 or time.monotonic() > end:
                raise Failed(f"the upload was answered {status}: {answer.get('detail', answer)}")
            time.sleep(0.2)

    def cli(self, *words: str) -> str:
        done = subprocess.run([str(self.bin / "tiphys"), *words, "--data", str(self.home / "data")], capture_output=True, text=True)
        return done.stdout or done.stderr

    def workflow_of(self, document: str) -> str:
        """By Redis the app may learn the end before it has asked for the workflow's name."""
        query = f"listOptions.labelSelector=docproc/document-id={document}"
        items = fetch(f"http://127.0.0.1:{self.api}/api/v1/workflows/default?{query}")[1].get("items") or []
        return items[0]["metadata"]["name"] if items else ""

    def phase(self, workflow: str) -> str:
        return fetch(f"http://127.0.0.1:{self.api}/api/v1/workflows/default/{workflow}")[1].get("status", {}).get("phase", "")

    def follow(self, document: str) -> dict:
        """Show the tree whenever it changed; in place on a terminal."""
        shown, name, end = "", "", time.monotonic() + PATIENCE_S
        while True:
            state = fetch(f"http://127.0.0.1:{self.upload}/documents/{document}")[1]
            name = name or state.get("workflow") or self.workflow_of(document)
            if name:
                tree = self.cli("get", name)
                if tree != shown and sys.stdout.isatty():
                    print("\033[2J\033[H" + tree, end="", flush=True)
                elif tree != shown and not shown:
                    print(f"workflow {name} is running", flush=True)
                shown = tree
            phase = self.phase(name) if name else ""
            if state.get("state") in ("succeeded", "failed") and phase in ("Succeeded", "Failed", "Error"):
                if not sys.stdout.isatty():
                    print(self.cli("get", name), end="", flush=True)
                return state | {"workflow": name, "phase": phase}
            if time.monotonic() > end:
                raise Failed(f"the pipeline did not end within {PATIENCE_S} s:\n{shown}")
            time.sleep(0.2)

    def stop(self) -> None:
        for proc in reversed(self.procs):
            proc.stop()


def show_result(state: dict) -> None:
    result = state.get("result") or {}
    rows = result.get("measurements") or []
    step(f"found {result.get('found', len(rows))} measurements on {result.get('pages', '?')} pages")
    for row in rows:
        flag = {"low": "LOW", "high": "HIGH"}.get(str(row.get("flag", row.get("status", ""))).lower(), "")
        print(f"  {str(row.get('name', '')):32.32} {str(row.get('value', '')):>10} {str(row.get('unit', '') or ''):12.12} {str(row.get('loinc', '') or ''):10} {flag}")


def where_to_look(demo: Demo, state: dict) -> None:
    short = os.path.relpath(demo.home, Path.cwd())
    tool, data = os.path.relpath(demo.bin / "tiphys", Path.cwd()), f"--data {short}/data"
    step("where to look")
    print(f"  the run again       {tool} get {state['workflow']} {data}")
    print(f"  logs of every step  {tool} logs {state['workflow']} {data}")
    print(f"  why it fired        {tool} events list {data}")
    print(f"  the graph           sqlite3 {short}/graph/graph.sqlite .tables")
    print(f"  artifacts           {short}/data/artifacts")
    print(f"  the resources       {short}/resources")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, required=True, help=argparse.SUPPRESS)
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--redis", dest="way", action="store_const", const="redis", help="the event goes by a Redis channel")
    way.add_argument("--kafka", dest="way", action="store_const", const="kafka", help="the event goes by a Kafka topic")
    parser.add_argument("--home", type=Path, default=ROOT / "build" / "demo", help="where everything is written")
    parser.add_argument("--free-ports", action="store_true", help="any free ports instead of the usual ones")
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    parser.add_argument("pdf", nargs="?", type=Path, default=HERE / "sample" / "lab-report.pdf", help="default: the sample lab report")
    parser.set_defaults(way="webhook")
    args = parser.parse_args()
    if not args.pdf.is_file():
        parser.error(f"no such file: {args.pdf}")
    with broker_for(args.way) as broker:
        demo = Demo(args.bin, args.home.resolve(), args.way, broker, (lambda _: free_port()) if args.free_ports else port)
        try:
            step(f"start tiphys, the medical catalog and the upload app (event by {args.way})")
            demo.start_all()
            step(f"upload {os.path.relpath(args.pdf, Path.cwd())} through FastAPI at http://127.0.0.1:{demo.upload}/upload")
            document = demo.post(args.pdf)
            state = demo.follow(document)
            if state["phase"] != "Succeeded":
                print(f"\ndemo: the workflow failed: {state.get('message')}", file=sys.stderr)
                where_to_look(demo, state)
                return 1
            show_result(state)
            where_to_look(demo, state)
            if args.keep:
                step(f"kept: http://127.0.0.1:{demo.upload}/ takes more documents; Ctrl-C ends it")
                with contextlib.suppress(KeyboardInterrupt):
                    while True:
                        time.sleep(3600)
        finally:
            demo.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
