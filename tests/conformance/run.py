"""./dev conformance [DIR]: every recorded case under DIR (default ../shared/conformance) that we can run.

DIR is any folder: its files are known by their names, wherever they lie in it. Each failure is shown with expected and actual; each file
has a line `NAME: N passed, N failed, N listed`, or `NOT RUN: NAME` when nothing runs it; the last line sums up:
`N passed, N failed, N listed`. Listed: on purpose different (beside the runner's source, or in docs/compatibility.md), or refused as not
supported yet. Exit code 1 when a case failed.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

LANGUAGES = "cron expr gjson goregex gotemplate govaluate jq jsonpath labels lua sjson template units when"
# Program -> the files it runs; it is given the folder, or the file if there is one name only.
RUNNERS = {
    "tests/lang_cases": [f"{name}.jsonl" for name in LANGUAGES.split()],
    "tests/events_cases": ["filters.jsonl", "transform.jsonl", "parameters.jsonl", "dependencies.jsonl"],
    "tests/payload_cases": ["payload.jsonl"],
    "tests/filter_cases": ["eventfilter.jsonl"],
    "tests/test_webhook_conformance": ["webhook.jsonl"],
    "bin/tiphys-validate-cases": ["cases.jsonl"],
}
SIMULATE = "bin/tiphys-simulate-cases"  # takes a folder with a .json file for each case
OPTIONS = {"tests/lang_cases": ["-n", "1000000"], "bin/tiphys-validate-cases": ["-q"], SIMULATE: ["-q"]}
COUNTS = r"(\d+) passed, (\d+) failed, (\d+) listed$"
Totals = tuple[int, int, int]


def shared_with(tmp: str, file: Path) -> str:
    """A folder like ../shared that holds this file where programs without arguments look for it."""
    events = Path(tmp, "conformance", "events")
    events.mkdir(parents=True)
    (events / file.name).symlink_to(file)
    return tmp


def run(program: Path, options: list[str], cases: Path, names: list[str]) -> Totals:
    with tempfile.TemporaryDirectory() as tmp:
        env = os.environ | ({"TIPHYS_SHARED": shared_with(tmp, cases)} if cases.suffix == ".jsonl" else {})
        done = subprocess.run([str(program), *options, str(cases)], capture_output=True, text=True, errors="replace", env=env, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    if differ := re.search(r"(\d+) records, (\d+) differ", done.stdout):
        sums = [int(differ[1]) - int(differ[2]), int(differ[2]), 0]
        shown = lines if sums[1] else []
    else:
        found = [i for i, line in enumerate(lines) if re.match(COUNTS, line)]
        if not found:
            print("\n".join(lines))
            print(f"{', '.join(names)}: 0 passed, 1 failed, 0 listed ({program.name} gave no result, exit code {done.returncode})")
            return 0, 1, 0
        sums = [int(n) for n in re.match(COUNTS, lines[found[-1]]).groups()]
        shown = lines[: found[-1]] + lines[found[-1] + 1 :]
    if shown:
        print("\n".join(shown))
    told = {name for name in names for line in shown if line.startswith(f"{name}: ")}
    if len(names) == 1 and not told:
        print("{}: {} passed, {} failed, {} listed".format(names[0], *sums))
    elif missing := [name for name in names if name not in told]:
        print(f"{', '.join(missing)}: 0 passed, {len(missing)} failed, 0 listed ({program.name} does not mention them)")
        sums[1] += len(missing)
    return tuple(sums)


def holds_simulations(folder: Path, names: list[str]) -> bool:
    first = next((name for name in sorted(names) if name.endswith(".json")), None)
    if not first:
        return False
    try:
        case = json.loads((folder / first).read_text())
    except ValueError:
        return folder.name == "simulate"
    return isinstance(case, dict) and "workflow" in case and "expect" in case


def run_folder(build: Path, folder: Path, names: list[str]) -> tuple[list[Totals], list[str]]:
    """The results of one folder's files, and the files that nothing runs."""
    results, left = [], {name for name in names if name.endswith(".jsonl")}
    for program, its_files in RUNNERS.items():
        here = [name for name in its_files if name in left]
        if here:
            cases = folder / here[0] if len(its_files) == 1 else folder
            results.append(run(build / program, OPTIONS.get(program, []), cases, here))
            left -= set(here)
    if holds_simulations(folder, names):
        results.append(run(build / SIMULATE, OPTIONS[SIMULATE], folder, [folder.name]))
    return results, sorted(left)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev conformance", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    if not args.folder.is_dir():
        print(f"NOT RUN: no recorded cases at {args.folder} (set TIPHYS_SHARED)")
        print("0 passed, 0 failed, 0 listed")
        return 77
    totals, not_run = [0, 0, 0], []
    for path, folders, names in os.walk(args.folder.resolve()):
        folders.sort()
        results, left = run_folder(args.build, Path(path), names)
        totals = [sum(ns) for ns in zip(totals, *results)]
        not_run += [Path(path, name) for name in left]
    for file in not_run:
        records = sum(1 for line in file.open(errors="replace") if line.strip())
        print(f"NOT RUN: {file} ({records} records): no runner knows this file")
    print("{} passed, {} failed, {} listed".format(*totals))
    return 1 if totals[1] else 0


if __name__ == "__main__":
    sys.exit(main())
