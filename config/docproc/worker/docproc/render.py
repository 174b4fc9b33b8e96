"""Step 2b: draw one page as PNG, and find out how its text can be read."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path

from docproc import cli, poppler

ENOUGH_LETTERS = 40
MOSTLY = 0.8


def reading_method(text: str) -> str:
    """`text` when the page carries a text layer worth reading, else `image`."""
    inked = [char for char in text if not char.isspace()]
    if not inked:
        return "image"
    # Fonts without a character map come out as control, private-use or replacement characters.
    sound = [c for c in inked if c.isprintable() and c != "\ufffd" and not "\ue000" <= c <= "\uf8ff"]
    letters = sum(char.isalpha() for char in sound)
    return "text" if letters >= ENOUGH_LETTERS and len(sound) >= MOSTLY * len(inked) else "image"


def page_facts(pdf: Path, page: int, dpi: int, image: bytes) -> dict[str, object]:
    """The small record of a page that the extract step works from."""
    width, height = struct.unpack(">II", image[16:24])
    return {
        "page": page,
        "method": reading_method(poppler.text(pdf, page)),
        "images": poppler.image_count(pdf, page),
        "width": width,
        "height": height,
        "dpi": dpi,
    }


def main(argv: Sequence[str]) -> None:
    """Draw one page."""
    args = cli.parser("render", "Draw one page of a document as PNG.")
    args.add_argument("--page", type=cli.page_number, required=True, help="page, from 1")
    args.add_argument("--document", type=Path, default=Path("/tmp/document.pdf"), help="the document")
    args.add_argument("--out", type=Path, default=Path("/tmp/page.png"), help="the image")
    args.add_argument("--facts", type=Path, default=Path("/tmp/page.json"), help="facts on the page")
    args.add_argument("--dpi", type=int, default=150, help="resolution")
    opts = args.parse_args(argv)

    dpi = poppler.fitting_dpi(opts.document, opts.page, opts.dpi)
    image = poppler.png(opts.document, opts.page, dpi)
    facts = page_facts(opts.document, opts.page, dpi, image)
    cli.write(opts.out, image)
    cli.write(opts.facts, json.dumps(facts))
    print(f"page {opts.page}: {facts['width']}x{facts['height']} px, to be read from its {facts['method']}")


if __name__ == "__main__":
    cli.run(main)
