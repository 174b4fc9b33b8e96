"""Reading a page with Gemini, against a server that plays Gemini's part."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from story import REPORT, Ended, serve, step
from fastapi import FastAPI, Request, Response

READ = {
    "results": [
        {"name": "Glucose", "value": 112, "value_text": "112", "unit": "mg/dL", "low": 70, "high": 99, "flag": "H"}
    ]
}


class Gemini:
    """Answers as told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.status, self.text, self.url = 200, json.dumps(READ), ""
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.app = FastAPI()
        self.app.post("/models/{call}")(self.generate)

    async def generate(self, request: Request) -> Response:
        self.asked.append(await request.json())
        self.keys.append(request.headers["x-goog-api-key"])
        answer = {"candidates": [{"content": {"parts": [{"text": self.text}]}}]}
        return Response(json.dumps(answer), self.status, media_type="application/json")


@pytest.fixture
def gemini() -> Iterator[Gemini]:
    player = Gemini()
    for url in serve(player.app):
        player.url = url
        yield player


def extract(gemini: Gemini, tmp_path: Path) -> Ended:
    args = ("--page", 1, "--document", REPORT, "--out", tmp_path / "e.json", "--results", tmp_path / "r.json")
    return step("extract", *args, GEMINI_API_KEY="top-secret", GEMINI_URL=gemini.url)


def test_the_page_image_is_shown_and_the_answer_kept(gemini: Gemini, tmp_path: Path) -> None:
    assert extract(gemini, tmp_path).code == 0
    image = gemini.asked[0]["contents"][0]["parts"][1]["inline_data"]
    assert base64.b64decode(image["data"]).startswith(b"\x89PNG")
    assert gemini.keys == ["top-secret"]
    record = json.loads((tmp_path / "r.json").read_text())
    assert record["method"] == "gemini"
    assert [(r["name"], r["value"], r["high"], r["flag"]) for r in record["results"]] == [("Glucose", 112, 99, "H")]


@pytest.mark.parametrize(
    ("status", "text", "code", "sentence"),
    [
        (503, "", 3, "Gemini answered 503 Service Unavailable"),
        (429, "", 3, "Gemini answered 429 Too Many Requests"),
        (403, "", 2, "Gemini answered 403 Forbidden"),
        (200, "I see a lab report.", 3, "Gemini's answer is not of the form asked for"),
        (200, '{"results": [{"value": 1}]}', 3, "Gemini's answer is not of the form asked for"),
    ],
)
def test_trouble_is_told_and_only_passing_trouble_is_retryable(
    gemini: Gemini, tmp_path: Path, status: int, text: str, code: int, sentence: str
) -> None:
    gemini.status, gemini.text = status, text
    ended = extract(gemini, tmp_path)
    assert ended.code == code
    assert ended.said.startswith(sentence)
    assert "top-secret" not in ended.said
