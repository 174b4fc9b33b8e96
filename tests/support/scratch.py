"""Temp folders of servers: gone after a good run, their logs kept after a bad one."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

KEPT_SUFFIXES = {".log", ".conf", ".properties", ".yaml"}

failed = False  # set by plugin.py with the first failed test of this process


@contextlib.contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A private folder for one server."""
    folder = Path(tempfile.mkdtemp(prefix=f"tiphys-{name}-"))
    try:
        yield folder
    except BaseException:
        _strip(folder)
        raise
    if failed:
        _strip(folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _strip(folder: Path) -> None:
    """Keep what explains a failure, drop the data."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.suffix not in KEPT_SUFFIXES:
            path.unlink(missing_ok=True)
