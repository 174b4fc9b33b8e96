"""Waiting for a condition: the one place in the tests that sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

FIRST_PAUSE_S = 0.002
LONGEST_PAUSE_S = 0.1
PATIENCE = 3  # time-outs are written for a quiet machine; waiting longer costs nothing but the report of a failure


def wait_for(
    condition: Callable[[], T | None],
    timeout: float,
    what: str,
    ignore: type[BaseException] | tuple[type[BaseException], ...] = (),
) -> T:
    """Call CONDITION until it returns something true, and return that.

    Pauses grow from 2 ms to 100 ms: quick things are seen at once, slow ones do
    not burn a shared CPU. What is not there yet (LookupError: a status, a first
    item) and exceptions named in IGNORE count as "not yet". On time-out the
    message says WHAT was awaited and what was seen last, so that a failure on
    another machine can be understood without running it again.
    """
    not_yet = (LookupError, *(ignore if isinstance(ignore, tuple) else (ignore,)))
    deadline = time.monotonic() + timeout * PATIENCE
    pause = FIRST_PAUSE_S
    while True:
        try:
            value = condition()
            if value:
                return value
            last: object = value
        except not_yet as error:
            last = error
        if time.monotonic() >= deadline:
            raise TimeoutError(f"waited {timeout * PATIENCE:g} s for {what}; last seen: {last!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE_S)
