"""How right answers are: characters, words and fields against truth.json. Plain rules; `--evaluate` has finer ones.

Text is compared page by page after NFC and with blanks folded, in the one order of reading that the truth tells first.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rapidfuzz.distance import Levenshtein

from bench.candidates import Answer
from bench.pictures import Scan

SINGLE = (
    "document_type", "type_abbreviation", "number_symbol", "issuing_agency", "place", "issued_on", "subject",
    "signer_name", "signer_title", "dossier_code",
)  # fmt: skip
OF_PEOPLE = ("full_name", "id_number", "date_of_birth")
Facts = set[tuple[str, str]]


def scores(scans: Sequence[Scan], answers: Sequence[Answer]) -> dict[str, Any]:
    """Errors of text and the fields' F1; None where there is no truth, or no field was ever told. A scan without an
    answer counts as read wrong from the first letter to the last."""
    told = {a["id"]: a for a in answers}
    count: Counter[str] = Counter()
    for scan in scans:
        if scan.truth is None:
            continue
        answer = told.get(scan.id, {})
        for right, said in _texts(scan.truth, answer):
            count["letters"] += len(right)
            count["wrong_letters"] += Levenshtein.distance(right, said)
            count["words"] += len(right.split())
            count["wrong_words"] += Levenshtein.distance(right.split(), said.split())
        if "fields" in scan.truth:
            count.update(_compared(scan.truth["fields"], answer.get("fields") or {}))
    knows_fields = any("fields" in a for a in answers)
    found, missed, wrong = count["found"], count["missed"], count["wrong"]
    return {
        "cer": _share(count["wrong_letters"], count["letters"]),
        "wer": _share(count["wrong_words"], count["words"]),
        "field_f1": _share(2 * found, 2 * found + missed + wrong) if knows_fields else None,
    }


def evaluated(program: Path, scans: Sequence[Scan], answers: Sequence[Answer]) -> dict[str, Any]:
    """The same figures, and for each profile, by a program that is called as `samples/evaluate.py` is."""
    with tempfile.TemporaryDirectory() as folder:
        truths, said, told = (Path(folder) / name for name in ("truths", "said.jsonl", "told.json"))
        for scan in scans:
            if scan.truth is not None:
                (truths / scan.id).mkdir(parents=True)
                (truths / scan.id / "truth.json").write_text(json.dumps(scan.truth), encoding="utf-8")
        said.write_text("".join(json.dumps(a) + "\n" for a in answers), encoding="utf-8")
        command = [sys.executable, str(program), str(truths), str(said), "--json", str(told)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        report = json.loads(told.read_text(encoding="utf-8"))
    profiles = ["all", *sorted(k.removeprefix("profile:") for k in report["text"] if k.startswith("profile:"))]
    knows_fields = any("fields" in a for a in answers)
    found = {}
    for profile in profiles:
        text = report["text"].get(profile if profile == "all" else f"profile:{profile}", {})
        fields = report["fields"].get(profile, {}).get("ALL", {})
        found[profile] = {
            "cer": text.get("cer"),
            "wer": text.get("wer"),
            "field_f1": fields.get("f1") if knows_fields else None,
        }
    return found


def _texts(truth: dict[str, Any], answer: Answer) -> Iterator[tuple[str, str]]:
    said = {page["index"]: page.get("text", "") for page in answer.get("pages", [])}
    for page in truth["pages"]:
        if not page["blank"]:
            yield _plain(page["text"]), _plain(said.get(page["index"], ""))


def _compared(truth: dict[str, Any], said: dict[str, Any]) -> Counter[str]:
    count: Counter[str] = Counter()
    for name in SINGLE:
        right, given = _facts(name, truth.get(name)), _facts(name, said.get(name))
        if right and given & (right | _facts(name, *(truth.get(f"{name}_also") or ()))):
            count["found"] += 1
        else:
            count["missed"] += len(right)
            count["wrong"] += len(given)
    for name in OF_PEOPLE:
        right, given = (_facts(name, *(p.get(name) for p in told.get("people") or ())) for told in (truth, said))
        count["found"] += len(right & given)
        count["missed"] += len(right - given)
        count["wrong"] += len(given - right)
    return count


def _facts(name: str, *values: Any) -> Facts:
    plain = (_plain(str(v)).casefold().strip(" .,;:-/") for v in values if v)
    digits_only = name == "id_number"
    return {(name, re.sub(r"\D", "", v) if digits_only else v) for v in plain if v}


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
