"""A missing tool is a loud skip on a desk and a failure in CI."""

import subprocess
import sys
from pathlib import Path

import pytest

from support import need
from support.tools import ROOT

NEEDY = """
from support import need
def test_needs_it():
    need("no-such-tool")
"""


def test_a_missing_tool_skips_on_a_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match="no-such-tool: not installed"):
        need("sh", "no-such-tool")


def test_a_missing_tool_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI must not skip: no-such-tool"):
        need("no-such-tool")


def test_skips_are_listed_at_the_end_of_a_quiet_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "")
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["support.plugin"]')
    (tmp_path / "test_x.py").write_text(NEEDY)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path],
        env={"PYTHONPATH": str(ROOT / "tests"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert "1 skipped" in run.stdout
    assert "no-such-tool: not installed; run tests/support/install.sh test" in run.stdout
