"""Reading results out of text: each layout that laboratories use, and the lines that are no results."""

from __future__ import annotations

import pytest
from docproc import labtext

# line, then (name, value, unit, low, high, flag)
RESULTS = [
    # tables
    ("Glucose          105      H      mg/dL      70 - 99", ("Glucose", 105, "mg/dL", 70, 99, "H")),
    ("Hemoglobin A1c   5.4             %          4.0 - 5.6", ("Hemoglobin A1c", 5.4, "%", 4.0, 5.6, "")),
    ("HDL Cholesterol  38 L   >40   mg/dL", ("HDL Cholesterol", 38, "mg/dL", 40, None, "L")),
    ("TSH   H 6.21     mIU/L     0.40 - 4.00", ("TSH", 6.21, "mIU/L", 0.4, 4.0, "H")),
    ("WBC      7.2     10^3/uL   4.0 - 11.0", ("WBC", 7.2, "10^3/uL", 4.0, 11.0, "")),
    ("MCV|88.1|fL|80-100|", ("MCV", 88.1, "fL", 80, 100, "")),
    ("RBC ............ 4.85   10^6/uL   4.20 - 5.80", ("RBC", 4.85, "10^6/uL", 4.2, 5.8, "")),
    ("Creatinine       88     µmol/L    62–106", ("Creatinine", 88, "µmol/L", 62, 106, "")),
    ("Platelets        250,000   /uL   150,000-400,000", ("Platelets", 250000, "/uL", 150000, 400000, "")),
    ("Glucose   95   mg/dL   70-99   hexokinase method", ("Glucose", 95, "mg/dL", 70, 99, "")),
    ("ALP       71   U/L   40-129    Previous 68", ("ALP", 71, "U/L", 40, 129, "")),
    ("pH        6.0    5.0-8.0", ("pH", 6.0, "", 5.0, 8.0, "")),
    # numbers inside the name
    ("Vitamin B12      345    pg/mL   232-1245", ("Vitamin B12", 345, "pg/mL", 232, 1245, "")),
    ("25-OH Vitamin D  18.2   L   ng/mL   30.0-100.0", ("25-OH Vitamin D", 18.2, "ng/mL", 30, 100, "L")),
    ("CA 19-9          12     U/mL    <35", ("CA 19-9", 12, "U/mL", None, 35, "")),
    ("CA 125 12 U/mL <35", ("CA 125", 12, "U/mL", None, 35, "")),
    ("CA 125      12     U/mL    <35", ("CA 125", 12, "U/mL", None, 35, "")),
    # sentences
    ("Glucose: 95 mg/dL (70 - 99)", ("Glucose", 95, "mg/dL", 70, 99, "")),
    ("LDL cholesterol: 147 mg/dL (< 100) H", ("LDL cholesterol", 147, "mg/dL", None, 100, "H")),
    # one space everywhere, as OCR gives it
    ("Sodium 139 mmol/L 136-145", ("Sodium", 139, "mmol/L", 136, 145, "")),
    ("Potassium 5.6 H mmol/L 3.5-5.1", ("Potassium", 5.6, "mmol/L", 3.5, 5.1, "H")),
    ("Vitamin B12 345 pg/mL 232-1245", ("Vitamin B12", 345, "pg/mL", 232, 1245, "")),
    ("T4, free 1.2 ng/dL 0.8-1.8", ("T4, free", 1.2, "ng/dL", 0.8, 1.8, "")),
    ("INR 1.1 0.9-1.2", ("INR", 1.1, "", 0.9, 1.2, "")),
    # decimal commas
    ("Kalium       4,1   mmol/l    3,5 - 5,1", ("Kalium", 4.1, "mmol/l", 3.5, 5.1, "")),
]


@pytest.mark.parametrize(("line", "expected"), RESULTS, ids=[line[:28].strip() for line, _ in RESULTS])
def test_reads_a_line(line: str, expected: tuple[object, ...]) -> None:
    (found,) = labtext.results(line)
    assert (found.name, found.value, found.unit, found.low, found.high, found.flag) == expected


def test_reads_a_page_in_the_manner_of_quest() -> None:
    page = """
 Test Name                      In Range      Out Of Range     Reference Range        Lab
 LIPID PANEL, STANDARD
   CHOLESTEROL, TOTAL                           245 H          <200 mg/dL             TP
   HDL CHOLESTEROL               55                            > OR = 50 mg/dL        TP
   LDL-CHOLESTEROL                              165 H          mg/dL (calc)           TP
 Reference range: <100
   GLUCOSE                       92                            65-99 mg/dL            TP
"""
    found = [(r.name, r.value, r.unit, r.low, r.high, r.flag) for r in labtext.results(page)]
    assert found == [
        ("CHOLESTEROL, TOTAL", 245, "mg/dL", None, 200, "H"),
        ("HDL CHOLESTEROL", 55, "mg/dL", 50, None, ""),
        ("LDL-CHOLESTEROL", 165, "mg/dL", None, None, "H"),
        ("GLUCOSE", 92, "mg/dL", 65, 99, ""),
    ]


def test_reads_a_page_in_the_manner_of_labcorp() -> None:
    page = """
      TESTS                          RESULT       FLAG       UNITS      REFERENCE INTERVAL   LAB
CBC With Differential/Platelet
  WBC                                 5.4                    x10E3/uL        3.4 - 10.8        01
  Hemoglobin                          10.9         Low       g/dL            11.1 - 15.9       01
  Vitamin D, 25-Hydroxy 02            31.2                   ng/mL           30.0 - 100.0      01
            Prediabetes: 5.7 - 6.4
            Diabetes: >6.4
"""
    found = [(r.name, r.value, r.unit, r.low, r.high, r.flag) for r in labtext.results(page)]
    assert found == [
        ("WBC", 5.4, "x10E3/uL", 3.4, 10.8, ""),
        ("Hemoglobin", 10.9, "g/dL", 11.1, 15.9, "L"),
        ("Vitamin D, 25-Hydroxy", 31.2, "ng/mL", 30, 100, ""),
    ]


def test_reads_british_and_german_pages() -> None:
    british = "Serum sodium     139 mmol/L    [133.0 - 146.0]\nPlatelet count   >1000 10*9/L  [150.0 - 450.0]"
    assert [(r.name, r.value, r.unit, r.high) for r in labtext.results(british)] == [
        ("Serum sodium", 139, "mmol/L", 146),
        ("Platelet count", 1000, "10*9/L", 450),
    ]
    german = (
        "Leukozyten    6,8     /nl      3,9 - 10,2\nGlukose       + 112   mg/dl    60 - 99\nCRP  < 0,6  mg/l  < 5,0"
    )
    assert [(r.name, r.value, r.comparator, r.unit, r.high) for r in labtext.results(german)] == [
        ("Leukozyten", 6.8, "", "/nl", 10.2),
        ("Glukose", 112, "", "mg/dl", 99),
        ("CRP", 0.6, "<", "mg/l", 5),
    ]


def test_keeps_what_a_comparator_says() -> None:
    below, above = labtext.results("CRP: <5.0 mg/L (0.0-5.0)\neGFR   >60   mL/min/1.73m2   >60")
    assert (below.comparator, below.value, below.value_text) == ("<", 5.0, "<5.0")
    assert (above.comparator, above.value, above.unit) == (">", 60.0, "mL/min/1.73m2")


def test_reads_an_answer_in_words() -> None:
    (nitrite,) = labtext.results("Nitrite        Negative          Negative")
    assert (nitrite.name, nitrite.value, nitrite.value_text) == ("Nitrite", None, "Negative")


@pytest.mark.parametrize(
    "line",
    [
        "Test            Result    Flag    Units     Reference Range",
        "Patient: Jordan Sample         Patient ID: 204417",
        "Age: 45 years",
        "Date: 2024-03-12",
        "Collected: 12.03.2024 08:30   Reported: 13.03.2024",
        "Collected 2024-01-05 to 2024-01-07",
        "Page 1 of 4",
        "Phone: 555-1234   Fax: 555-1235",
        "12 Example Street, Springfield 12345",
        "Reference range 70 - 99 mg/dL",
        "Fasting glucose above 126 mg/dL suggests diabetes",
        "Target for people with diabetes is 7.0 % or less",
        "A value of 5.7 % to 6.4 % means a raised risk",
        "CLINICAL CHEMISTRY",
        "Adults: 70 - 99 mg/dL",
        "Glucose, adults 70 - 99 mg/dL",
        "Desirable range <100 mg/dL for primary prevention; <70 mg/dL for patients with CHD",
        "The patient took 500 mg paracetamol twice a day.",
        "Discount 10 %",
        "Height: 172 cm   Weight: 68 kg",
    ],
)
def test_takes_no_other_line_for_a_result(line: str) -> None:
    assert labtext.results(line) == []


def test_the_page_decides_what_a_comma_means() -> None:
    german = labtext.results("Glukose  5,4  mmol/l  3,9 - 5,6\nFerritin  1.250  ng/mL  30 - 400")
    assert [result.value for result in german] == [5.4, 1.25]
    english = labtext.results("Glucose  5.4  mmol/L  3.9 - 5.6\nFerritin  1,250  ng/mL  30 - 400")
    assert [result.value for result in english] == [5.4, 1250.0]


def test_finds_patient_and_dates() -> None:
    page = "Patient: Jane Roe     Date of birth: 3 Feb 1980    Sex: Female\nMRN: P-123    Collected: 12.03.2024 08:30"
    assert labtext.header(page) == {
        "patient_name": "Jane Roe",
        "birth_date": "1980-02-03",
        "sex": "F",
        "patient_id": "P-123",
        "collected": "2024-03-12",
    }
