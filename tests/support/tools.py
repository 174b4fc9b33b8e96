"""What the machine must have, and what happens when it has not."""

import functools
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ROOT / "tests" / "services"
CRDS = ROOT / "config" / "crds"

EXIT_NO_TOOL = 3  # how the fetch and build scripts say it


def need(*tools: str) -> None:
    """Go on only when all TOOLS (programs in PATH) are here.

    A laptop without Go should run the other tests; a CI machine without Go must
    not look green. So: CI=true fails, anything else skips with the reason.
    """
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        give_up(f"{', '.join(missing)}: not installed; run tests/support/install.sh test")


def give_up(reason: str) -> None:
    """The skip policy: the only function that decides between skip and failure."""
    import pytest  # here, so that the helpers work outside of pytest too

    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must not skip: {reason}", pytrace=False)
    pytest.skip(reason)


@functools.cache
def _build(script: Path) -> tuple[int, str, str]:
    run = subprocess.run([script], capture_output=True, text=True)
    return run.returncode, run.stdout.strip().rpartition("\n")[2], run.stderr


def cached_service(script: str) -> Path:
    """Run tests/services/SCRIPT, which fetches or builds once, and return the path it prints."""
    code, path, messages = _build(SERVICES / script)
    if code == EXIT_NO_TOOL:
        give_up(messages.strip())
    if code != 0:
        raise RuntimeError(f"{script} failed ({code})\n{messages[-4000:]}")
    return Path(path)


def tiphys(name: str = "tiphys") -> Path:
    """The built program NAME, from $TIPHYS_BUILD or build/dev/bin."""
    folder = Path(os.environ.get("TIPHYS_BUILD", ROOT / "build" / "dev" / "bin"))
    program = folder / name
    if not program.exists():
        raise FileNotFoundError(f"{program}: build first (./dev build) or set TIPHYS_BUILD")
    return program.resolve()
