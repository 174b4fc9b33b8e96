"""Copies the resources to a folder, with this installation's values in the lines marked `# render: KEY`.

Only marked lines change; comments and everything else stay as they are.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MARKED = re.compile(r"^(\s*(?:- )?[\w-]+: ).*?(\s+# render: ([\w-]+))$", re.M)


def render(text: str, values: dict[str, str]) -> str:
    """The text with each marked value replaced; values not given keep their default."""

    def line(found: re.Match[str]) -> str:
        value = values.get(found[3])
        return found[0] if value is None else f"{found[1]}{json.dumps(value, ensure_ascii=False)}{found[2]}"

    return MARKED.sub(line, text)


def values_of(opts: argparse.Namespace) -> dict[str, str]:
    """The marked keys and their values."""
    values = {
        "worker": str(Path(opts.worker).resolve()),
        "port": opts.port,
        "redis": opts.redis,
        "redis-url": f"redis://{opts.redis}/0" if opts.redis else None,
        "kafka": opts.kafka,
        "catalog": opts.catalog,
        "neo4j": opts.neo4j,
        "uploads": str(Path(opts.uploads).resolve()) if opts.uploads else None,
        "graph-dir": str(Path(opts.graph).resolve().parent) if opts.graph else None,
        "graph-name": Path(opts.graph).name if opts.graph else None,
    }
    return {key: value for key, value in values.items() if value is not None}


def main(argv: list[str]) -> None:
    """Write the resources."""
    args = argparse.ArgumentParser(
        prog="render.sh", description="Write the document pipeline's resources for this installation."
    )
    args.add_argument("outdir", type=Path, help="folder for the ready resources")
    args.add_argument(
        "--worker", default=str(HERE / "worker"), help="folder of the package docproc (default: this checkout's)"
    )
    args.add_argument("--port", help="port of the webhook")
    args.add_argument("--redis", metavar="HOST:PORT", help="Redis of the event source, and of the announced end")
    args.add_argument("--kafka", metavar="HOST:PORT", help="Kafka of the event source")
    args.add_argument("--catalog", metavar="URL", help="medical catalog service")
    args.add_argument("--graph", metavar="FILE", help="SQLite graph")
    args.add_argument("--uploads", metavar="DIR", help="folder of uploaded files")
    args.add_argument("--neo4j", metavar="URI", help="Neo4j over bolt, instead of the SQLite graph")
    opts = args.parse_args(argv)

    values = values_of(opts)
    opts.outdir.mkdir(parents=True, exist_ok=True)
    for source in sorted(HERE.glob("*.yaml")):
        (opts.outdir / source.name).write_text(render(source.read_text(), values))
        print(opts.outdir / source.name)


if __name__ == "__main__":
    main(sys.argv[1:])
