"""Documents as people send them: each ends in the right step with a sentence a person understands."""

from __future__ import annotations

import json
from pathlib import Path

import make_bad
import pytest
from story import REPORT, Ended, step
from docproc import render, validate


def validated(file: Path, *more: object) -> Ended:
    """Validate a file as the first step of the pipeline does."""
    out = file.parent / "out"
    args = ("--document-id", "d1", "--file-path", file.name, "--uploads", file.parent)
    return step("validate", *args, "--out", out / "document.pdf", "--info", out / "document.json", *more)


def test_a_sound_report_is_passed_on(tmp_path: Path) -> None:
    file = tmp_path / "report.pdf"
    file.write_bytes(REPORT.read_bytes())
    assert validated(file).code == 0
    assert (tmp_path / "out" / "document.pdf").read_bytes() == REPORT.read_bytes()
    facts = json.loads((tmp_path / "out" / "document.json").read_text())
    assert (facts["name"], facts["pages"], facts["document_id"]) == ("report.pdf", 4, "d1")


BAD = [
    (make_bad.encrypted, "x.pdf is encrypted: ask the sender for an unprotected copy"),
    (make_bad.png, "x.pdf is not a PDF: looks like PNG image data"),
    (make_bad.empty, "x.pdf is empty: upload it again"),
    (make_bad.truncated, "x.pdf is truncated within its first page, after 16261 bytes: upload it again"),
    (make_bad.truncated_late, "x.pdf is truncated after page 7: upload it again"),
]


@pytest.mark.parametrize(("make", "sentence"), BAD, ids=[make.__name__ for make, _ in BAD])
def test_a_bad_document_is_refused_in_words(tmp_path: Path, make: object, sentence: str) -> None:
    ended = validated(make(tmp_path / "x.pdf"))  # type: ignore[operator]
    assert (ended.code, ended.said) == (1, sentence)
    assert ended.left == sentence, "the runner shows the same words"
    assert not (tmp_path / "out" / "document.pdf").exists()


def test_a_damaged_document_is_refused(tmp_path: Path) -> None:
    ended = validated(make_bad.damaged(tmp_path / "x.pdf"))
    assert ended.code == 1
    assert ended.said.startswith("x.pdf is damaged and cannot be opened: ")


def test_a_document_that_only_forbids_changes_is_welcome(tmp_path: Path) -> None:
    assert validated(make_bad.locked(tmp_path / "x.pdf")).code == 0


def test_too_many_pages_and_too_many_bytes_are_refused(tmp_path: Path) -> None:
    file = make_bad.pages(tmp_path / "x.pdf", 12)
    assert validated(file, "--max-pages", 10).said == "x.pdf has 12 pages; the limit is 10"
    assert validated(file, "--max-bytes", 1024).said.endswith("the limit is 0.0 MiB")


def test_nothing_outside_the_uploads_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "uploads").mkdir()
    (tmp_path / "secret.pdf").write_bytes(REPORT.read_bytes())
    (tmp_path / "uploads" / "link.pdf").symlink_to(tmp_path / "secret.pdf")
    for path in ("../secret.pdf", "link.pdf", str(tmp_path / "secret.pdf")):
        ended = step(
            "validate",
            "--document-id",
            "d",
            "--file-path",
            path,
            "--uploads",
            tmp_path / "uploads",
            "--out",
            tmp_path / "o",
        )
        assert (ended.code, ended.said) == (1, f"{path}: lies outside the uploads folder")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert validated(tmp_path / "gone.pdf").said == "gone.pdf: there is no such file in the uploads folder"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\xff\xd8\xff\xe0", "JPEG image data"),
        (b"PK\x03\x04", "a ZIP archive or an Office document"),
        (b"\n <!DOCTYPE html>", "a web page"),
        (b"Dear doctor,", "plain text"),
        (b"\x00\x01\x02", "unknown data"),
    ],
)
def test_other_files_are_called_by_their_name(head: bytes, name: str) -> None:
    assert validate.looks_like(head) == name


def test_pages_are_counted(tmp_path: Path) -> None:
    file = make_bad.pages(tmp_path / "x.pdf", 100)
    assert step("count", "--document", file, "--out", tmp_path / "n").code == 0
    assert (tmp_path / "n").read_text() == "100"


@pytest.mark.parametrize(("page", "method"), [(1, "text"), (4, "image")])
def test_render_draws_a_page_and_says_how_to_read_it(tmp_path: Path, page: int, method: str) -> None:
    ended = step(
        "render", "--page", page, "--document", REPORT, "--out", tmp_path / "p.png", "--facts", tmp_path / "p.json"
    )
    assert ended.code == 0, ended.said
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    facts = json.loads((tmp_path / "p.json").read_text())
    assert (facts["page"], facts["method"], facts["width"], facts["height"]) == (page, method, 1241, 1754)


def test_a_text_layer_of_nonsense_is_not_trusted() -> None:
    assert render.reading_method("\ue001\ue002\ue003" * 30) == "image"
    assert render.reading_method("Hemoglobin 13.9 g/dL and some more words to be read here") == "text"


def test_a_page_that_is_not_there_is_named(tmp_path: Path) -> None:
    ended = step("render", "--page", 9, "--document", REPORT, "--out", tmp_path / "p.png")
    assert ended.code == 1
    assert ended.said.startswith("page 9 cannot be read: ")


def extracted(tmp_path: Path, file: Path, page: int, **env: str) -> dict[str, object]:
    """The extraction of one page."""
    args = ("--page", page, "--document", file, "--out", tmp_path / "e.json", "--results", tmp_path / "r.json")
    ended = step("extract", *args, **env)
    assert ended.code == 0, ended.said
    record: dict[str, object] = json.loads((tmp_path / "r.json").read_text())
    return record


def test_a_scanned_page_is_read_by_ocr(tmp_path: Path) -> None:
    record = extracted(tmp_path, REPORT, 4)
    assert record["method"] == "ocr"
    values = {result["name"]: (result["value"], result["unit"], result["flag"]) for result in record["results"]}  # type: ignore[attr-defined]
    assert values["Ferritin"] == (18, "ng/mL", "L")
    assert values["25-OH Vitamin D"] == (21.4, "ng/mL", "L")
    assert len(values) == 5
    whole = json.loads((tmp_path / "e.json").read_text())
    assert "Ferritin" in whole["text"], "the artifact keeps the text that was read"


def test_a_page_with_text_is_read_from_its_text(tmp_path: Path) -> None:
    record = extracted(tmp_path, REPORT, 1)
    assert record["method"] == "text"
    assert record["header"] == {
        "patient_name": "Jordan Sample", "patient_id": "NW-204417", "birth_date": "1979-04-17",
        "sex": "F", "collected": "2026-01-12", "reported": "2026-01-13",
    }  # fmt: skip
    assert len(record["results"]) == 13  # type: ignore[arg-type]


def test_a_scanned_table_below_a_typed_letterhead_is_read_as_well(tmp_path: Path) -> None:
    file = make_bad.letterhead_over_scan(tmp_path / "x.pdf")
    facts = ("--out", tmp_path / "p.png", "--facts", tmp_path / "p.json")
    assert step("render", "--page", 1, "--document", file, *facts).code == 0
    assert json.loads((tmp_path / "p.json").read_text())["method"] == "text"
    record = extracted(tmp_path, file, 1)
    assert record["method"] == "ocr"
    assert [result["name"] for result in record["results"]][0] == "Ferritin"  # type: ignore[attr-defined]


def test_a_blank_scan_yields_no_result(tmp_path: Path) -> None:
    assert extracted(tmp_path, make_bad.no_text_layer(tmp_path / "x.pdf"), 1)["results"] == []


def test_an_ocr_language_that_is_missing_is_named(tmp_path: Path) -> None:
    ended = step(
        "extract",
        "--page",
        4,
        "--document",
        REPORT,
        "--out",
        tmp_path / "e",
        "--results",
        tmp_path / "r",
        OCR_LANG="xyz",
    )
    assert (ended.code, ended.said) == (2, "tesseract has no data for language xyz (Debian: tesseract-ocr-xyz)")


@pytest.mark.parametrize("name", ["validate", "count", "render", "extract", "aggregate", "enrich", "store"])
def test_every_step_explains_itself(name: str) -> None:
    ended = step(name, "--help")
    assert ended.code == 0
    assert ended.printed.startswith(f"usage: python3 -m docproc.{name}")
    assert step(name, "--no-such-option").code == 2
