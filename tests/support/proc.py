"""A child process that tests can watch, kill and start again."""

import atexit
import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from .wait import PATIENCE, wait_for

live: list["Proc"] = []  # every process that runs now; plugin.py shows their logs


class Ended(RuntimeError):
    """A process ended while a test was waiting for something it should do."""


class Proc:
    """ARGV, started at once, its output going to the file LOG.

    The child dies with us, even when we are killed: the kernel sends it SIGKILL
    (PR_SET_PDEATHSIG). That signal is bound to the *thread* that started the
    child, so it is only asked for on the main thread.

    Signals go through a pidfd: they reach this very process or nobody, never a
    stranger that was given the same number.
    """

    def __init__(
        self,
        argv: Sequence[str | os.PathLike[str]],
        log: Path,
        name: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
    ) -> None:
        self.argv = [os.fspath(word) for word in argv]
        self.name = name or Path(self.argv[0]).name
        self.log = log
        self._env = {**os.environ, **env} if env is not None else None
        self._cwd = cwd
        self._stdin = stdin
        self.start()

    def start(self) -> None:
        """Start it (again, after an end): same command, output appended."""
        if not shutil.which(self.argv[0]):
            raise FileNotFoundError(self.argv[0])
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._popen = subprocess.Popen(
                _dies_with_us(self.argv),
                stdin=self._stdin,
                stdout=output,
                stderr=output,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
            )
        self._pidfd = os.pidfd_open(self._popen.pid)
        live.append(self)

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def stdin(self) -> IO[bytes] | None:
        """The pipe, when started with stdin=subprocess.PIPE."""
        return self._popen.stdin

    def alive(self) -> bool:
        return self._popen.poll() is None

    def wait(self, timeout: float = 10) -> int:
        """Wait for its end; the exit code, or minus the signal that ended it."""
        if self._popen.returncode is None:
            ready, _, _ = select.select([self._pidfd], [], [], timeout * PATIENCE)
            if not ready:
                raise TimeoutError(f"{self.name} still runs after {timeout * PATIENCE:g} s\n{self.tail()}")
        code = self._popen.wait()
        self._forget()
        return code

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):  # it is a zombie already: as good as told
            signal.pidfd_send_signal(self._pidfd, number)

    def term(self, timeout: float = 10) -> int:
        """Ask it to stop and return its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill9(self) -> None:
        """The crash: no handler runs, nothing is flushed."""
        if self.alive():
            self.signal(signal.SIGKILL)
        self.wait()

    def pause(self) -> None:
        """Freeze it: it hangs but its connections stay. Undo with resume()."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def restart(self) -> None:
        """kill -9 and start on the same data."""
        self.kill9()
        self.start()

    def stop(self, grace: float = 5) -> None:
        """End it by any means; harmless when it has ended."""
        if self not in live:
            return
        try:
            self.resume()
            self.term(grace)
        except TimeoutError:
            self.kill9()

    def log_text(self) -> str:
        """What it has written since its latest start."""
        with self.log.open("rb") as stream:
            stream.seek(self._log_start)
            return stream.read().decode(errors="replace")

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log_text().splitlines()[-lines:])

    def wait_log(self, pattern: str, timeout: float = 10) -> re.Match[str]:
        """Wait until its output since the latest start matches PATTERN.

        Ends early, with the log's tail, when the process ends first.
        """

        def seen() -> re.Match[str] | None:
            alive = self.alive()
            match = re.search(pattern, self.log_text(), re.MULTILINE)
            if not match and not alive:
                raise Ended(f"{self.name} ended ({self._popen.returncode})\n{self.tail()}")
            return match

        return wait_for(seen, timeout, f"{pattern!r} in {self.log}")

    def _forget(self) -> None:
        if self in live:
            live.remove(self)
            os.close(self._pidfd)

    def __enter__(self) -> "Proc":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _dies_with_us(argv: list[str]) -> list[str]:
    """ARGV by way of setpriv, which sets the parent-death signal and then execs.

    Popen's preexec_fn could do it in one step less, but it runs Python between
    fork and exec, which deadlocks now and then when there are threads.
    """
    if threading.current_thread() is not threading.main_thread():
        return argv
    return ["setpriv", "--pdeathsig", "KILL", "--", *argv]


@atexit.register
def _stop_all() -> None:
    for proc in list(live):
        proc.signal(signal.SIGKILL)


def await_ready(
    proc: Proc,
    ready: Callable[[], object],
    timeout: float,
    ignore: type[Exception] | tuple[type[Exception], ...] = OSError,
) -> None:
    """Wait until READY holds; fail at once, with the log, when PROC ends instead."""

    def check() -> bool:
        if not proc.alive():
            raise Ended(f"{proc.name} ended before it was ready\n{proc.tail()}")
        return bool(ready())

    try:
        wait_for(check, timeout, f"{proc.name} to be ready", ignore=ignore)
    except TimeoutError as error:
        raise TimeoutError(f"{error}\n{proc.tail()}") from None
