"""The graph of a document, and its two homes: a SQLite file and Neo4j.

    (Patient)-[:HAS_DOCUMENT]->(Document)-[:HAS_PAGE]->(Page)-[:SHOWS]->(Measurement)-[:OF]->(Biomarker)

Storing the same document again replaces what was stored of it, so that a repeated event does no harm.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docproc.cli import SetupError, Unavailable


@dataclass(frozen=True)
class Node:
    """A node; `id` is unique across all labels."""

    id: str
    label: str
    props: dict[str, Any]


@dataclass
class Graph:
    """What one document says."""

    document_id: str
    nodes: list[Node] = field(default_factory=list)
    edges: list[tuple[str, str, str]] = field(default_factory=list)  # (from, type, to)

    def add(self, node: Node, parent: str = "", edge: str = "") -> str:
        """Add a node below its parent."""
        self.nodes.append(node)
        if parent:
            self.edges.append((parent, edge, node.id))
        return node.id


def build(record: dict[str, Any], document_id: str, patient_id: str, user_id: str) -> Graph:
    """The graph of an enriched record."""
    graph = Graph(document_id)
    header, document = record["header"], record["document"]
    person = {key: header[key] for key in ("patient_name", "birth_date", "sex") if key in header}
    patient = graph.add(Node(f"patient:{patient_id}", "Patient", {"patient_id": patient_id, **person}))
    dates = {key: header.get(key, "") for key in ("collected", "reported")}
    props = {**document, **dates, "uploaded_by": user_id, "document_id": document_id}
    doc = graph.add(Node(f"document:{document_id}", "Document", props), patient, "HAS_DOCUMENT")
    for page in record["pages"]:
        graph.add(Node(f"page:{document_id}:{page['page']}", "Page", page), doc, "HAS_PAGE")
    known: set[str] = set()
    for index, measurement in enumerate(record["biomarkers"], 1):
        page_id = f"page:{document_id}:{measurement['page']}"
        at = graph.add(Node(f"measurement:{document_id}:{index}", "Measurement", measurement), page_id, "SHOWS")
        biomarker = f"biomarker:{measurement['loinc'] or measurement['name'].casefold()}"
        if biomarker not in known:
            known.add(biomarker)
            name = measurement["canonical"] or measurement["name"]
            graph.add(Node(biomarker, "Biomarker", {"name": name, "loinc": measurement["loinc"]}))
        graph.edges.append((at, "OF", biomarker))
    return graph


SQLITE_SCHEMA = """
CREATE TABLE IF NOT EXISTS nodes (id TEXT PRIMARY KEY, label TEXT NOT NULL, document TEXT, props TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edges (source TEXT NOT NULL, type TEXT NOT NULL, target TEXT NOT NULL,
                                  PRIMARY KEY (source, type, target)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS nodes_by_label ON nodes (label);
CREATE INDEX IF NOT EXISTS nodes_by_document ON nodes (document);
CREATE INDEX IF NOT EXISTS edges_by_target ON edges (target, type);
"""
SQLITE_UPSERT = """
INSERT INTO nodes VALUES (?, ?, ?, json(?)) ON CONFLICT (id) DO UPDATE SET props = json_patch(props, excluded.props)
"""
OWN_LABELS = ("Document", "Page", "Measurement")  # nodes that belong to one document alone


def write_sqlite(graph: Graph, file: Path) -> None:
    """Merge the graph into a SQLite file, in one transaction."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with sqlite3.connect(file, timeout=30, isolation_level=None) as db:
            db.executescript(SQLITE_SCHEMA)
            db.execute("BEGIN IMMEDIATE")
            of_document = "SELECT id FROM nodes WHERE document = ?"
            db.execute(
                f"DELETE FROM edges WHERE source IN ({of_document}) OR target IN ({of_document})",
                [graph.document_id] * 2,
            )
            db.execute("DELETE FROM nodes WHERE document = ?", [graph.document_id])
            for node in graph.nodes:
                owner = graph.document_id if node.label in OWN_LABELS else None
                row = (node.id, node.label, owner, json.dumps(node.props, ensure_ascii=False))
                db.execute(SQLITE_UPSERT, row)
            db.executemany("INSERT OR IGNORE INTO edges VALUES (?, ?, ?)", graph.edges)
            db.execute("COMMIT")
        db.close()
    except sqlite3.OperationalError as error:
        raise Unavailable(f"the graph file {file} cannot be written: {error}") from None
    except (sqlite3.DatabaseError, OSError) as error:
        raise SetupError(f"the graph file {file} is unusable: {error}") from None


def merge_in(tx: Any, graph: Graph) -> None:
    """The same in Cypher; labels and types are our own words, all data goes as parameters."""
    own = f"MATCH (n {{document: $document}}) WHERE {' OR '.join(f'n:{label}' for label in OWN_LABELS)} DETACH DELETE n"
    tx.run(own, document=graph.document_id)
    for node in graph.nodes:
        props = {key: value for key, value in node.props.items() if value is not None}
        if node.label in OWN_LABELS:
            props["document"] = graph.document_id
        tx.run(f"MERGE (n:{node.label} {{id: $id}}) SET n += $props", id=node.id, props=props)
    for source, kind, target in graph.edges:
        tx.run(f"MATCH (a {{id: $a}}), (b {{id: $b}}) MERGE (a)-[:{kind}]->(b)", a=source, b=target)


def write_neo4j(graph: Graph, uri: str, user: str, password: str) -> None:
    """Merge the graph into Neo4j over bolt, in one transaction."""
    try:
        import neo4j
    except ImportError:
        raise SetupError("NEO4J_URI is set, but the Neo4j driver is missing: pip install neo4j") from None
    try:
        with neo4j.GraphDatabase.driver(uri, auth=(user, password)) as driver, driver.session() as session:
            session.execute_write(merge_in, graph)
    except neo4j.exceptions.AuthError:
        raise SetupError(f"Neo4j at {uri} refuses the user {user}") from None
    except (neo4j.exceptions.Neo4jError, neo4j.exceptions.DriverError) as error:
        raise Unavailable(f"Neo4j at {uri} does not answer: {error}") from None
