"""The medical catalog: what is "SGPT", which code does it have, what is its usual range?

/usr/bin/python3 -m uvicorn app:app --app-dir config/docproc/catalog --port 8001
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Query

CATALOG_FILE = Path(os.environ.get("CATALOG_FILE") or Path(__file__).with_name("catalog.json"))
FILLERS = {"serum", "plasma", "level", "estimation", "measurement", "basal", "s", "p", "the", "in", "of"}
OTHER_SPECIMENS = {"urine", "urinary", "csf", "stool", "saliva", "fluid", "sweat"}
LONG = 6  # words this long may carry one typing or OCR error

app = FastAPI(title="Medical catalog", description="Laboratory biomarkers by name, synonym and LOINC code.")


def words(name: str) -> tuple[str, ...]:
    """A name as a sorted tuple of words: case, punctuation and order do not matter."""
    parts = re.findall(r"[^\W_]+|[%+]", name.casefold())
    return tuple(sorted([part for part in parts if part not in FILLERS] or parts))


def one_error_apart(a: str, b: str) -> bool:
    """True when one inserted, lost or changed letter explains the difference."""
    if len(a) > len(b):
        a, b = b, a
    if len(b) - len(a) > 1:
        return False
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    return a[at + (len(a) == len(b)) :] == b[at + 1 :]


def near(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    """The same words, but for one error in a long one; short words (HDL, LDL, B6, B12) must be exact."""
    different = [(x, y) for x, y in zip(a, b, strict=False) if x != y]
    if len(a) != len(b) or len(different) != 1:
        return False
    x, y = different[0]
    return min(len(x), len(y)) >= LONG and one_error_apart(x, y)


def load(file: Path) -> tuple[list[dict[str, Any]], dict[tuple[str, ...], list[dict[str, Any]]]]:
    """The entries, and the entries by every name they go by. Words run together count as a name as well."""
    entries: list[dict[str, Any]] = json.loads(file.read_bytes())["biomarkers"]
    index: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for entry in entries:
        for name in {entry["name"], *entry["synonyms"]}:
            for key in {words(name), ("".join(re.findall(r"[^\W_]+", name.casefold())),)}:
                if entry not in index.setdefault(key, []):
                    index[key].append(entry)
    return entries, index


ENTRIES, INDEX = load(CATALOG_FILE)


def find(name: str) -> list[dict[str, Any]]:
    """Entries a name may mean: exact first, then without a bracketed remark, then with one typing error."""
    bare = re.sub(r"\s*[(\[][^)\]]*[)\]]", "", name)
    bracketed = " ".join(re.findall(r"[(\[]([^)\]]*)[)\]]", name))
    elsewhere = OTHER_SPECIMENS.intersection(words(name))  # "Glucose (urine)" is not glucose in blood
    for text in (name,) if elsewhere else (name, bare, bracketed):
        key = words(text)
        joined = ("".join(re.findall(r"[^\W_]+", text.casefold())),)
        if key and (hit := INDEX.get(key) or INDEX.get(joined)):
            return hit
    close = [entry for key, found in INDEX.items() if near(words(name), key) for entry in found]
    return [entry for at, entry in enumerate(close) if entry not in close[:at]]


@app.get("/health")
def health() -> dict[str, object]:
    """Is the service up?"""
    return {"status": "ok", "biomarkers": len(ENTRIES)}


@app.get("/biomarkers")
def biomarkers() -> dict[str, object]:
    """All entries."""
    return {"biomarkers": ENTRIES}


@app.get("/biomarkers/search")
def search(name: str = Query(min_length=1, max_length=200)) -> dict[str, object]:
    """What a name means. `match` is the best entry; `matches` has several where only the unit decides."""
    matches = find(name)
    return {"query": name, "match": matches[0] if matches else None, "matches": matches}


@app.get("/biomarkers/{loinc}")
def biomarker(loinc: str) -> dict[str, Any]:
    """One entry by LOINC code."""
    for entry in ENTRIES:
        if entry["loinc"] == loinc:
            return entry
    raise HTTPException(404, f"no biomarker has the LOINC code {loinc}")
