"""Step 6: write patient, document, pages and measurements as a graph, and tell who waits for it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docproc import cli, graph
from docproc.cli import SetupError

DONE_CHANNEL = "documents.done"
SUMMARY_LIMIT = 200 << 10  # an output parameter holds 256 KiB
SHOWN = ("name", "canonical", "loinc", "value", "value_text", "unit", "range_text", "status", "page", "collected")


def patient_of(record: dict[str, Any], given: str, document_id: str) -> str:
    """Whose document it is: the upload's word, else the report's, else nobody's but this document's."""
    stated = record["header"].get("patient_id", "")
    return given or (f"report-{stated}" if stated else f"unknown-{document_id}")


def summarise(record: dict[str, Any], document_id: str, patient_id: str) -> str:
    """The result as JSON, small enough for an output parameter."""
    rows = [{key: m[key] for key in SHOWN} for m in record["biomarkers"]]
    summary: dict[str, Any] = {
        "document_id": document_id,
        "patient_id": patient_id,
        "pages": len(record["pages"]),
        "found": len(rows),
        "unknown": sum(1 for m in record["biomarkers"] if not m["loinc"]),
        "truncated": False,
        "header": record["header"],
        "measurements": rows,
    }
    while len(text := json.dumps(summary, ensure_ascii=False)) > SUMMARY_LIMIT // 2 and summary["measurements"]:
        summary["measurements"] = summary["measurements"][: len(summary["measurements"]) // 2]
        summary["truncated"] = True
    return text


def announce(summary: str, document_id: str) -> None:
    """Publish the end on Redis. The graph is stored already, so a silent Redis is a warning only."""
    url = os.environ.get("REDIS_URL")
    if not url:
        return
    try:
        import redis
    except ImportError:
        raise SetupError("REDIS_URL is set, but Python's redis is missing: apt install python3-redis") from None
    message = json.dumps({"document_id": document_id, "state": "succeeded", "summary": json.loads(summary)})
    try:
        with redis.Redis.from_url(url, socket_timeout=10, socket_connect_timeout=10) as client:
            client.publish(DONE_CHANNEL, message)
    except redis.RedisError as error:
        print(f"warning: not announced on Redis: {error}", file=sys.stderr)


def main(argv: Sequence[str]) -> None:
    """Store an enriched record."""
    args = cli.parser("store", "Write an enriched record as a graph.")
    args.add_argument("--document-id", required=True, help="id the upload was given")
    args.add_argument("--patient-id", default="", help="patient; by default as the report states")
    args.add_argument("--user-id", default="", help="who uploaded it")
    args.add_argument("--in", dest="source", type=Path, default=Path("/tmp/enriched.json"), help="the enriched record")
    args.add_argument(
        "--graph-file", type=Path, default=os.environ.get("GRAPH_FILE"), help="SQLite graph of all documents"
    )
    args.add_argument("--out", type=Path, default=Path("/tmp/graph.sqlite"), help="SQLite graph of this document alone")
    args.add_argument("--summary", type=Path, default=Path("/tmp/summary.json"), help="the result in short")
    opts = args.parse_args(argv)

    record = json.loads(opts.source.read_bytes())
    patient_id = patient_of(record, opts.patient_id, opts.document_id)
    built = graph.build(record, opts.document_id, patient_id, opts.user_id)
    opts.out.unlink(missing_ok=True)
    graph.write_sqlite(built, opts.out)
    where = store(built, opts.graph_file)
    summary = summarise(record, opts.document_id, patient_id)
    cli.write(opts.summary, summary)
    announce(summary, opts.document_id)
    print(f"{len(built.nodes)} nodes and {len(built.edges)} edges to {where}")


def store(built: graph.Graph, graph_file: Path | None) -> str:
    """Write to Neo4j when it is configured, else to the graph file; say where."""
    if uri := os.environ.get("NEO4J_URI"):
        graph.write_neo4j(built, uri, os.environ.get("NEO4J_USER") or "neo4j", os.environ.get("NEO4J_PASSWORD", ""))
        return uri
    if not graph_file:
        raise SetupError("neither NEO4J_URI nor GRAPH_FILE is set: where shall the graph go?")
    graph.write_sqlite(built, graph_file)
    return str(graph_file)


if __name__ == "__main__":
    cli.run(main)
