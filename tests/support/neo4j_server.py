"""A real Neo4j community server with Bolt on loopback."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .ports import free_port
from .proc import Proc
from .scratch import scratch
from .tools import SERVICES, cached_service, need

START_TIMEOUT_S = 90


@dataclass
class Neo4jServer:
    """Seven seconds to start: share one per run, with labels of your own per test."""

    url: str
    user: str
    password: str
    driver_path: Path  # PYTHONPATH of the `neo4j` driver, for programs under test
    proc: Proc

    def driver(self, password: str | None = None) -> Any:
        """A driver from the Python package `neo4j`; use it as a context manager."""
        _importable(self.driver_path)
        import neo4j

        return neo4j.GraphDatabase.driver(self.url, auth=(self.user, password or self.password))

    def query(self, cypher: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run one statement; its rows."""
        with self.driver() as driver:
            return [record.data() for record in driver.execute_query(cypher, parameters).records]


def _importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last: it must not shadow Debian's packages


@contextlib.contextmanager
def neo4j_server(password: str = "neo4j-test-pw") -> Iterator[Neo4jServer]:
    """Run one server; the database is empty."""
    need("java")
    home = cached_service("neo4j/fetch.sh")
    with scratch("neo4j") as folder:
        port = free_port()
        argv = [
            "java",
            f"@{SERVICES / 'neo4j' / 'options'}",
            f"-XX:SharedArchiveFile={home / 'app.jsa'}",
            "-cp",
            (home / "classpath").read_text(),
            "Neo4jServer",
            str(folder / "data"),
            str(port),
            password,
        ]
        # It runs until its standard input ends, so that input must be a pipe.
        with Proc(argv, folder / "neo4j.log", name="neo4j", stdin=subprocess.PIPE) as proc:
            proc.wait_log("^READY", START_TIMEOUT_S)
            yield Neo4jServer(f"bolt://127.0.0.1:{port}", "neo4j", password, home / "python", proc)
            proc.kill9()  # an orderly stop takes ten seconds, for data we delete anyway
