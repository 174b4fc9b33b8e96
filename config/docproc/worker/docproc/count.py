"""Step 2a: how many pages does the document have?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from docproc import cli, poppler


def main(argv: Sequence[str]) -> None:
    """Write the number of pages."""
    args = cli.parser("count", "Count the pages of a document.")
    args.add_argument("--document", type=Path, default=Path("/tmp/document.pdf"), help="the document")
    args.add_argument("--out", type=Path, default=Path("/tmp/count.txt"), help="where the number goes")
    opts = args.parse_args(argv)

    pages = poppler.info(opts.document).pages
    cli.write(opts.out, str(pages))
    print(f"{pages} pages")


if __name__ == "__main__":
    cli.run(main)
