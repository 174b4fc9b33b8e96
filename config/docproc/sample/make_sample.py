"""Makes lab-report.pdf: four pages on a person who does not exist; page 4 is an image only, as scanners make them.

/usr/bin/python3 config/docproc/sample/make_sample.py [FILE]
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

Row = tuple[str, str, str, str, str]  # test, result, flag, unit, reference range

CHEMISTRY: list[Row] = [
    ("Glucose, fasting", "112", "H", "mg/dL", "70 - 99"),
    ("Hemoglobin A1c", "5.9", "H", "%", "4.0 - 5.6"),
    ("Urea nitrogen (BUN)", "15", "", "mg/dL", "7 - 20"),
    ("Creatinine", "0.92", "", "mg/dL", "0.60 - 1.30"),
    ("Sodium", "139", "", "mmol/L", "136 - 145"),
    ("Potassium", "4.3", "", "mmol/L", "3.5 - 5.1"),
    ("Chloride", "102", "", "mmol/L", "98 - 107"),
    ("Calcium", "9.4", "", "mg/dL", "8.6 - 10.2"),
    ("ALT (SGPT)", "61", "H", "U/L", "7 - 55"),
    ("AST (SGOT)", "34", "", "U/L", "8 - 48"),
    ("Alkaline phosphatase", "71", "", "U/L", "40 - 129"),
    ("Bilirubin, total", "0.7", "", "mg/dL", "0.1 - 1.2"),
    ("C-reactive protein", "<0.6", "", "mg/L", "0.0 - 5.0"),
]
BLOOD_COUNT: list[Row] = [
    ("WBC", "6.8", "", "10^3/uL", "4.0 - 11.0"),
    ("RBC", "4.71", "", "10^6/uL", "4.20 - 5.90"),
    ("Hemoglobin", "13.9", "", "g/dL", "12.0 - 16.0"),
    ("Hematocrit", "41.8", "", "%", "36.0 - 46.0"),
    ("MCV", "88.7", "", "fL", "80.0 - 100.0"),
    ("MCH", "29.5", "", "pg", "27.0 - 33.0"),
    ("RDW", "15.1", "H", "%", "11.5 - 14.5"),
    ("Platelets", "262", "", "10^3/uL", "150 - 400"),
    ("Neutrophils", "58", "", "%", "40 - 70"),
    ("Lymphocytes", "31", "", "%", "20 - 45"),
]
LIPIDS = [  # as sentences
    "Cholesterol, total: 228 mg/dL (< 200) H",
    "Triglycerides: 143 mg/dL (< 150)",
    "HDL cholesterol: 52 mg/dL (> 40)",
    "LDL cholesterol: 147 mg/dL (< 100) H",
    "TSH: 2.15 mIU/L (0.40 - 4.00)",
    "Free T4: 1.2 ng/dL (0.8 - 1.8)",
]
SCANNED: list[Row] = [
    ("Ferritin", "18", "L", "ng/mL", "30 - 400"),
    ("Vitamin B12", "412", "", "pg/mL", "200 - 900"),
    ("Folate", "9.8", "", "ng/mL", "3.0 - 20.0"),
    ("25-OH Vitamin D", "21.4", "L", "ng/mL", "30.0 - 100.0"),
    ("Iron", "64", "", "ug/dL", "60 - 170"),
]
COLUMNS = (60, 250, 310, 350, 440)
HEADINGS: Row = ("Test", "Result", "Flag", "Unit", "Reference range")
PAGES = 4


def head(canvas: Canvas, title: str, page: int) -> None:
    """Letterhead and foot of a page."""
    canvas.setFont("Helvetica-Bold", 15)
    canvas.drawString(60, 790, "Northwind Clinical Laboratory")
    canvas.setFont("Helvetica", 9)
    canvas.drawString(60, 776, "12 Example Street, 01234 Nowhere   Phone: 555 0100   synthetic data: no real person")
    canvas.drawString(60, 30, f"Page {page} of {PAGES}")
    canvas.setFont("Helvetica-Bold", 12)
    canvas.drawString(60, 690, title)


def patient(canvas: Canvas) -> None:
    """Who, and when."""
    canvas.setFont("Helvetica", 10)
    canvas.drawString(60, 745, "Patient: Jordan Sample")
    canvas.drawString(300, 745, "Patient ID: NW-204417")
    canvas.drawString(60, 730, "Date of birth: 1979-04-17")
    canvas.drawString(300, 730, "Sex: Female")
    canvas.drawString(60, 715, "Collected: 2026-01-12")
    canvas.drawString(300, 715, "Reported: 2026-01-13")


def table(canvas: Canvas, rows: list[Row]) -> None:
    """A table of results."""
    canvas.setFont("Helvetica-Bold", 9)
    for x, heading in zip(COLUMNS, HEADINGS, strict=True):
        canvas.drawString(x, 668, heading)
    canvas.setFont("Helvetica", 10)
    for number, row in enumerate(rows):
        for x, cell in zip(COLUMNS, row, strict=True):
            canvas.drawString(x, 648 - 18 * number, cell)


def scan(rows: list[Row]) -> Image.Image:
    """A page as a scanner sees it: black and white, 200 dots per inch, nothing but pixels."""
    image = Image.new("L", (1654, 2339), 255)
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype("DejaVuSans.ttf", 36)
    draw.text((160, 140), "Northwind Clinical Laboratory", 0, ImageFont.truetype("DejaVuSans-Bold.ttf", 46))
    draw.text((160, 260), "Iron and vitamins (scanned)", 0, font)
    for number, row in enumerate([HEADINGS, *rows]):
        for x, cell in zip((160, 640, 800, 940, 1180), row, strict=True):
            draw.text((x, 380 + 80 * number), cell, 0, font)
    return image.convert("1")


def make(file: Path) -> None:
    """Write the report; the same bytes every time."""
    canvas = Canvas(str(file), pagesize=A4, invariant=True)
    canvas.setTitle("Laboratory report NW-204417")
    head(canvas, "Clinical chemistry", 1)
    patient(canvas)
    table(canvas, CHEMISTRY)
    canvas.showPage()
    head(canvas, "Complete blood count", 2)
    table(canvas, BLOOD_COUNT)
    canvas.showPage()
    head(canvas, "Lipids and thyroid", 3)
    canvas.setFont("Helvetica", 10)
    for number, line in enumerate(LIPIDS):
        canvas.drawString(60, 660 - 18 * number, line)
    canvas.drawString(60, 530, "Fasting glucose above 126 mg/dL on two occasions is diagnostic of diabetes mellitus.")
    canvas.showPage()
    picture = io.BytesIO()
    scan(SCANNED).save(picture, "PNG")
    canvas.drawImage(ImageReader(picture), 0, 0, *A4)
    canvas.showPage()
    canvas.save()


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("lab-report.pdf"))
