"""./dev faults [SECONDS] [--kafka]: kill -9 at random while numbered events flow; what was answered 200 must be there once.

Three daemons share one data folder: tiphys-eventsource, tiphys-sensor, tiphys-controller. Every second or so one of them gets
SIGKILL and is started again. Afterwards every event that was answered 200 (or acknowledged by the Kafka broker) has exactly one
Workflow. Half of the webhook events are CloudEvents that the sender repeats until answered: their id makes the repetition harmless.
The same with `tiphys dev`, which is all of them in one process. A last round kills the controller while workflows with locks and
retries run (workflows.py). Each round ends with `lost N, doubled
N, of N` or `wrong N, of N`; the seed is printed first. Exit code 1 when anything was lost, doubled or wrong.
"""

import argparse
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import Proc, free_port, kafka_broker, tiphys, wait_for  # noqa: E402
from support.dev import Cli  # noqa: E402
from faults.workflows import workflows_round  # noqa: E402

RATE = 200
SOURCES = {
    "webhook": 'webhook: {{event: {{port: "{port}", endpoint: /event, method: POST}}}}',
    "kafka": 'kafka: {{event: {{url: "{bootstrap}", topic: numbers, jsonBody: true, consumerGroup: {{groupName: faults, oldest: true}}}}}}',
}
RESOURCES = """
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {{name: source}}
spec:
  {source}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {{name: sensor}}
spec:
  dependencies: [{{name: event, eventSourceName: source, eventName: event}}]
  triggers:
    - template:
        name: create
        k8s:
          operation: create
          source:
            resource:
              apiVersion: argoproj.io/v1alpha1
              kind: Workflow
              metadata: {{generateName: number-, labels: {{number: "{{{{.Input.body.number}}}}"}}}}
              spec:
                entrypoint: main
                templates: [{{name: main, suspend: {{duration: "1"}}}}]
"""


DAEMONS = {
    "tiphys-eventsource": ["--metrics-port", "0"],
    "tiphys-sensor": ["--metrics-port", "0"],
    "tiphys-controller": ["--metrics-port", "0", "--health-port", "0"],
}
ONE_PROCESS = {"tiphys": ["--port", "0"]}


class Daemons:
    """The three, or all of it in one process, and the hand that kills them."""

    def __init__(self, folder: Path, data: Path, rng: random.Random, programs: dict[str, list[str]] = DAEMONS):
        self.rng, self.kills = rng, Counter()
        command = {"tiphys": ["dev"]}
        self.procs = {
            name: Proc([str(tiphys(name)), *command.get(name, []), "--data", str(data), *options], folder / f"{name}.log", name=name)
            for name, options in programs.items()
        }

    def kill_one(self) -> None:
        name = self.rng.choice(list(self.procs))
        self.procs[name].kill9()
        self.kills[name] += 1
        self.procs[name].start()

    def stop(self) -> None:
        for proc in self.procs.values():
            proc.stop()


class Sender:
    """Numbered events to the webhook at RATE; remembers which were answered 200."""

    def __init__(self, port: int, count: int):
        self.port, self.count = port, count
        self.answered: set[int] = set()
        self.lock, self.next = threading.Lock(), iter(range(count))
        self.start = time.monotonic()

    def post(self, connection: http.client.HTTPConnection | None, number: int, again: bool) -> http.client.HTTPConnection | None:
        body = json.dumps({"number": f"n{number}"})
        headers = {"Content-Type": "application/json"}
        if again:
            headers |= {"ce-id": f"event-{number}", "ce-source": "faults", "ce-type": "number", "ce-specversion": "1.0"}
        while True:
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("POST", "/event", body, headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    with self.lock:
                        self.answered.add(number)
                    return connection
            except (OSError, http.client.HTTPException):
                connection = None
            if not again:
                return connection
            time.sleep(0.02)

    def work(self) -> None:
        connection = None
        while True:
            with self.lock:
                number = next(self.next, None)
            if number is None:
                return
            time.sleep(max(0.0, self.start + number / RATE - time.monotonic()))
            connection = self.post(connection, number, again=number % 2 == 0)

    def run(self) -> threading.Thread:
        workers = [threading.Thread(target=self.work, daemon=True) for _ in range(8)]
        joiner = threading.Thread(target=lambda: [worker.join() for worker in workers], daemon=True)
        for thread in (*workers, joiner):
            thread.start()
        return joiner


def numbers_of(cli: Cli) -> Counter:
    return Counter(int(wf["metadata"]["labels"]["number"][1:]) for wf in cli.workflows() if "number" in wf["metadata"].get("labels", {}))


def settle(cli: Cli, expected: set[int]) -> Counter:
    """Until all expected ones are there, or nothing has changed for 15 s."""
    seen, since = numbers_of(cli), time.monotonic()
    while not expected <= seen.keys() and time.monotonic() - since < 15:
        time.sleep(0.5)
        now = numbers_of(cli)
        if now != seen:
            seen, since = now, time.monotonic()
    return seen


def verdict(seen: Counter, acknowledged: set[int], kills: Counter, what: str) -> bool:
    lost = sorted(acknowledged - seen.keys())
    doubled = sorted(number for number, times in seen.items() if times > 1)
    print(f"{what}: killed {dict(kills)}; lost {lost[:10]}, doubled {doubled[:10]}")
    print(f"lost {len(lost)}, doubled {len(doubled)}, of {len(acknowledged)}", flush=True)
    return not lost and not doubled


def webhook_round(folder: Path, count: int, rng: random.Random, programs: dict[str, list[str]] = DAEMONS) -> bool:
    port, data = free_port(), folder / "data"
    cli = Cli(data)
    cli.ok("apply", "-f", "-", stdin=RESOURCES.format(source=SOURCES["webhook"].format(port=port)))
    daemons = Daemons(folder, data, rng, programs)
    try:
        wait_for(lambda: connects(port), 15, "the webhook listens")
        sender = Sender(port, count)
        sending = sender.run()
        while sending.is_alive():
            sending.join(rng.expovariate(1.0))
            if sending.is_alive():
                daemons.kill_one()
        return verdict(settle(cli, sender.answered), sender.answered, daemons.kills, f"webhook, {count} events at {RATE}/s")
    finally:
        daemons.stop()


def dev_round(folder: Path, count: int, rng: random.Random) -> bool:
    """In one process an event, the decision on it and the Workflow share a commit (decision 0024)."""
    return webhook_round(folder, count, rng, ONE_PROCESS)


def kafka_round(folder: Path, count: int, rng: random.Random) -> bool:
    data = folder / "data"
    cli = Cli(data)
    with kafka_broker() as broker:
        broker.create_topic("numbers", partitions=3)
        cli.ok("apply", "-f", "-", stdin=RESOURCES.format(source=SOURCES["kafka"].format(bootstrap=broker.bootstrap)))
        daemons = Daemons(folder, data, rng)
        acknowledged: set[int] = set()
        try:
            for first in range(0, count, 100):
                batch = range(first, min(first + 100, count))
                broker.produce("numbers", *[json.dumps({"number": f"n{i}"}) for i in batch])
                acknowledged |= set(batch)
                daemons.kill_one()
                if first <= count // 2 < first + 100:
                    broker.kill9()
                    broker.start()
            return verdict(settle(cli, acknowledged), acknowledged, daemons.kills, f"kafka, {count} records, broker restarted")
        finally:
            daemons.stop()


def connects(port: int) -> bool:
    import socket

    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--only", choices=["webhook", "dev", "kafka", "workflows"])
    parser.add_argument("seconds", nargs="?", type=float, default=25.0, help="length of the webhook round (25: 5,000 events, 200 workflows)")
    args = parser.parse_args()
    print(f"seed {args.seed}")
    rng, good = random.Random(args.seed), True
    rounds = {"webhook": (webhook_round, RATE), "dev": (dev_round, RATE), "kafka": (kafka_round, RATE // 5), "workflows": (workflows_round, 8)}
    for name, (round_, per_second) in rounds.items():
        if args.only in (None, name):
            with tempfile.TemporaryDirectory(prefix="tiphys-faults-") as folder:
                good &= round_(Path(folder), int(args.seconds * per_second), rng)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
