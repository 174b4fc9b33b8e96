"""A short run of ./dev faults with a fresh seed each time."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support import need


@pytest.mark.parametrize("way", ["webhook", "dev", "kafka"])
def test_nothing_acknowledged_is_lost_or_doubled(way):
    if way == "kafka":
        need("java", "mvn")
    argv = [sys.executable, str(Path(__file__).parent / "run.py"), "--only", way, "6"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=240)
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    last = re.fullmatch(r"lost 0, doubled 0, of (\d+)", done.stdout.strip().splitlines()[-1])
    assert last and int(last[1]) > 100


def test_workflows_end_as_they_would_have_whenever_their_controller_dies():
    argv = [sys.executable, str(Path(__file__).parent / "run.py"), "--only", "workflows", "3.4"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=240)
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    assert re.fullmatch(r"wrong 0, of 27", done.stdout.strip().splitlines()[-1])
