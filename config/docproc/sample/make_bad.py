"""Makes the documents that go wrong, each in its own way.

/usr/bin/python3 config/docproc/sample/make_bad.py FOLDER
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageDraw
from make_sample import SCANNED, scan
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

REPORT = Path(__file__).with_name("lab-report.pdf")


def pages(file: Path, count: int) -> Path:
    """A report of many pages, one result each."""
    canvas = Canvas(str(file), pagesize=A4, invariant=True)
    for page in range(1, count + 1):
        canvas.setFont("Helvetica", 11)
        canvas.drawString(60, 780, f"Northwind Clinical Laboratory: page {page} of {count}, series of glucose")
        canvas.drawString(60, 740, f"Glucose:  {70 + page}  mg/dL  (70 - 99)")
        canvas.showPage()
    canvas.save()
    return file


def encrypted(file: Path) -> Path:
    """Opens with a password only."""
    subprocess.run(["qpdf", "--encrypt", "secret", "owner", "256", "--", REPORT, file], check=True)
    return file


def locked(file: Path) -> Path:
    """Opens for everyone, but forbids changes: that is no obstacle."""
    subprocess.run(["qpdf", "--encrypt", "", "owner", "256", "--modify=none", "--", REPORT, file], check=True)
    return file


def truncated(file: Path, share: float = 0.5) -> Path:
    """The first part of a report, as a broken connection leaves it."""
    data = REPORT.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    return file


def truncated_late(file: Path) -> Path:
    """A report for the web (linearised) of ten pages that breaks off: its first pages are whole."""
    whole = pages(file.with_suffix(".whole"), 10)
    subprocess.run(["qpdf", "--linearize", "--object-streams=disable", whole, file], check=True)
    whole.unlink()
    data = file.read_bytes()
    file.write_bytes(data[: len(data) * 7 // 10])
    return file


def no_text_layer(file: Path, lines: tuple[str, ...] = ()) -> Path:
    """One page that is a picture; blank when there are no lines."""
    image = Image.new("L", (1240, 1754), 255)
    for number, line in enumerate(lines):
        ImageDraw.Draw(image).text((100, 100 + 60 * number), line, 0)
    picture = io.BytesIO()
    image.save(picture, "PNG")
    canvas = Canvas(str(file), pagesize=A4, invariant=True)
    canvas.drawImage(ImageReader(picture), 0, 0, *A4)
    canvas.save()
    return file


def letterhead_over_scan(file: Path) -> Path:
    """A text layer that holds the letterhead only; the results are in a picture."""
    canvas = Canvas(str(file), pagesize=A4, invariant=True)
    picture = io.BytesIO()
    scan(SCANNED).save(picture, "PNG")
    canvas.drawImage(ImageReader(picture), 0, 0, *A4)
    canvas.drawString(60, 60, "Northwind Clinical Laboratory, 12 Example Street, 01234 Nowhere, synthetic data")
    canvas.save()
    return file


def png(file: Path) -> Path:
    """An image that calls itself a PDF."""
    Image.new("RGB", (20, 20), "red").save(file, "PNG")
    return file


def damaged(file: Path) -> Path:
    """Begins and ends like a PDF, with nothing sensible between."""
    file.write_bytes(b"%PDF-1.4\n" + bytes(range(256)) * 20 + b"\n%%EOF\n")
    return file


def empty(file: Path) -> Path:
    """No bytes at all."""
    file.write_bytes(b"")
    return file


def make_all(folder: Path) -> None:
    """Every bad document, named by its fault."""
    folder.mkdir(parents=True, exist_ok=True)
    for make in (encrypted, locked, truncated, truncated_late, no_text_layer, png, damaged, empty):
        print(make(folder / f"{make.__name__.replace('_', '-')}.pdf"))
    print(pages(folder / "100-pages.pdf", 100))


if __name__ == "__main__":
    make_all(Path(sys.argv[1]))
