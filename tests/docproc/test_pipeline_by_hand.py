"""All steps in the pipeline's order, each a process of its own, files handed on as artifacts and lists as parameters."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import sys
import types
from pathlib import Path
from typing import Any

import make_bad
import pytest
import redis
from conftest import REPORT, Ended, step, wait_for
from docproc import enrich, graph, store


class Pipeline:
    """One document on its way through the steps."""

    def __init__(self, folder: Path, source: Path, catalog: str) -> None:
        self.folder, self.catalog = folder, catalog
        self.graph_file = folder / "shared" / "graph.sqlite"
        (folder / "uploads").mkdir(exist_ok=True)
        shutil.copy(source, folder / "uploads" / "report.pdf")

    def at(self, name: str) -> Path:
        return self.folder / name

    def must(self, name: str, *args: object, **env: str) -> Ended:
        ended = step(name, *args, **env)
        assert ended.code == 0, f"{name}: {ended.said}"
        return ended

    def read_pages(self) -> None:
        """validate, render-pages, extract-pages."""
        document, info = self.at("document.pdf"), self.at("document.json")
        where = ("--file-path", "report.pdf", "--uploads", self.at("uploads"))
        self.must("validate", "--document-id", "d1", *where, "--out", document, "--info", info)
        self.must("count", "--document", document, "--out", self.at("count.txt"))
        extractions = []
        for page in range(1, int(self.at("count.txt").read_text()) + 1):
            self.must("render", "--page", page, "--document", document, "--out", self.at("p.png"), "--facts", self.at("p.json"))
            method = json.loads(self.at("p.json").read_text())["method"]
            outs = ("--out", self.at("e.json"), "--results", self.at("r.json"))
            self.must("extract", "--page", page, "--document", document, "--method", method, *outs)
            extractions.append(json.loads(self.at("r.json").read_text()))
        self.at("extractions.json").write_text(json.dumps(extractions))

    def aggregate(self) -> Ended:
        facts = self.at("document.json").read_text()
        return step("aggregate", "--document", facts, "--extractions", self.at("extractions.json"), "--out", self.at("b.json"))

    def enrich(self) -> Ended:
        return step("enrich", "--in", self.at("b.json"), "--out", self.at("enriched.json"), MEDICAL_CATALOG_URL=self.catalog)

    def store(self, **env: str) -> dict[str, Any]:
        ids = ("--document-id", "d1", "--patient-id", "p7", "--user-id", "u1")
        files = ("--in", self.at("enriched.json"), "--out", self.at("graph.sqlite"), "--summary", self.at("summary.json"))
        self.must("store", *ids, *files, GRAPH_FILE=str(self.graph_file), **env)
        summary: dict[str, Any] = json.loads(self.at("summary.json").read_text())
        return summary


@pytest.fixture
def pipeline(tmp_path: Path, catalog: str) -> Pipeline:
    return Pipeline(tmp_path, REPORT, catalog)


def count(file: Path, label: str) -> int:
    with sqlite3.connect(file) as db:
        return int(db.execute("SELECT count(*) FROM nodes WHERE label = ?", [label]).fetchone()[0])


def test_a_report_becomes_a_graph(pipeline: Pipeline, redis_url: str) -> None:
    pipeline.read_pages()
    assert pipeline.aggregate().code == 0
    assert pipeline.enrich().printed == "34 of 34 names known"
    with redis.Redis.from_url(redis_url) as client, client.pubsub() as listener:
        listener.subscribe("documents.done")
        wait_for("the subscription", lambda: listener.get_message(timeout=1))
        summary = pipeline.store(REDIS_URL=redis_url)
        heard = wait_for("the announcement", lambda: listener.get_message(timeout=1))
    assert json.loads(heard["data"])["document_id"] == "d1"

    found = {m["name"]: m for m in summary["measurements"]}
    assert (summary["found"], summary["unknown"], summary["pages"]) == (34, 0, 4)
    assert {name for name, m in found.items() if m["status"] in ("high", "low")} == {
        "Glucose, fasting", "Hemoglobin A1c", "ALT (SGPT)", "RDW", "Cholesterol, total", "LDL cholesterol",
        "Ferritin", "25-OH Vitamin D",
    }  # fmt: skip
    assert found["Glucose, fasting"]["loinc"] == "1558-6"
    assert (found["Ferritin"]["page"], found["Ferritin"]["collected"]) == (4, "2026-01-12")

    for file in (pipeline.graph_file, pipeline.at("graph.sqlite")):
        assert [count(file, label) for label in ("Patient", "Document", "Page", "Measurement", "Biomarker")] == [1, 1, 4, 34, 34]
    with sqlite3.connect(pipeline.graph_file) as db:
        path = """SELECT json_extract(m.props, '$.value') FROM edges h JOIN edges p ON p.source = h.target
                  JOIN edges s ON s.source = p.target JOIN edges o ON o.source = s.target JOIN nodes m ON m.id = s.target
                  WHERE h.source = 'patient:p7' AND o.target = 'biomarker:2276-4'"""
        assert db.execute(path).fetchall() == [(18.0,)], "from the patient to the ferritin value"


def test_storing_again_changes_nothing(pipeline: Pipeline) -> None:
    pipeline.read_pages()
    pipeline.aggregate()
    pipeline.enrich()
    pipeline.store()
    with sqlite3.connect(pipeline.graph_file) as db:
        before = list(db.iterdump())
    pipeline.store()
    with sqlite3.connect(pipeline.graph_file) as db:
        assert list(db.iterdump()) == before


def test_a_document_without_results_fails_where_it_is_noticed(tmp_path: Path, catalog: str) -> None:
    pipeline = Pipeline(tmp_path, make_bad.no_text_layer(tmp_path / "blank.pdf"), catalog)
    pipeline.read_pages()
    ended = pipeline.aggregate()
    assert (ended.code, ended.said) == (1, "report.pdf states no laboratory result on its 1 pages")


def test_a_page_that_got_lost_is_noticed(pipeline: Pipeline) -> None:
    pipeline.read_pages()
    pages = json.loads(pipeline.at("extractions.json").read_text())
    pipeline.at("extractions.json").write_text(json.dumps([page for page in pages if page["page"] != 2]))
    ended = pipeline.aggregate()
    assert (ended.code, ended.said) == (2, "report.pdf: no extraction of page 2")


def test_a_catalog_that_is_away_is_worth_another_try(pipeline: Pipeline) -> None:
    pipeline.read_pages()
    pipeline.aggregate()
    with socket.socket() as taken:  # bound and not listening: nobody answers here
        taken.bind(("127.0.0.1", 0))
        pipeline.catalog = f"http://127.0.0.1:{taken.getsockname()[1]}"
        ended = pipeline.enrich()
    assert ended.code == 3
    assert ended.said.startswith(f"the medical catalog at {pipeline.catalog} does not answer: ")


def measurement(**more: Any) -> dict[str, Any]:
    base = {"name": "Glucose", "value": 95.0, "comparator": "", "unit": "mg/dL", "low": None, "high": None, "flag": ""}
    return {**base, **more}


GLUCOSE = {"name": "Glucose", "loinc": "2345-7", "unit": "mg/dL", "low": 70, "high": 99, "factors": {"mmol/L": 18.016}}


@pytest.mark.parametrize(
    ("given", "status", "source"),
    [
        ({"value": 105.0}, "high", "catalog"),
        ({"value": 105.0, "low": 70, "high": 110}, "normal", "report"),
        ({"value": 6.1, "unit": "mmol/l"}, "high", "catalog"),
        ({"value": 6.1, "unit": "stones"}, "", ""),
        ({"value": 105.0, "high": 110.0, "flag": "H"}, "high", "report"),
        ({"value": None}, "", ""),
        ({"value": 60.0, "comparator": ">", "low": 60}, "normal", "report"),
        ({"value": 60.0, "comparator": ">", "low": 60, "high": 120}, "", "report"),
        ({"value": 5.0, "comparator": "<", "low": 0.0, "high": 5.0}, "normal", "report"),
        ({"value": 3.0, "comparator": "<", "low": 3.0, "high": 20.0}, "low", "report"),
    ],
)
def test_the_report_decides_before_the_catalog(given: dict[str, Any], status: str, source: str) -> None:
    known = enrich.enrich(measurement(**given), GLUCOSE)
    assert (known["status"], known["range_source"]) == (status, source)


def test_the_unit_tells_a_share_from_a_count() -> None:
    share, number = {"unit": "%", "name": "share"}, {"unit": "10^3/uL", "name": "count"}
    assert enrich.choose(measurement(unit="x10³/µL"), [share, number]) == number
    assert enrich.choose(measurement(unit="K/uL"), [share, number]) == number
    assert enrich.choose(measurement(unit="%"), [share, number]) == share
    assert enrich.choose(measurement(), []) is None


def test_a_huge_result_is_cut_to_fit_an_output_parameter() -> None:
    row = {**dict.fromkeys(store.SHOWN, "ü" * 20), "loinc": ""}
    record = {"header": {}, "pages": [], "biomarkers": [row] * 5000}
    summary = json.loads(text := store.summarise(record, "d", "p"))
    assert len(text.encode()) < 256 << 10
    assert (summary["truncated"], summary["found"]) == (True, 5000)
    assert 0 < len(summary["measurements"]) < 5000


class FakeNeo4j(types.ModuleType):
    """The driver's shape, as far as it is used; remembers what was run."""

    def __init__(self) -> None:
        super().__init__("neo4j")
        self.ran: list[tuple[str, dict[str, Any]]] = []
        self.login: tuple[object, ...] = ()
        self.GraphDatabase = types.SimpleNamespace(driver=self.driver)

    def driver(self, uri: str, auth: tuple[str, str]) -> FakeNeo4j:
        self.login = (uri, *auth)
        return self

    def session(self) -> FakeNeo4j:
        return self

    def __enter__(self) -> FakeNeo4j:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def execute_write(self, work: Any, *args: Any) -> None:
        work(self, *args)

    def run(self, query: str, **parameters: Any) -> None:
        self.ran.append((query, parameters))


def test_neo4j_gets_the_same_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = FakeNeo4j()
    monkeypatch.setitem(sys.modules, "neo4j", driver)
    small = graph.Graph("d1")
    patient = small.add(graph.Node("patient:p", "Patient", {"sex": "F"}))
    small.add(graph.Node("document:d1", "Document", {"name": "x'}) DETACH DELETE n //", "title": None}), patient, "HAS_DOCUMENT")
    graph.write_neo4j(small, "bolt://db:7687", "neo4j", "pw")
    assert driver.login == ("bolt://db:7687", "neo4j", "pw")
    queries = [query for query, _ in driver.ran]
    assert queries[1:] == [
        "MERGE (n:Patient {id: $id}) SET n += $props",
        "MERGE (n:Document {id: $id}) SET n += $props",
        "MATCH (a {id: $a}), (b {id: $b}) MERGE (a)-[:HAS_DOCUMENT]->(b)",
    ]
    assert driver.ran[2][1]["props"] == {"name": "x'}) DETACH DELETE n //", "document": "d1"}, "data is a parameter, never Cypher"


def test_a_missing_driver_says_how_to_get_it(pipeline: Pipeline) -> None:
    if "neo4j" in sys.modules or __import__("importlib.util").util.find_spec("neo4j"):
        pytest.skip("the Neo4j driver is installed here")
    record = {"header": {}, "document": {}, "pages": [], "biomarkers": []}
    pipeline.at("enriched.json").write_text(json.dumps(record))
    files = ("--in", pipeline.at("enriched.json"), "--out", pipeline.at("g"), "--summary", pipeline.at("s"))
    ended = step("store", "--document-id", "d", *files, NEO4J_URI="bolt://127.0.0.1:1")
    assert (ended.code, ended.said) == (2, "NEO4J_URI is set, but the Neo4j driver is missing: pip install neo4j")
