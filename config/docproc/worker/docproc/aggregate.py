"""Step 4: put the pages' extractions together to one record of the document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docproc import cli
from docproc.cli import BadDocument, SetupError


def merge_headers(pages: list[dict[str, Any]]) -> dict[str, str]:
    """Patient and dates: the first page that states a field decides."""
    merged: dict[str, str] = {}
    for page in pages:
        for key, value in page["header"].items():
            merged.setdefault(key, value)
    return merged


def measurements(pages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All results in reading order, with page and date; the same result of the same date counts once."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for page in pages:
        date = page["header"].get("collected", "")
        for result in page["results"]:
            key = (result["name"].casefold(), result["value_text"], result["unit"], date)
            found.setdefault(key, {**result, "page": page["page"], "collected": date})
    return list(found.values())


def aggregate(document: dict[str, Any], extractions: list[dict[str, Any]]) -> dict[str, Any]:
    """One record of a document; every page must be there, and some page must state a result."""
    pages = sorted(extractions, key=lambda page: page["page"])
    missing = set(range(1, int(document["pages"]) + 1)) - {page["page"] for page in pages}
    if missing:
        raise SetupError(f"{document['name']}: no extraction of page {', '.join(map(str, sorted(missing)[:10]))}")
    header = merge_headers(pages)
    found = measurements(pages)
    if not found:
        raise BadDocument(
            f"{document['name']} states no laboratory result on {'its page' if len(pages) == 1 else f'any of its {len(pages)} pages'}"
        )
    for measurement in found:
        measurement["collected"] = measurement["collected"] or header.get("collected", "")
    kept = ("page", "method")
    rows = [{**{key: page[key] for key in kept}, "results": len(page["results"])} for page in pages]
    return {"document": document, "header": header, "pages": rows, "biomarkers": found}


def main(argv: Sequence[str]) -> None:
    """Read the list of extractions, write the record."""
    args = cli.parser("aggregate", "Put the extractions of all pages together.")
    args.add_argument("--document", required=True, help="facts on the document (JSON), as validate wrote them")
    args.add_argument("--extractions", type=Path, default=Path("/tmp/extractions.json"), help="JSON list, one per page")
    args.add_argument("--out", type=Path, default=Path("/tmp/biomarkers.json"), help="the record")
    opts = args.parse_args(argv)

    try:
        record = aggregate(json.loads(opts.document), json.loads(opts.extractions.read_bytes()))
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise SetupError(f"unusable input: {type(error).__name__}: {error}") from None
    cli.write(opts.out, json.dumps(record, ensure_ascii=False))
    print(f"{len(record['biomarkers'])} results on {len(record['pages'])} pages")


if __name__ == "__main__":
    cli.run(main)
