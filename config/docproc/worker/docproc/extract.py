"""Step 3: read the laboratory results of one page.

Gemini reads the page's image when GEMINI_API_KEY is set. Without it poppler's text layer is read; where a
page has none (or its text states no result while it shows images: a scanned table below a typed letterhead),
tesseract reads the page's image.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from docproc import cli, gemini, labtext, poppler, render
from docproc.cli import BadDocument, SetupError

OCR_DPI = 300
VISION_DPI = 150
MOST_RESULTS = 500  # keeps the output parameter of a page far below 256 KiB


@dataclass(frozen=True)
class Reading:
    """What one page says, and how it was read."""

    method: str
    text: str
    results: list[labtext.Result]
    header: dict[str, str]


def ocr(pdf: Path, page: int) -> str:
    """The text of a page's image."""
    image = poppler.png(pdf, page, poppler.fitting_dpi(pdf, page, OCR_DPI), gray=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.png"
        file.write_bytes(image)
        language = os.environ.get("OCR_LANG") or "eng"
        options = ["--psm", "6", "-l", language, "-c", "preserve_interword_spaces=1"]
        done = poppler.tool("tesseract", file, "-", *options)
    if done.returncode != 0:
        if b"loading language" in done.stderr:
            raise SetupError(f"tesseract has no data for language {language} (Debian: tesseract-ocr-{language})")
        raise BadDocument(f"page {page} cannot be read by OCR: {poppler.complaint(done.stderr)}")
    return done.stdout.decode(errors="replace").replace("\f", "")


def by_text(method: str, text: str) -> Reading:
    """Results found in a text."""
    return Reading(method, text, labtext.results(text), labtext.header(text))


def read_page(pdf: Path, page: int, method: str) -> Reading:
    """Read a page in the best way there is."""
    text = poppler.text(pdf, page)
    if key := os.environ.get("GEMINI_API_KEY"):
        image = poppler.png(pdf, page, poppler.fitting_dpi(pdf, page, VISION_DPI))
        results, header = gemini.read(image, key)
        return Reading("gemini", text, results, header)
    if method == "auto":
        method = render.reading_method(text)
    if method == "text":
        reading = by_text("text", text)
        if reading.results or poppler.image_count(pdf, page) == 0:
            return reading
        scanned = by_text("ocr", ocr(pdf, page))
        return scanned if scanned.results else reading
    return by_text("ocr", ocr(pdf, page))


def main(argv: Sequence[str]) -> None:
    """Read one page."""
    args = cli.parser("extract", "Read the laboratory results of one page.")
    args.add_argument("--page", type=cli.page_number, required=True, help="page, from 1")
    args.add_argument("--document", type=Path, default=Path("/tmp/document.pdf"), help="the document")
    args.add_argument("--method", choices=["auto", "text", "image"], default="auto", help="how render advised to read")
    args.add_argument("--out", type=Path, default=Path("/tmp/extraction.json"), help="results and text")
    args.add_argument("--results", type=Path, default=Path("/tmp/results.json"), help="results without the text")
    opts = args.parse_args(argv)

    reading = read_page(opts.document, opts.page, opts.method)
    kept = reading.results[:MOST_RESULTS]
    record = {
        "page": opts.page,
        "method": reading.method,
        "header": reading.header,
        "results": [result.as_dict() for result in kept],
        "dropped": len(reading.results) - len(kept),
    }
    cli.write(opts.results, json.dumps(record, ensure_ascii=False))
    cli.write(opts.out, json.dumps({**record, "text": reading.text}, ensure_ascii=False))
    print(f"page {opts.page}: {len(kept)} results, read by {reading.method}")


if __name__ == "__main__":
    cli.run(main)
