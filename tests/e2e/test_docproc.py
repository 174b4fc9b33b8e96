"""The document story on our engine: ./dev demo's three ways in, and documents that are not what they should be."""

import subprocess
import sys
from pathlib import Path

import pytest

from support import need, tiphys

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "config" / "docproc" / "sample"))


def demo(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(ROOT / "config/docproc/demo.py"), "--bin", str(tiphys("tiphys").parent), "--home", str(home), "--free-ports", *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=240)


@pytest.mark.parametrize("way", ["webhook", "redis", "kafka"])
def test_a_document_goes_all_the_way(tmp_path, way):
    if way == "kafka":
        need("java", "mvn")
    done = demo(tmp_path / "demo", *([f"--{way}"] if way != "webhook" else []))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "found 34 measurements on 4 pages" in done.stdout
    assert "Ferritin" in done.stdout  # stands on the scanned page: read by OCR


@pytest.mark.parametrize(("make", "words"), [("encrypted", "encrypted"), ("truncated", "truncated"), ("png", "not a PDF")])
def test_a_bad_document_fails_with_words_for_people(tmp_path, make, words):
    import make_bad

    done = demo(tmp_path / "demo", str(getattr(make_bad, make)(tmp_path / f"{make}.pdf")))
    assert done.returncode == 1, done.stdout + done.stderr
    assert words in done.stderr.splitlines()[-1] or words in done.stderr


def test_a_document_without_a_text_layer_is_read_by_ocr(tmp_path):
    import make_bad

    done = demo(tmp_path / "demo", str(make_bad.no_text_layer(tmp_path / "scan.pdf", ("Glucose    112 mg/dL    70 - 99", "Sodium    139 mmol/L    136 - 145"))))
    assert done.returncode == 0, done.stdout + done.stderr
