"""Fixtures of the document story."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).resolve().parent
DOCPROC = HERE.parents[1] / "config" / "docproc"
sys.path[:0] = [str(folder) for folder in (DOCPROC / "worker", DOCPROC / "upload", DOCPROC / "sample", HERE)]
# pytest calls the modules of this folder docproc.*; the name belongs to the worker's package.
sys.modules.pop("docproc", None)

# What a developer's shell may hold must not reach the steps.
for _name in ("GEMINI_API_KEY", "GEMINI_URL", "NEO4J_URI", "REDIS_URL", "GRAPH_FILE", "MEDICAL_CATALOG_URL"):
    os.environ.pop(_name, None)
os.environ["UPLOAD_DIR"] = "/nonexistent/docproc-tests-name-their-own"

import story  # noqa: E402  (found by the path set above)


@pytest.fixture(scope="session")
def catalog_app() -> ModuleType:
    return story.load("catalog_app", DOCPROC / "catalog" / "app.py")


@pytest.fixture(scope="session")
def upload_app() -> ModuleType:
    return story.load("upload_app", DOCPROC / "upload" / "app.py")


@pytest.fixture(scope="session")
def catalog(catalog_app: ModuleType) -> Iterator[str]:
    """The medical catalog, on its own port."""
    yield from story.serve(catalog_app.app)
