"""./dev conformance [DIR]: every recorded case we can run, from DIR (default ../shared/conformance).

DIR holds the folders events, lang and workflow, or is one of them. Each runner prints its failures with expected and actual and a line
per file; the last line sums up: `N passed, N failed, N listed`. Listed: on purpose different, or refused as not supported yet.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

# program -> the folder or file it takes, seen from DIR
RUNNERS = {
    "tests/lang_cases": "lang",
    "tests/events_cases": "events",
    "tests/payload_cases": "events/payload.jsonl",
    "tests/filter_cases": "events/eventfilter.jsonl",
    "tests/test_webhook_conformance": "events/webhook.jsonl",
    "bin/tiphys-simulate-cases": "workflow/simulate",
    "bin/tiphys-validate-cases": "workflow/validate/cases.jsonl",
}
TOTAL = re.compile(r"(\d+) passed, (\d+) failed, (\d+) listed\s*$")


def place(folder: Path, wanted: str) -> Path | None:
    """DIR itself may be the folder that the runner wants."""
    head, _, rest = wanted.partition("/")
    for candidate in (folder / wanted, folder / rest if folder.name == head else folder / wanted):
        if candidate.exists():
            return candidate
    return None


def run(program: Path, cases: Path, folder: Path) -> tuple[int, int, int]:
    env = os.environ | {"TIPHYS_SHARED": str(folder.parent)}
    print(f"== {cases}", flush=True)
    done = subprocess.run([str(program), str(cases)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
    lines = done.stdout.rstrip().splitlines()
    for line in reversed(lines):
        if match := TOTAL.search(line):
            print("\n".join(lines))
            return tuple(int(n) for n in match.groups())
    records = re.search(r"(\d+) records, (\d+) differ", done.stdout)
    print(records[0] if records else done.stdout)
    if records:
        return int(records[1]) - int(records[2]), int(records[2]), 0
    return 0, 1, 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev conformance", description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    if not args.folder.is_dir():
        print(f"NOT RUN: no recorded cases at {args.folder} (set TIPHYS_SHARED)")
        return 77
    totals = [0, 0, 0]
    for name, wanted in RUNNERS.items():
        cases = place(args.folder.resolve(), wanted)
        if cases is None:
            continue
        for i, n in enumerate(run(args.build / name, cases, args.folder.resolve())):
            totals[i] += n
    print("{} passed, {} failed, {} listed".format(*totals))
    return 1 if totals[1] else 0


if __name__ == "__main__":
    sys.exit(main())
