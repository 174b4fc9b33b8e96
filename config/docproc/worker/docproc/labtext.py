"""Reads laboratory results out of the text of a page, whatever its layout.

Understood are tables ("Glucose   95   mg/dL   70 - 99   H", columns in any usual order), sentences of the
form "Glucose: 95 mg/dL (70 - 99)", and the single-spaced lines that OCR yields. A line counts as a result
only if something besides a number speaks for it: a unit, a reference range, or a column of its own with
a qualitative answer. Titles, addresses, dates and prose therefore do not become measurements.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

NUMBER = r"\d+(?:[.,]\d+)*"
VALUE = re.compile(rf"(?P<cmp>[<>≤≥]=?)?\s*(?P<num>{NUMBER})(?P<flag>[*↑↓]|\s?[HL](?!\S))?(?=\s|$)")
FLAG = re.compile(r"(?<!\S)[(\[]?(HH|LL|H|L|High|Low|HIGH|LOW|A|Abnormal|\*{1,2}|↑|↓)[)\]]?(?!\S)")
BETWEEN = re.compile(rf"(?<![\w^/.,-])({NUMBER})\s*(?:-|–|—|to|bis)\s*({NUMBER})(?![\w/]|[.,-]\d)", re.I)
BOUND = re.compile(
    rf"(?<!\S)[(\[]?(<|>|≤|≥|<=|>=|up to|below|above|under|over)\s*(?:or)?\s*=?\s*({NUMBER})(?![\w/])", re.I
)
UNIT = re.compile(
    r"(?<!\S)[(\[]?("
    r"%|‰|fL|fl|pg|ratio|sec|seconds|Index"
    r"|(?:[x×*]?\s?10\s?[\^*Ee]?\s?[0-9³⁶⁹⁰¹²]{1,2}|[KkM]|Thousand|Million|cells)\s?/\s?(?:[uµμnp][Ll]|mcL|mm3|mm³|L|l)"
    r"|/[uµμn][Ll]|/mm3"
    r"|(?:[fpnuµμm]|mc|d|k)?(?:g|mol|[Ee]q|IU|U|kat|L)/(?:[dmuµμ]?[Ll]|mmol|mol|g|kg|24\s?h|d)(?:/1[.,]73\s?m(?:2|²|\^2))?"
    r"|m?L/min(?:/1[.,]73\s?m(?:2|²|\^2))?"
    r"|mm/(?:hr?|1h)|[uµμm]?IU/[mdu]?L|m?mol|mOsm/kg"
    r")[)\];,]?(?!\S)"
)
WORDS = re.compile(
    r"^(not detected|detected|negative|positive|non-?reactive|reactive|trace|normal|abnormal|absent|present)\b", re.I
)
GAP = re.compile(r"\s{2,}|\t|\s*\|\s*")

# Lines that begin like this are about the patient, the order or the table, never a measurement.
NOT_A_RESULT = re.compile(
    r"^(patient|name|date|dob|d\.o\.b|birth|born|age|sex|gender|address|phone|tel|fax|page|report|collected|collection"
    r"|received|reported|printed|order|accession|sample|specimen|physician|doctor|dr\.|ordering|mrn|ssn|insurance"
    r"|adults?|child|children|men|women|males?|females?|normal|desirable|optimal|borderline|target|critical"
    r"|room|ward|test|analyte|parameter|result|reference|ref\b|unit|comment|note|method|interpretation|laboratory"
    r"|lab\b|clia|height|weight|bmi|blood pressure|pulse|www|http|copyright|invoice|total due|amount)\b",
    re.I,
)
PROSE_END = re.compile(
    r"\b(is|are|was|were|be|of|above|below|under|over|than|least|about|approximately|from|between|to|and|or|in|on|at"
    r"|within|until|every|after|before|with|for|the|a)$",
    re.I,
)
ISO_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
DOTTED_DATE = re.compile(r"\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b")
WORD_DATE = re.compile(r"\b(\d{1,2})[ -]([A-Z][a-z]{2})[a-z]*[ ,-]+(\d{4})\b")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

SOME_DATE = r"\s*:?\s*(?P<v>[\w./-]+(?: \w{3,9} \d{4})?)"
HEADER_FIELDS: dict[str, re.Pattern[str]] = {
    "patient_name": re.compile(
        r"\b(?:patient(?:'s)?(?: name)?|name)\s*:\s*(?P<v>[^\d:|]{3,60}?)(?=\s{2,}|\s*\||\s+\w+(?: \w+)?:|$)",
        re.I | re.M,
    ),
    "patient_id": re.compile(r"\b(?:patient (?:id|no\.?|number)|mrn)\s*[:#]\s*(?P<v>[\w./-]{2,40})", re.I),
    "birth_date": re.compile(r"\b(?:dob|d\.o\.b\.|date of birth|birth date|born)" + SOME_DATE, re.I),
    "sex": re.compile(r"\b(?:sex|gender)\s*:\s*(?P<v>female|male|f|m|other|x)\b", re.I),
    "collected": re.compile(r"\b(?:collected|collection date|date collected|sample date|drawn)" + SOME_DATE, re.I),
    "reported": re.compile(r"\b(?:reported|report date|date of report)" + SOME_DATE, re.I),
}


@dataclass(frozen=True)
class Result:
    """One measurement as the page states it; numbers are read, nothing is converted."""

    name: str
    value: float | None
    value_text: str
    comparator: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    range_text: str = ""
    flag: str = ""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return asdict(self)


def comma_is_decimal(text: str) -> bool:
    """Does this page write 5,4 where others write 5.4? Dates do not count."""
    bare = DOTTED_DATE.sub(" ", text)
    commas = len(re.findall(r"(?<![\d.,])\d+,\d{1,2}(?![\d,])", bare))
    points = len(re.findall(r"(?<![\d.,])\d+\.\d{1,3}(?![\d.])", bare))
    return commas > points


def number(text: str, decimal_comma: bool) -> float | None:
    """The number a page means, None when the text is no number (a date, a version)."""
    if "," in text and "." in text:
        decimal_comma = text.rindex(",") > text.rindex(".")
    thousands, point = (".", ",") if decimal_comma else (",", ".")
    groups = text.split(point)[0].split(thousands)
    grouped = len(groups) > 1
    if grouped and (any(len(group) != 3 for group in groups[1:]) or len(groups[0]) > 3 or groups[0].startswith("0")):
        if text.count(thousands) != 1 or point in text:
            return None
        return float(text.replace(thousands, "."))  # a lone 0.95 or 5,4 against the page's habit
    if grouped and decimal_comma and text.count(".") == 1 and "," not in text:
        return float(text)  # "1.234" on a page of decimal commas stays as written
    try:
        return float(text.replace(thousands, "").replace(point, "."))
    except ValueError:
        return None


def iso_date(text: str) -> str:
    """A date as YYYY-MM-DD where it is unambiguous, else as written."""
    if found := ISO_DATE.search(text):
        return found[0]
    if found := DOTTED_DATE.search(text):
        return f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}"
    if (found := WORD_DATE.search(text)) and found[2] in MONTHS:
        return f"{found[3]}-{MONTHS.index(found[2]) + 1:02}-{int(found[1]):02}"
    return text.strip()


def header(text: str) -> dict[str, str]:
    """Patient and dates, as far as a page names them."""
    fields: dict[str, str] = {}
    for key, pattern in HEADER_FIELDS.items():
        found = pattern.search(text)
        if not found or not (value := found["v"].strip()):
            continue
        is_date = key in ("birth_date", "collected", "reported")
        if is_date and not re.search(r"\d", value):
            continue
        fields[key] = iso_date(value) if is_date else value
    if "sex" in fields:
        fields["sex"] = fields["sex"][0].upper()
    return fields


def clean_name(text: str) -> str:
    """A test's name without dot leaders, colons and list bullets; empty when it cannot be one."""
    name = re.sub(r"[\s.:_]{2,}$|[\s:;=.]+$", "", text)
    name = re.sub(r"^[\s•*·>-]+", "", name)
    name = re.sub(r"\s(?:[+*-]{1,2}|0\d)$", "", " ".join(name.split()))  # a flag, or a laboratory's number (LabCorp)
    if len(re.findall(r"[^\W\d_]", name)) < 2 or len(name) > 60 or len(name.split()) > 7:
        return ""
    range_start = re.search(r"\d\s*[-–—]\s*$", text)  # "... 70 -" of "70 - 99"
    if range_start or ":" in name or NOT_A_RESULT.match(name) or PROSE_END.search(name):
        return ""
    return name


def reference(text: str, comma: bool) -> tuple[float | None, float | None, str, str]:
    """(low, high, as written, text without it)."""
    if found := BETWEEN.search(text):
        low, high = number(found[1], comma), number(found[2], comma)
        if low is not None and high is not None and low <= high:
            return low, high, found[0].strip(" ()[]"), text[: found.start()] + " " + text[found.end() :]
    if found := BOUND.search(text):
        bound = number(found[2], comma)
        upper = found[1].lower() in ("<", "<=", "≤", "up to", "below", "under")
        rest = text[: found.start()] + " " + text[found.end() :]
        return (None, bound, found[0].strip(" ()[]"), rest) if upper else (bound, None, found[0].strip(" ()[]"), rest)
    return None, None, "", text


FLAG_NAMES = {"HIGH": "H", "LOW": "L", "↑": "H", "↓": "L", "ABNORMAL": "A", "*": "A", "**": "A"}


def flag_of(text: str) -> str:
    """One spelling for every flag: H, L, HH, LL, A or nothing."""
    flag = text.strip().upper()
    return FLAG_NAMES.get(flag, flag)


def numeric(name: str, found: re.Match[str], rest: str, columns: bool, comma: bool) -> Result | None:
    """A result whose value is a number, if what follows the number speaks for it."""
    value = number(found["num"], comma)
    second = VALUE.match(rest.lstrip())
    if value is None or (second and not columns and not BETWEEN.match(rest.lstrip()) and not second["cmp"]):
        return None  # of "CA 125 12 U/mL" the second number is the value
    unit_match = UNIT.search(rest)
    unit = re.sub(r"\s+", "", unit_match[1]) if unit_match else ""
    rest = rest[: unit_match.start()] + " " + rest[unit_match.end() :] if unit_match else rest
    low, high, range_text, rest = reference(rest, comma)
    flag = found["flag"] or ""
    if flag_match := FLAG.search(rest):
        flag, rest = flag or flag_match[1], rest[: flag_match.start()] + " " + rest[flag_match.end() :]
    if not range_text and (not unit or (unit == "%" and not columns)):
        return None
    leftover = re.findall(r"[^\W\d_]{3,}", rest)
    if not columns and len(leftover) > 1:
        return None  # prose that happens to contain a number and a unit
    comparator = (found["cmp"] or "").replace("<=", "≤").replace(">=", "≥")
    return Result(name, value, found[0].strip(" *↑↓HL"), comparator, unit, low, high, range_text, flag_of(flag))


def qualitative(name: str, answer: str) -> Result | None:
    """A result in a word, such as Negative; only in a column of its own."""
    found = WORDS.match(answer)
    if not found or len(name.split()) > 5:
        return None
    rest = answer[found.end() :]
    expected = re.search(WORDS.pattern[1:], rest, re.I)
    flag = FLAG.search(rest)
    return Result(
        name, None, found[0], range_text=expected[0] if expected else "", flag=flag_of(flag[1]) if flag else ""
    )


def candidates(line: str) -> list[tuple[str, str, bool]]:
    """Ways to part a line into (name, rest, were there columns), the likeliest first."""
    stripped = re.sub(r"\.{3,}|_{3,}", "   ", line).strip()
    ways: list[tuple[str, str, bool]] = []
    cells = [cell for cell in GAP.split(stripped) if cell]
    if len(cells) > 1 and re.search(r"[^\W\d_]{2}", cells[0]):
        number_in_name = VALUE.search(cells[0], len(cells[0].split()[0]))
        if not number_in_name or VALUE.fullmatch(cells[1]):  # "CA 125   12", but not "Sodium 139   mmol/L"
            ways.append((cells[0], "  ".join(cells[1:]), True))
    if ":" in stripped:
        name, _, rest = stripped.partition(":")
        ways.append((name, " ".join(rest.split()), False))
    single = " ".join(stripped.split())
    starts = [m.end() for m in re.finditer(r"(?<=\S) ", single)]
    ways.extend(
        (single[:at], single[at:], False) for at in starts if re.match(r"(?:(?:HH?|LL?) )?[<>≤≥]?=? ?\d", single[at:])
    )
    return ways


def read_line(line: str, comma: bool) -> Result | None:
    """The result a line states, if it states one."""
    if NOT_A_RESULT.match(line.strip()):
        return None
    for raw_name, rest, columns in candidates(line):
        name = clean_name(raw_name)
        if not name:
            continue
        early_flag = re.match(r"(HH?|LL?|\*)\s+(?=[<>≤≥\d])", rest)
        if early_flag:
            rest = f"{rest[early_flag.end() :]}  {early_flag[1]}"
        found = None if BETWEEN.match(rest) else VALUE.match(rest)  # "Adults: 70 - 99 mg/dL" is a range
        result = numeric(name, found, rest[found.end() :], columns, comma) if found else None
        if not found and columns:
            result = qualitative(name, rest)
        if result:
            return result
    return None


def results(text: str) -> list[Result]:
    """Every result of a page, in reading order."""
    comma = comma_is_decimal(text)
    lines = (line.replace("\u00a0", " ").rstrip() for line in text.splitlines())
    return [result for line in lines if line.strip() and (result := read_line(line, comma))]
