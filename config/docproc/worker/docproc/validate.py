"""Step 1: is this a document the pipeline can work on? Type, size, encryption, corruption."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from docproc import cli, poppler
from docproc.cli import BadDocument

MIB = 1 << 20
HEADER_WITHIN = 1024  # readers accept some bytes of noise before %PDF-
TRAILER_WITHIN = 1024

KINDS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "PNG image data"),
    (b"\xff\xd8\xff", "JPEG image data"),
    (b"GIF8", "GIF image data"),
    (b"II*\0", "TIFF image data"),
    (b"MM\0*", "TIFF image data"),
    (b"PK\3\4", "a ZIP archive or an Office document"),
    (b"\xd0\xcf\x11\xe0", "an old Microsoft Office document"),
    (b"\x1f\x8b", "gzip data"),
    (b"{\\rtf", "rich text (RTF)"),
    (b"%!PS", "PostScript"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
)


def looks_like(head: bytes) -> str:
    """A person's name for what a file is, from its first bytes."""
    start = head.lstrip().lower()
    for magic, name in KINDS:
        if head.startswith(magic) or start.startswith(magic.lower()):
            return name
    if b"\0" not in head:
        try:
            head[:512].decode()
        except UnicodeDecodeError:
            return "unknown data"
        return "plain text"
    return "unknown data"


def locate(uploads: Path, file_path: str) -> Path:
    """The uploaded file; never anything outside the uploads folder."""
    root = uploads.resolve()
    path = (root / file_path).resolve()
    if not path.is_relative_to(root):
        raise BadDocument(f"{file_path}: lies outside the uploads folder")
    if not path.is_file():
        raise BadDocument(f"{file_path}: there is no such file in the uploads folder")
    return path


def check_file(path: Path, max_bytes: int) -> None:
    """Size and type, from the file alone."""
    size = path.stat().st_size
    if size == 0:
        raise BadDocument(f"{path.name} is empty: upload it again")
    if size > max_bytes:
        raise BadDocument(f"{path.name} is {size / MIB:.1f} MiB; the limit is {max_bytes / MIB:.1f} MiB")
    with path.open("rb") as file:
        head = file.read(HEADER_WITHIN)
    if b"%PDF-" not in head:
        raise BadDocument(f"{path.name} is not a PDF: looks like {looks_like(head)}")


def end_is_missing(path: Path) -> bool:
    """True when the file stops before the trailer every complete PDF ends with, or before the length it states."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEADER_WITHIN)
        file.seek(max(0, size - TRAILER_WITHIN))
        tail = file.read()
    stated = re.search(rb"/Linearized[^>]*/L\s+(\d+)", head)
    return b"%%EOF" not in tail or (stated is not None and int(stated[1]) > size)


def whole_pages(data: bytes) -> int:
    """How many pages of a cut file are there with all their content, counted from its beginning."""
    objects = {int(m[1]): m[2] for m in re.finditer(rb"\b(\d+)\s+\d+\s+obj\b(.*?)\bendobj\b", data, re.S)}
    whole = 0
    for body in objects.values():
        if not re.search(rb"/Type\s*/Page\b", body):
            continue
        contents = re.search(rb"/Contents\s*(\[[^\]]*\]|\d+\s+\d+\s+R)", body)
        parts = re.findall(rb"(\d+)\s+\d+\s+R", contents[1]) if contents else []
        if not all(int(part) in objects for part in parts):
            break
        whole += 1
    return whole


def truncated(path: Path, whole: int, pages: int = 0) -> BadDocument:
    """The sentence on a cut file."""
    if whole < 1:
        where = f"truncated within its first page, after {path.stat().st_size} bytes"
    else:
        where = f"truncated after page {whole}" + (f" of {pages}" if pages else "")
    return BadDocument(f"{path.name} is {where}: upload it again")


def check_truncation(path: Path, pages: int) -> None:
    """A cut file may still open: find the last page that is whole. All pages whole is good enough."""
    for page in range(1, pages + 1):
        if poppler.page_error(path, page):
            raise truncated(path, page - 1, pages)


def check_pdf(path: Path, max_pages: int) -> poppler.PdfInfo:
    """Encryption, corruption and number of pages, as poppler sees them."""
    cut = end_is_missing(path)
    try:
        info = poppler.info(path)
    except poppler.Encrypted:
        raise BadDocument(f"{path.name} is encrypted: ask the sender for an unprotected copy") from None
    except poppler.Unreadable as error:
        if cut:
            raise truncated(path, whole_pages(path.read_bytes())) from None
        raise BadDocument(f"{path.name} is damaged and cannot be opened: {error}") from None
    if info.pages < 1:
        raise BadDocument(f"{path.name} has no pages")
    if info.pages > max_pages:
        raise BadDocument(f"{path.name} has {info.pages} pages; the limit is {max_pages}")
    if cut:
        check_truncation(path, info.pages)
    return info


def describe(path: Path, document_id: str, info: poppler.PdfInfo) -> dict[str, object]:
    """What later steps and the graph need to know of the document."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "document_id": document_id,
        "name": path.name,
        "bytes": path.stat().st_size,
        "sha256": digest,
        "pages": info.pages,
        "title": info.title[:200],
        "producer": info.producer[:200],
    }


def main(argv: Sequence[str]) -> None:
    """Check the uploaded file and hand it on as the artifact `document`."""
    args = cli.parser("validate", "Check an uploaded file and pass it on.")
    args.add_argument("--document-id", required=True, help="id the upload was given")
    args.add_argument("--file-path", required=True, help="the file, beneath the uploads folder")
    args.add_argument("--uploads", type=Path, default=Path("/uploads"), help="the uploads folder")
    args.add_argument("--out", type=Path, default=Path("/tmp/document.pdf"), help="the checked document")
    args.add_argument("--info", type=Path, default=Path("/tmp/document.json"), help="facts on the document")
    args.add_argument("--max-bytes", type=int, default=100 * MIB, help="largest file accepted")
    args.add_argument("--max-pages", type=int, default=500, help="most pages accepted")
    opts = args.parse_args(argv)

    path = locate(opts.uploads, opts.file_path)
    check_file(path, opts.max_bytes)
    info = check_pdf(path, opts.max_pages)
    facts = describe(path, opts.document_id, info)
    opts.out.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, opts.out)
    cli.write(opts.info, json.dumps(facts))
    print(f"{path.name}: {info.pages} pages, {facts['bytes']} bytes, sound")


if __name__ == "__main__":
    cli.run(main)
