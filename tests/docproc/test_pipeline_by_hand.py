"""All steps in the pipeline's order, each a process of its own, files handed on as artifacts and lists as parameters."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
from pathlib import Path
from typing import Any

import make_bad
import pytest
from story import REPORT, WORKER, Ended, step
from support import Neo4jServer, RedisServer, wait_for
from docproc import aggregate, enrich, extract, labtext, poppler, render, store


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
            self.must(
                "render",
                "--page",
                page,
                "--document",
                document,
                "--out",
                self.at("p.png"),
                "--facts",
                self.at("p.json"),
            )
            method = json.loads(self.at("p.json").read_text())["method"]
            outs = ("--out", self.at("e.json"), "--results", self.at("r.json"))
            self.must("extract", "--page", page, "--document", document, "--method", method, *outs)
            extractions.append(json.loads(self.at("r.json").read_text()))
        self.at("extractions.json").write_text(json.dumps(extractions))

    def aggregate(self) -> Ended:
        facts = self.at("document.json").read_text()
        return step(
            "aggregate", "--document", facts, "--extractions", self.at("extractions.json"), "--out", self.at("b.json")
        )

    def enrich(self) -> Ended:
        return step(
            "enrich", "--in", self.at("b.json"), "--out", self.at("enriched.json"), MEDICAL_CATALOG_URL=self.catalog
        )

    def store(self, **env: str) -> dict[str, Any]:
        ids = ("--document-id", "d1", "--patient-id", "p7", "--user-id", "u1")
        files = (
            "--in",
            self.at("enriched.json"),
            "--out",
            self.at("graph.sqlite"),
            "--summary",
            self.at("summary.json"),
        )
        self.must("store", *ids, *files, GRAPH_FILE=str(self.graph_file), **env)
        summary: dict[str, Any] = json.loads(self.at("summary.json").read_text())
        return summary


@pytest.fixture
def pipeline(tmp_path: Path, catalog: str) -> Pipeline:
    return Pipeline(tmp_path, REPORT, catalog)


def count(file: Path, label: str) -> int:
    with sqlite3.connect(file) as db:
        return int(db.execute("SELECT count(*) FROM nodes WHERE label = ?", [label]).fetchone()[0])


def test_a_report_becomes_a_graph(pipeline: Pipeline, redis: RedisServer) -> None:
    pipeline.read_pages()
    assert pipeline.aggregate().code == 0
    assert pipeline.enrich().printed == "34 of 34 names known"
    with redis.client() as client, client.pubsub() as listener:
        listener.subscribe("documents.done")
        wait_for(lambda: listener.get_message(timeout=1), 10, "the subscription")
        summary = pipeline.store(REDIS_URL=redis.url)
        heard = wait_for(lambda: listener.get_message(timeout=1), 10, "the announcement")
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
        assert [count(file, label) for label in ("Patient", "Document", "Page", "Measurement", "Biomarker")] == [
            1,
            1,
            4,
            34,
            34,
        ]
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


def test_a_hundred_pages_stay_within_the_limits_of_parameters(tmp_path: Path) -> None:
    file = make_bad.pages(tmp_path / "x.pdf", 100)
    facts, extractions = [], []
    for page in range(1, 101):
        text = poppler.text(file, page)
        facts.append(
            {
                "page": page,
                "method": render.reading_method(text),
                "images": 0,
                "width": 1241,
                "height": 1754,
                "dpi": 150,
            }
        )
        results = [result.as_dict() for result in extract.by_text("text", text).results]
        extractions.append({"page": page, "method": "text", "header": labtext.header(text), "results": results})
    assert {fact["method"] for fact in facts} == {"text"}
    assert len(json.dumps(facts)) < 256 << 10, "one output parameter"
    record = aggregate.aggregate({"name": "x.pdf", "pages": 100}, extractions[::-1])
    assert [(m["page"], m["value"]) for m in record["biomarkers"]] == [(page, 70 + page) for page in range(1, 101)]


def test_an_extraction_full_of_results_fits_an_output_parameter() -> None:
    line = labtext.results("Thyroid stimulating hormone (TSH), 3rd generation   6.21   mIU/L   0.40 - 4.00   H")[
        0
    ].as_dict()
    assert len(json.dumps([line] * extract.MOST_RESULTS)) < 256 << 10


def test_a_document_without_results_fails_where_it_is_noticed(tmp_path: Path, catalog: str) -> None:
    pipeline = Pipeline(tmp_path, make_bad.no_text_layer(tmp_path / "blank.pdf"), catalog)
    pipeline.read_pages()
    ended = pipeline.aggregate()
    assert (ended.code, ended.said) == (1, "report.pdf states no laboratory result on its page")


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
    assert enrich.choose(measurement(unit="x10E3/uL"), [share, number]) == number
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


def test_neo4j_gets_the_same_graph(pipeline: Pipeline, neo4j: Neo4jServer) -> None:
    pipeline.read_pages()
    pipeline.aggregate()
    pipeline.enrich()
    path = f"{WORKER}:{neo4j.driver_path}"
    login = {"NEO4J_URI": neo4j.url, "NEO4J_USER": neo4j.user, "NEO4J_PASSWORD": neo4j.password, "PYTHONPATH": path}
    for _ in range(2):  # the second time replaces the first
        pipeline.store(**login)
        rows = neo4j.query(
            "MATCH (n) WHERE n.document = 'd1' RETURN labels(n)[0] AS label, count(*) AS n ORDER BY label"
        )
        assert rows == [{"label": "Document", "n": 1}, {"label": "Measurement", "n": 34}, {"label": "Page", "n": 4}]
        found = neo4j.query(
            "MATCH (:Patient {patient_id: 'p7'})-[:HAS_DOCUMENT]->()-[:HAS_PAGE]->()-[:SHOWS]->(m)-[:OF]->(b {loinc: '2276-4'})"
            " RETURN m.value AS value, b.name AS name"
        )
        assert found == [{"value": 18.0, "name": "Ferritin"}]
    assert not pipeline.graph_file.exists(), "one home for the graph, not two"


def test_a_wrong_password_of_neo4j_is_told(pipeline: Pipeline, neo4j: Neo4jServer) -> None:
    ended = stored_empty(
        pipeline, NEO4J_URI=neo4j.url, NEO4J_PASSWORD="wrong", PYTHONPATH=f"{WORKER}:{neo4j.driver_path}"
    )
    assert (ended.code, ended.said) == (2, f"Neo4j at {neo4j.url} refuses the user neo4j")


def test_a_missing_driver_says_how_to_get_it(pipeline: Pipeline) -> None:
    (pipeline.at("hidden") / "neo4j").mkdir(parents=True)
    (pipeline.at("hidden") / "neo4j" / "__init__.py").write_text("raise ImportError('not installed')")
    ended = stored_empty(pipeline, NEO4J_URI="bolt://127.0.0.1:1", PYTHONPATH=f"{WORKER}:{pipeline.at('hidden')}")
    assert (ended.code, ended.said) == (2, "NEO4J_URI is set, but the Neo4j driver is missing: pip install neo4j")


def test_a_graph_without_a_home_is_told(pipeline: Pipeline) -> None:
    ended = stored_empty(pipeline)
    assert (ended.code, ended.said) == (2, "neither NEO4J_URI nor GRAPH_FILE is set: where shall the graph go?")


def test_a_silent_redis_does_not_undo_the_graph(pipeline: Pipeline) -> None:
    ended = stored_empty(pipeline, GRAPH_FILE=str(pipeline.graph_file), REDIS_URL="redis://127.0.0.1:1/0")
    assert ended.code == 0
    assert ended.said.startswith("warning: not announced on Redis: ")
    assert count(pipeline.graph_file, "Document") == 1


def test_a_step_that_breaks_leaves_a_sentence_and_is_not_the_documents_fault(pipeline: Pipeline) -> None:
    pipeline.at("b.json").write_text("{ half a rec")
    ended = pipeline.enrich()
    assert ended.code == 2
    assert ended.left.startswith("the step broke: JSONDecodeError: ")
    assert "Traceback" in ended.said, "the log has the place"


def stored_empty(pipeline: Pipeline, **env: str) -> Ended:
    """Store a record without pages."""
    record = {"header": {}, "document": {}, "pages": [], "biomarkers": []}
    pipeline.at("enriched.json").write_text(json.dumps(record))
    files = ("--in", pipeline.at("enriched.json"), "--out", pipeline.at("g"), "--summary", pipeline.at("s"))
    return step("store", "--document-id", "d", *files, **env)
