"""What every step shares: how it is called, how it fails, and how its last words reach the user."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

# Kubernetes shows what a container writes here as the message of its end; so does the local runner.
TERMINATION_LOG = "/dev/termination-log"
MESSAGE_LIMIT = 4096


class StepError(Exception):
    """A failure with one sentence for a person; the exit code says whose turn it is."""

    exit_code = 2


class BadDocument(StepError):
    """The document cannot be processed; trying again will not help."""

    exit_code = 1


class SetupError(StepError):
    """The step was called or configured wrongly."""

    exit_code = 2


class Unavailable(StepError):
    """A service did not answer as it should; trying again may help."""

    exit_code = 3


def last_words(message: str) -> None:
    """Write the message where the runner looks for it. The file is never created, only filled."""
    path = os.environ.get("TERMINATION_LOG", TERMINATION_LOG)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    except OSError:
        return
    with os.fdopen(fd, "wb") as log:
        log.write(message.encode()[:MESSAGE_LIMIT])


def parser(step: str, what: str) -> argparse.ArgumentParser:
    """The argument parser of one step."""
    return argparse.ArgumentParser(
        prog=f"python3 -m docproc.{step}",
        description=what,
        epilog="Exit codes: 0 done, 1 bad document, 2 wrong call or set-up, 3 service unavailable.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )


def page_number(text: str) -> int:
    """Type of --page: pages count from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("pages count from 1")
    return number


def write(path: Path, data: str | bytes) -> None:
    """Write an output, making its folder where needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def run(step: Callable[[Sequence[str]], None]) -> None:
    """Run a step on sys.argv and leave with its exit code."""
    try:
        step(sys.argv[1:])
    except StepError as error:
        message = " ".join(str(error).split())
        print(message, file=sys.stderr)
        last_words(message)
        sys.exit(error.exit_code)
    except Exception as error:  # a fault of ours: the log gets the trace, the user a sentence
        traceback.print_exc()
        last_words(f"the step broke: {type(error).__name__}: {error}")
        sys.exit(SetupError.exit_code)
