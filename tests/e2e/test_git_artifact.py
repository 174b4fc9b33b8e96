"""Repositories as inputs, from a real git daemon."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import free_port, wait_for
from support.dev import Dev
from support.proc import Proc
from support.tools import need


@dataclass
class Repository:
    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"git://127.0.0.1:{self.port}/work"

    def git(self, *words: str) -> str:
        env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "HOME": str(self.folder)}
        who = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]
        done = subprocess.run(["git", *who, *words], cwd=self.folder / "work", env=env, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, text: str) -> str:
        (self.folder / "work" / "file").write_text(text)
        self.git("add", "-A")
        self.git("commit", "-qm", text)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    need("git")
    (tmp_path / "repos" / "work").mkdir(parents=True)
    repo = Repository(tmp_path / "repos", free_port())
    repo.git("init", "-q")
    argv = ["git", "daemon", "--reuseaddr", "--export-all", f"--base-path={repo.folder}", "--listen=127.0.0.1", f"--port={repo.port}", str(repo.folder)]
    repo.commit("one")
    with Proc(argv, tmp_path / "git-daemon.log", name="git daemon"):
        wait_for(lambda: not subprocess.run(["git", "ls-remote", repo.url], capture_output=True).returncode, 10, "the daemon answers")
        yield repo


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Dev]:
    with Dev(tmp_path, "{apiVersion: v1, kind: ConfigMap, metadata: {name: nothing}}") as dev:
        yield dev


def read(dev: Dev, git: str, name: str, command: str = "cat /src/file") -> dict:
    text = f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: {name}}}
spec:
  entrypoint: main
  templates:
    - name: main
      inputs: {{artifacts: [{{name: src, path: /src, git: {{{git}}}}}]}}
      container: {{image: none, command: [sh, -ec, '{command}']}}
"""
    dev.ok("submit", "-", stdin=text)
    dev.run("wait", name)
    return json.loads(dev.ok("get", name, "-o", "json"))["status"]["nodes"][name]


def test_a_repository_is_cloned_at_a_branch_or_revision(dev: Dev, repository: Repository) -> None:
    first = repository.git("rev-parse", "HEAD")
    repository.commit("two")
    repository.git("checkout", "-qb", "side")
    repository.commit("three")
    repository.git("checkout", "-q", "main")
    url = repository.url
    rows = {"head": ("", "two"), "branch": (", branch: side, singleBranch: true", "three"), "old": (f", revision: {first}", "one"), "shallow": (", depth: 1", "two")}
    for name, (more, want) in rows.items():
        node = read(dev, f"repo: '{url}'{more}", name, f'test "$(cat /src/file)" = {want}; test -d /src/.git')
        assert node["phase"] == "Succeeded", (name, node)


@pytest.mark.parametrize(
    "git, words",
    [
        ("repo: 'git://127.0.0.1:1/x'", "git clone: fatal: unable to connect"),
        ("repo: '{url}', revision: nothing-like-it", "git checkout:"),
        ("repo: '{url}', branch: '--upload-pack=touch'", 'git.branch: "--upload-pack=touch" must not begin with "-"'),
        ("repo: '{folder}'", "transport 'file' not allowed"),
        ("repo: 'ext::sh -c true'", "transport 'ext' not allowed"),
    ],
)
def test_what_cannot_be_cloned_is_said_in_gits_words(dev: Dev, repository: Repository, git: str, words: str) -> None:
    node = read(dev, git.replace("{url}", repository.url).replace("{folder}", str(repository.folder / "work")), "bad")
    assert node["phase"] == "Error"
    assert words in node["message"]
