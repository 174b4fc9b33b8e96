"""Reads the image of a page with Gemini, asking for exactly the fields our own reader yields."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

from docproc import http
from docproc.cli import Unavailable
from docproc.labtext import Result

DEFAULT_URL = "https://generativelanguage.googleapis.com/v1beta"
DEFAULT_MODEL = "gemini-2.0-flash"

PROMPT = (
    "This image is one page of a medical laboratory report. List every laboratory result printed on it, exactly as"
    " printed, without converting units. Give the number in `value`, or null with the word in `value_text` when the"
    " result is a word. `comparator` is < or > when printed before the value. `low` and `high` are the bounds of the"
    " reference range, null when absent. `flag` is H, L, HH, LL, A or empty. Do not list headings, patient data or"
    " explanations. In `header` give what the page states of patient and dates (dates as YYYY-MM-DD)."
)
TEXT = {"type": "STRING"}
NUMBER = {"type": "NUMBER", "nullable": True}
RESULT_SCHEMA: dict[str, Any] = {
    "type": "OBJECT",
    "required": ["name", "value_text"],
    "properties": {
        "name": TEXT, "value": NUMBER, "value_text": TEXT, "comparator": TEXT, "unit": TEXT,
        "low": NUMBER, "high": NUMBER, "range_text": TEXT, "flag": TEXT,
    },
}  # fmt: skip
HEADER_KEYS = ("patient_name", "patient_id", "birth_date", "sex", "collected", "reported")
SCHEMA: dict[str, Any] = {
    "type": "OBJECT",
    "required": ["results"],
    "properties": {
        "results": {"type": "ARRAY", "items": RESULT_SCHEMA},
        "header": {"type": "OBJECT", "properties": dict.fromkeys(HEADER_KEYS, TEXT)},
    },
}


def request_body(png: bytes) -> dict[str, Any]:
    """The question: prompt, image and the form of the answer."""
    image = {"inline_data": {"mime_type": "image/png", "data": base64.b64encode(png).decode()}}
    config = {"temperature": 0, "responseMimeType": "application/json", "responseSchema": SCHEMA}
    return {"contents": [{"parts": [{"text": PROMPT}, image]}], "generationConfig": config}


def to_result(raw: dict[str, Any]) -> Result:
    """One entry of the answer; raises when it is not of the form asked for."""

    def bound(key: str) -> float | None:
        return None if raw.get(key) is None else float(raw[key])

    words = {key: str(raw.get(key) or "") for key in ("comparator", "unit", "range_text", "flag")}
    return Result(
        name=str(raw["name"]), value=bound("value"), value_text=str(raw.get("value_text") or ""),
        low=bound("low"), high=bound("high"), **words,
    )  # fmt: skip


def read(png: bytes, api_key: str) -> tuple[list[Result], dict[str, str]]:
    """Results and header of a page."""
    base = os.environ.get("GEMINI_URL") or DEFAULT_URL
    model = os.environ.get("GEMINI_MODEL") or DEFAULT_MODEL
    answer = http.call(
        "Gemini", f"{base}/models/{model}:generateContent", request_body(png), {"x-goog-api-key": api_key}
    )
    try:
        page = json.loads(answer["candidates"][0]["content"]["parts"][0]["text"])
        header = {key: str(page["header"][key]) for key in HEADER_KEYS if page.get("header", {}).get(key)}
        return [to_result(raw) for raw in page["results"]], header
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise Unavailable(f"Gemini's answer is not of the form asked for ({type(error).__name__}: {error})") from None
