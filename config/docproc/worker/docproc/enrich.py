"""Step 5: ask the medical catalog what each result is: code, usual unit, reference range."""

from __future__ import annotations

import json
import math
import os
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docproc import cli, http
from docproc.cli import SetupError


def plain_unit(unit: str) -> str:
    """A unit in one spelling: µ, superscripts and case do not make a difference."""
    table = str.maketrans({"µ": "u", "μ": "u", "³": "3", "⁶": "6", "⁹": "9", "²": "2", "*": "", "^": "", ",": "."})
    unit = unit.casefold().translate(table).replace("mcl", "ul").replace("miu/l", "uiu/ml").replace("mu/l", "uiu/ml")
    unit = unit.replace("10e", "10")
    unit = unit.removeprefix("x").replace("thousand/ul", "k/ul").replace("million/ul", "m/ul")
    return {"103/ul": "k/ul", "109/l": "k/ul", "/nl": "k/ul", "106/ul": "m/ul", "1012/l": "m/ul", "iu/l": "u/l"}.get(
        unit, unit
    )


def in_catalog_unit(value: float | None, unit: str, entry: dict[str, Any]) -> float | None:
    """The value in the catalog's unit, None when the units cannot be compared."""
    if value is None:
        return None
    if plain_unit(unit) == plain_unit(entry["unit"]):
        return value
    for other, factor in entry.get("factors", {}).items():
        if plain_unit(unit) == plain_unit(other):
            return round(value * float(factor), 4)
    return None


def judge(value: float | None, comparator: str, low: float | None, high: float | None) -> str:
    """low, normal or high; empty when range and value do not tell. "<5" means anything from 0 to 5."""
    if value is None or (low is None and high is None):
        return ""
    least = 0.0 if comparator in ("<", "≤") else value
    most = math.inf if comparator in (">", "≥") else value
    floor, ceiling = -math.inf if low is None else low, math.inf if high is None else high
    if most < floor or (comparator == "<" and most == floor):
        return "low"
    if least > ceiling or (comparator == ">" and least == ceiling):
        return "high"
    return "normal" if floor <= least and most <= ceiling else ""


def enrich(measurement: dict[str, Any], entry: dict[str, Any] | None) -> dict[str, Any]:
    """A measurement with what the catalog knows; the report's own range and flag come first."""
    low, high, source = measurement["low"], measurement["high"], "report"
    value = measurement["value"]
    known: dict[str, Any] = {"loinc": "", "canonical": "", "catalog_unit": "", "catalog_value": None}
    if entry:
        converted = in_catalog_unit(value, measurement["unit"], entry)
        known = {
            "loinc": entry["loinc"],
            "canonical": entry["name"],
            "catalog_unit": entry["unit"],
            "catalog_value": converted,
        }
        if low is None and high is None and converted is not None:
            low, high, source, value = entry["low"], entry["high"], "catalog", converted
    status = judge(value, measurement["comparator"], low, high)
    by_flag = {"H": "high", "HH": "high", "L": "low", "LL": "low"}.get(measurement["flag"], "")
    ranged = low is not None or high is not None
    return {**measurement, **known, "status": by_flag or status, "range_source": source if ranged else ""}


def look_up(catalog: str, name: str) -> list[dict[str, Any]]:
    """The catalog's entries for a name, none when it knows none; several when units tell them apart."""
    query = urllib.parse.urlencode({"name": name})
    answer = http.call(f"the medical catalog at {catalog}", f"{catalog}/biomarkers/search?{query}")
    matches: list[dict[str, Any]] = answer["matches"]
    return matches


def choose(measurement: dict[str, Any], entries: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The entry whose unit fits; "Neutrophils" may be a share or a count."""
    fitting = [e for e in entries if in_catalog_unit(1.0, measurement["unit"], e) is not None]
    return next(iter(fitting + entries), None)


def main(argv: Sequence[str]) -> None:
    """Enrich every measurement of a record."""
    args = cli.parser("enrich", "Add what the medical catalog knows to each result.")
    args.add_argument("--in", dest="source", type=Path, default=Path("/tmp/biomarkers.json"), help="the record")
    args.add_argument("--out", type=Path, default=Path("/tmp/enriched.json"), help="the enriched record")
    opts = args.parse_args(argv)

    catalog = os.environ.get("MEDICAL_CATALOG_URL", "").rstrip("/")
    if not catalog:
        raise SetupError("MEDICAL_CATALOG_URL is not set: where is the medical catalog?")
    record = json.loads(opts.source.read_bytes())
    names = {measurement["name"] for measurement in record["biomarkers"]}
    entries = {name: look_up(catalog, name) for name in sorted(names)}
    record["biomarkers"] = [enrich(m, choose(m, entries[m["name"]])) for m in record["biomarkers"]]
    cli.write(opts.out, json.dumps(record, ensure_ascii=False))
    unknown = sorted(name for name, found in entries.items() if not found)
    print(
        f"{len(names) - len(unknown)} of {len(names)} names known"
        + (f"; unknown: {', '.join(unknown)}" if unknown else "")
    )


if __name__ == "__main__":
    cli.run(main)
