"""Runs the examples of docs/reference: what a page shows is what happens. Usage: examples.py PROGRAM PAGE...

In a page, the block

    ```console
    $ tiphys eval --expr '1 + 2'
    3
    ```

is a session: every line that begins with "$ " is a command for the shell (lines of an open quote belong to it), what
follows is its output, standard error included. A line `...` stands for any lines. A block whose fence says
`json event.json` (or `yaml`, `lua` and so on with a file name) is written to that file for the commands below it;
one folder per page. Pages without `$ tiphys eval` are left alone.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

BLOCK = re.compile(r"^```(\w+)(?: +(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def steps(session: str):
    """(command, expected output) of a console block."""
    command, output, open_quote = None, [], False
    for line in session.splitlines():
        if open_quote:
            command += "\n" + line
            open_quote = command.count("'") % 2 == 1
        elif line.startswith("$ "):
            if command is not None:
                yield command, output
            command, output = line[2:], []
            open_quote = command.count("'") % 2 == 1
        else:
            output.append(line)
    if command is not None:
        yield command, output


def same(expected: list[str], got: list[str]) -> bool:
    pattern = "".join(r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line.rstrip()) + r" *\n" for line in expected)
    return re.fullmatch(pattern, "".join(line + "\n" for line in got)) is not None


def run_page(page: Path, program: Path) -> tuple[int, int]:
    text = page.read_text()
    if "$ tiphys eval" not in text:
        return 0, 0
    ran = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        env = {"PATH": f"{program.parent}:/usr/bin:/bin", "HOME": folder, "LC_ALL": "C.UTF-8"}
        for block in BLOCK.finditer(text):
            kind, name, body = block.groups()
            if kind != "console":
                if name:
                    (Path(folder) / Path(name).name).write_text(body)
                continue
            line = text.count("\n", 0, block.start()) + 1
            for command, expected in steps(body):
                done = subprocess.run(["sh", "-c", command], cwd=folder, env=env, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=60)
                got = done.stdout.decode().splitlines()
                ran += 1
                if not same(expected, got):
                    failed += 1
                    print(f"{page}:{line}: $ {command}\nthe page says:", *expected, "it prints:", *got, sep="\n")
    return ran, failed


def main() -> int:
    program, *pages = map(Path, sys.argv[1:])
    results = [run_page(page, program.resolve()) for page in pages]
    ran, failed = (sum(r[i] for r in results) for i in (0, 1))
    print(f"{ran - failed} examples hold, {failed} do not")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
