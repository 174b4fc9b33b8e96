"""The PDF work, done by poppler's programs: pdfinfo, pdftoppm, pdftotext, pdfimages."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from docproc.cli import BadDocument, SetupError

TIMEOUT_S = 120
MAX_SIDE_PX = 5000


@dataclass(frozen=True)
class PdfInfo:
    """What pdfinfo says of a whole document."""

    pages: int
    title: str
    producer: str


class Encrypted(BadDocument):
    """The document asks for a password."""


class Unreadable(BadDocument):
    """Poppler cannot open the document at all."""


def tool(*argv: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run one program to its end; its exit code is the caller's to judge."""
    env = {**os.environ, "LC_ALL": "C.UTF-8", "OMP_THREAD_LIMIT": "1"}
    command = [str(arg) for arg in argv]
    try:
        return subprocess.run(command, capture_output=True, env=env, timeout=TIMEOUT_S, check=False)
    except FileNotFoundError:
        raise SetupError(f"{command[0]} is not installed (Debian: poppler-utils, tesseract-ocr)") from None
    except subprocess.TimeoutExpired:
        raise BadDocument(f"{command[0]} gave up after {TIMEOUT_S} s: the document is too complex") from None


def complaint(stderr: bytes) -> str:
    """The first line a program wrote to stderr, without positions."""
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    return re.sub(r"\s*\(\d+\)", "", lines[0]) if lines else "no reason given"


def info(pdf: Path) -> PdfInfo:
    """Number of pages and origin of a document."""
    done = tool("pdfinfo", pdf)
    if done.returncode != 0:
        if b"Incorrect password" in done.stderr:
            raise Encrypted("encrypted")
        raise Unreadable(complaint(done.stderr))
    fields = dict(re.findall(r"^([^:\n]+):[ \t]*(.*)$", done.stdout.decode(errors="replace"), re.M))
    return PdfInfo(int(fields.get("Pages", "0")), fields.get("Title", ""), fields.get("Producer", ""))


def page_size(pdf: Path, page: int) -> tuple[float, float]:
    """Width and height of a page in points."""
    done = tool("pdfinfo", "-f", str(page), "-l", str(page), pdf)
    found = re.search(rb"^Page\s+\d+ size:\s+([\d.]+) x ([\d.]+)", done.stdout, re.M)
    if done.returncode != 0 or not found:
        raise BadDocument(f"page {page} cannot be read: {complaint(done.stderr)}")
    return float(found[1]), float(found[2])


def fitting_dpi(pdf: Path, page: int, dpi: int) -> int:
    """The wanted resolution, or less when the page is so large that its image would be huge."""
    longest = max(page_size(pdf, page))
    return max(1, min(dpi, int(MAX_SIDE_PX * 72 / longest))) if longest else dpi


def png(pdf: Path, page: int, dpi: int, *, gray: bool = False) -> bytes:
    """One page as a PNG image."""
    colour = ["-gray"] if gray else []
    done = tool("pdftoppm", "-png", *colour, "-r", str(dpi), "-f", str(page), "-l", str(page), pdf)
    if done.returncode != 0 or not done.stdout.startswith(b"\x89PNG"):
        raise BadDocument(f"page {page} cannot be rendered: {complaint(done.stderr)}")
    return done.stdout


def text(pdf: Path, page: int) -> str:
    """The text layer of one page, columns kept apart by spaces."""
    done = tool("pdftotext", "-layout", "-enc", "UTF-8", "-f", str(page), "-l", str(page), pdf, "-")
    if done.returncode != 0:
        raise BadDocument(f"page {page} has no readable text: {complaint(done.stderr)}")
    return done.stdout.decode(errors="replace").replace("\f", "")


def image_count(pdf: Path, page: int) -> int:
    """How many images a page shows."""
    done = tool("pdfimages", "-list", "-f", str(page), "-l", str(page), pdf)
    return sum(1 for line in done.stdout.splitlines() if line.split()[:1] == [str(page).encode()])


def page_error(pdf: Path, page: int) -> str | None:
    """What poppler complains about when it draws a page, None when it draws without complaint."""
    done = tool("pdftoppm", "-r", "10", "-png", "-f", str(page), "-l", str(page), pdf)
    serious = done.returncode != 0 or b"Error" in done.stderr or not done.stdout
    return complaint(done.stderr) if serious else None
