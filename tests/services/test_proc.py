"""Proc: starts, watches and ends a child the way tests rely on."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support import Proc, wait_for
from support.proc import Ended

TRAP = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; done"


def test_term_runs_handlers_and_returns_the_exit_code(tmp_path: Path) -> None:
    with Proc(["sh", "-c", TRAP], tmp_path / "log") as child:
        assert child.wait_log("^(up)$")[1] == "up"
        assert child.term() == 3
        assert child.log_text() == "up\nbye\n"


def test_kill9_runs_no_handler_and_start_begins_a_new_log(tmp_path: Path) -> None:
    with Proc(["sh", "-c", TRAP], tmp_path / "log") as child:
        child.wait_log("up")
        first = child.pid
        child.restart()
        child.wait_log("^up$")
        assert child.pid != first
        assert child.log_text() == "up\n"
        child.kill9()
        assert child.wait() == -signal.SIGKILL


def test_stop_ends_a_child_that_ignores_term(tmp_path: Path) -> None:
    stubborn = Proc(
        ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"], tmp_path / "log"
    )
    stubborn.wait_log("up")
    stubborn.stop(grace=0.1)
    assert not stubborn.alive()


def test_waiting_for_a_dead_child_fails_at_once_with_its_words(tmp_path: Path) -> None:
    child = Proc(["sh", "-c", "echo no such file >&2; exit 1"], tmp_path / "log")
    with child, pytest.raises(Ended, match="no such file"):
        child.wait_log("ready", timeout=60)


def test_child_dies_when_the_test_run_is_killed(tmp_path: Path) -> None:
    script = (
        f"import sys, pathlib; sys.path[:0] = {sys.path!r}\n"
        "from support import Proc\n"
        f"child = Proc(['sleep', '600'], pathlib.Path({str(tmp_path / 'log')!r}))\n"
        "print(child.pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    child = int(parent.stdout.readline())
    # The signal is set by setpriv, a moment before it becomes "sleep".
    wait_for(lambda: _name(child) == "sleep", 5, f"process {child} to be sleep")
    parent.kill()
    parent.communicate()
    wait_for(lambda: not _runs(child), 5, f"process {child} to end")


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def _runs(pid: int) -> bool:
    """Is PID a live process? A zombie that nobody has reaped yet is not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
