"""The medical catalog: names as laboratories write them lead to the right code, others to none."""

from __future__ import annotations

from types import ModuleType

import pytest
from fastapi.testclient import TestClient


@pytest.fixture
def client(catalog_app: ModuleType) -> TestClient:
    return TestClient(catalog_app.app)


@pytest.mark.parametrize(
    ("name", "loinc"),
    [
        ("Glucose", "2345-7"),
        ("GLUCOSE", "2345-7"),
        ("Glucose, Fasting", "1558-6"),
        ("HbA1c", "4548-4"),
        ("Hb A1c", "4548-4"),
        ("SGPT", "1742-6"),
        ("ALT (SGPT)", "1742-6"),
        ("Cholesterol, Total", "2093-3"),
        ("HDL-Cholesterol", "2085-9"),
        ("LDL Cholesterol", "13457-7"),
        ("White Blood Cells", "6690-2"),
        ("Serum Sodium", "2951-2"),
        ("25-OH Vitamin D", "1989-3"),
        ("T4, Free", "3024-7"),
        ("Cholestero1, total", "2093-3"),  # an OCR error
    ],
)
def test_a_name_leads_to_its_code(client: TestClient, name: str, loinc: str) -> None:
    assert client.get("/biomarkers/search", params={"name": name}).json()["match"]["loinc"] == loinc


@pytest.mark.parametrize(
    "name", ["Creatine", "Bilirubin, indirect", "Vitamin B6", "Glucose (urine)", "Hemoglobin F", "Unobtainium"]
)
def test_a_similar_name_is_not_the_same_name(client: TestClient, name: str) -> None:
    assert client.get("/biomarkers/search", params={"name": name}).json()["match"] is None


def test_an_ambiguous_name_has_several_matches(client: TestClient) -> None:
    matches = client.get("/biomarkers/search", params={"name": "Neutrophils"}).json()["matches"]
    assert [match["unit"] for match in matches] == ["%", "10^3/uL"]


def check_digit(number: str) -> int:
    """LOINC's check digit (mod 10)."""
    doubled = [int(digit) * (2 if at % 2 == 0 else 1) for at, digit in enumerate(reversed(number))]
    return -sum(value - 9 if value > 9 else value for value in doubled) % 10


def test_every_code_is_a_loinc_code_and_stands_once(client: TestClient) -> None:
    codes = [entry["loinc"] for entry in client.get("/biomarkers").json()["biomarkers"]]
    assert len(codes) > 40
    assert len(set(codes)) == len(codes)
    assert [code for code in codes if check_digit(code.split("-")[0]) != int(code.split("-")[1])] == []


def test_one_entry_by_code_and_health(client: TestClient) -> None:
    assert client.get("/biomarkers/718-7").json()["name"] == "Hemoglobin"
    assert client.get("/biomarkers/0-0").status_code == 404
    assert client.get("/biomarkers/search", params={"name": ""}).status_code == 422
    assert client.get("/health").json()["status"] == "ok"
