"""The words that all rooms share: frozen values, no database, no I/O.

Boxes are fractions (0..1) of the upright page as it stands in the archived PDF, so that they hold at any
resolution. Pages are counted from 0. Instants are aware UTC. Text is NFC.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NewType

from pydantic import BaseModel, ConfigDict, Field

VIETNAM = timezone(timedelta(hours=7))
"""Asia/Ho_Chi_Minh: UTC+7, no daylight saving. Only stamps, screens and days of law are in it."""

DocumentId = NewType("DocumentId", str)
"""UUID version 4 in its 36-character form; the OCFL object is `urn:uuid:<document id>`."""

ScanId = NewType("ScanId", str)
"""UUID of one claimed input file."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Value(BaseModel):
    """A frozen value; an unknown key is an error, also when read back from disk."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ScanState(StrEnum):
    """Where a claimed input file is. Only `pipeline.workflow` moves it."""

    CLAIMED = "claimed"
    IDENTIFIED = "identified"
    DONE = "done"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    STALLED = "stalled"
    """Something around it failed (disk, a server): shown on the screen, tried again by itself."""


class DocumentState(StrEnum):
    """Where a document is. Only `pipeline.workflow` moves it."""

    READING = "reading"
    REVIEW = "review"
    APPROVED = "approved"
    TO_SIGN = "to-sign"
    """The key lies with an official, whose signature it waits for."""
    STALLED = "stalled"
    SIGNED = "signed"
    ARCHIVED = "archived"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    DISPOSED = "disposed"
    """Removed by a recorded decision: what is left is the decision, without personal data."""


ENDED = frozenset({DocumentState.ARCHIVED, DocumentState.WITHDRAWN, DocumentState.DISPOSED})
"""The path of such a document is over: a step that comes late moves it nowhere."""


class Role(StrEnum):
    """What an account may do; all but auditor and admin are bound to a unit and those below it."""

    SCANNER = "scanner"
    CLERK = "clerk"
    AUDITOR = "auditor"
    LEADER = "leader"
    ADMIN = "admin"


class Verdict(StrEnum):
    """ETSI EN 319 102-1 §5.1.3: the three main indications."""

    PASSED = "TOTAL-PASSED"
    INDETERMINATE = "INDETERMINATE"
    FAILED = "TOTAL-FAILED"


class Box(Value):
    left: float
    top: float
    right: float
    bottom: float


class Word(Value):
    text: str
    box: Box
    confidence: Fraction
    line: int = 0
    """Running number of the line on its page, in reading order: words of a line share it."""


class Quality(StrEnum):
    """What the quality gate says, the worst last."""

    GOOD = "pass"
    WARN = "warn"
    RESCAN = "rescan"


class PageQuality(Value):
    """How well a page was scanned. flaws: what lies outside its limit → what was measured (pipeline.quality)."""

    quality: Quality
    flaws: dict[str, float] = {}


class ScanQuality(Value):
    """How well a scan was made. pages: those looked at so far, from the first."""

    quality: Quality
    pages: tuple[PageQuality, ...]
    page_count: int


class PageText(Value):
    """One page as it was read.

    rotation_deg: how far the page in the scan was turned clockwise from upright (0, 90, 180, 270).
    skew_deg: > 0 leans clockwise, measured before the turn is undone.
    seconds: what reading took; status: "read", or why there is no text ("timeout", "memory", "died", "raised:<type>").
    own_words: so many of the words, the first, the page brought along; the others were read off its pictures.
    codes: texts of its QR codes, which may hold an identity card's data: used on the way, and not kept in the archive.
    instead_of: what the OCR engine made first of a place that was then read otherwise, by the index of the first word
    that stands there now.
    """

    index: int
    text: str
    confidence: Fraction
    rotation_deg: int = 0
    skew_deg: float = 0.0
    blank: bool = False
    dpi: float | None = None
    width_px: int = 0
    height_px: int = 0
    words: tuple[Word, ...] = ()
    status: str = "read"
    seconds: float = 0.0
    quality: PageQuality | None = None
    own_words: int = 0
    codes: tuple[str, ...] = ()
    instead_of: dict[int, str] = {}


class Part(Value):
    """One document of a scan. pages: its pages in the scan, in order, without cover sheets and blank backs.

    doubts: why a person should look at where it begins or ends, as reasons of a review.
    refused: the code of a refusal that is known before it is described; such pages are not kept beside the others.
    """

    pages: tuple[int, ...]
    dossier_code: str | None = None
    component_code: str | None = None
    doubts: tuple[str, ...] = ()
    refused: str | None = None


class Split(Value):
    """What a scan holds: every page is in one part, a cover sheet, or blank.

    warnings: of cover sheets that were not followed, or say something else than the folder.
    """

    parts: tuple[Part, ...]
    covers: tuple[int, ...] = ()
    blanks: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()


class FieldValue(Value):
    """One value with its evidence. raw_text is what stands on the paper, before any normalising."""

    value: str
    raw_text: str = ""
    confidence: Fraction = 1.0
    page_index: int | None = None
    box: Box | None = None
    method: str = "rule"
    """rule | lexicon | reread | qr | zone | person | folder | import"""
    confirmed_by: str | None = None


class Person(Value):
    """Somebody named on a document, with what the paper says of them."""

    full_name: FieldValue | None = None
    id_number: FieldValue | None = None
    """12 digits (CCCD, personal number) or 9 (CMND); a string, zeros in front count."""
    date_of_birth: FieldValue | None = None
    """ISO date; a bare year is not a date."""
    role: str = ""
    """As labelled on the form, folded: child, mother, father, husband, wife, deceased, applicant … or empty."""


class Description(Value):
    """What a document says of itself. Keys of `fields`: FIELD_NAMES."""

    kind: str | None = None
    """Code of the catalogue's document type, None when unknown."""
    kind_confidence: Fraction = 0.0
    fields: dict[str, FieldValue] = {}
    people: tuple[Person, ...] = ()

    def value(self, name: str) -> str | None:
        """The field's value, None when it was not found."""
        found = self.fields.get(name)
        return found.value if found else None


FIELD_NAMES = (
    "document_type",
    "type_abbreviation",
    "number_symbol",
    "issuing_agency",
    "place",
    "issued_on",
    "subject",
    "signing_authority",
    "signer_title",
    "signer_name",
    "dossier_code",
    "addressed_to",
)


class Event(Value):
    """One PREMIS-like event: who did what, when, with which tool, and how it ended."""

    type: str
    """PREMIS event type in English: capture, virus check, format identification, … (docs/archive-format.md)"""
    at: datetime
    agent: str
    """Account, unit or program version; never a citizen's name."""
    outcome: str = "success"
    detail: dict[str, str] = {}


class CopyForm(StrEnum):
    """What a copy is (NĐ 30/2020/NĐ-CP, Điều 3 and 25)."""

    TRUE_COPY = "sao-y"
    """Of all of an original; what digitising a paper makes, Điều 25(1)(c)."""
    COPY_OF_COPY = "sao-luc"
    """Of all of a true copy, Điều 25(2)."""
    EXTRACT = "trich-sao"
    """Of a part of an original, Điều 25(3)."""

    @property
    def words(self) -> str:
        """As it stands on the copy (Annex I)."""
        return {"sao-y": "SAO Y", "sao-luc": "SAO LỤC", "trich-sao": "TRÍCH SAO"}[self.value]

    @property
    def abbreviations(self) -> frozenset[str]:
        """As in a copy's number, `05/SY-UBND`; offices write the last in two ways."""
        told = {"sao-y": {"SY"}, "sao-luc": {"SL"}, "trich-sao": {"TrS", "TS"}}[self.value]
        return frozenset(told)


class CopyOf(Value):
    """What kind of copy a record is; it is decided before it is signed.

    number: under which the office registered the copy, where it did; it does not stand on an electronic copy's stamp
    (NĐ 30/2020/NĐ-CP, Annex I). source, source_pages: of an extract, the record it was made from and its pages there,
    from 0.
    """

    form: CopyForm = CopyForm.TRUE_COPY
    number: str | None = None
    source: DocumentId | None = None
    source_pages: tuple[int, ...] = ()


class ArrivedSignature(Value):
    """One signature that a document came with, as it was judged at intake.

    signed_by: the common name in the certificate. claimed_at: the signer's own clock, which proves nothing;
    best_time: the earliest time it is proven to have existed, None without a timestamp that holds.
    level: B-B, B-T, B-LT or B-LTA by what the file holds; None for what is no PAdES baseline signature.
    sub_filter: how it is encoded (ISO 32000-1, 12.8.3), as ETSI.CAdES.detached or adbe.pkcs7.sha1.
    """

    field: str
    signed_by: str
    indication: Verdict
    sub_indication: str | None = None
    best_time: datetime | None = None
    claimed_at: datetime | None = None
    level: str | None = None
    sub_filter: str = ""


class Arrived(Value):
    """What was found at intake of the signatures that a document came with: its file is archived as it came.

    sha256: of the file judged, which is document.pdf. signatures: empty where only a timestamp, a usage-rights
    signature or the bytes of a hidden one were found. The verdict is the worst of them.
    """

    verdict: Verdict
    sub_indication: str | None = None
    judged_at: datetime
    sha256: Sha256
    signatures: tuple[ArrivedSignature, ...] = ()


class ScanOfSeveral(Value):
    """The scan that a document is one part of, or all of where it came in two passes: the OCFL object
    `urn:sohoa:scan:<scan id>`, with the file, or both, as received.

    extract_sha256: of `original/…` in the document's own package, its pages of that file. dossier_code, component_code:
    what folder or file name told of the whole file.
    """

    scan_id: ScanId
    part: int
    parts: int
    page_count: int
    extract_sha256: Sha256
    dossier_code: str | None = None
    component_code: str | None = None


class ScanPass(Value):
    """One of the two files that a scan was collated from, as received: the fronts of a stack, or its backs.

    pages: where its pages, in their order, stand in the collated scan, from 0. in_reverse: it has them last first.
    """

    file_name: str
    sha256: Sha256
    size_bytes: int
    in_reverse: bool = False
    pages: tuple[int, ...] = ()


class SourceScan(Value):
    """The file as received. pages: those of it that are this document's, from 0; empty for all of them.

    scan: None where the file holds this document alone and lies in its own package.
    passes: of a scan made of two passes, the files as received, fronts first; the scan is then the file collated from
    them, and they lie in its object.
    """

    file_name: str
    sha256: Sha256
    size_bytes: int
    media_type: str
    received_at: datetime
    warnings: tuple[str, ...] = ()
    pages: tuple[int, ...] = ()
    scan: ScanOfSeveral | None = None
    passes: tuple[ScanPass, ...] = ()


class LegalHold(Value):
    """Nothing of a record may be removed, whatever its retention says. by: the account that laid it. why: what asks for
    it (a case, an inspection), without names of citizens."""

    since: datetime
    by: str
    why: str


class DisposedRecord(Value):
    """What is kept for good of a record that is removed; nothing of it names a citizen. files: SHA-256 of what it held,
    the scan as `original`."""

    document_id: DocumentId
    scan_id: ScanId | None
    unit: str
    kind: str | None
    retention_class: str | None
    retain_until: date
    archived_at: datetime
    original_sha256: Sha256
    files: dict[str, Sha256]


class Disposal(Value):
    """`decision.json`: two people decided that these records are removed. basis: the decision on paper (QĐ số …)."""

    schema_version: int = 1
    id: str
    basis: str
    proposed_by: str
    proposed_at: datetime
    approved_by: str
    approved_at: datetime
    records: tuple[DisposedRecord, ...]


class RecordMetadata(Value):
    """`metadata.json` of an AIP: enough to rebuild registry and index without anything else."""

    schema_version: int = 4
    document_id: DocumentId
    unit: str
    dossier_code: str | None = None
    component_code: str | None = None
    description: Description
    page_count: int
    source: SourceScan
    retention_class: str
    retain_until: date | None = None
    """The last day on which nothing may remove the record; None is for ever."""
    legal_hold: LegalHold | None = None
    signature_level: str | None = None
    """B-B, B-T, B-LT, B-LTA; None for a document that has no signature of ours."""
    renew_by: date | None = None
    """The day on which the newest timestamp of document.pdf ends; before it, that is renewed."""
    arrived: Arrived | None = None
    """Of a document that came signed; None for one that we signed."""
    copied: CopyOf | None = None
    """Of a document that we signed: what kind of copy it is. None is a true copy, of before that was recorded."""
    converted_from_paper: bool = True
    """Luật Giao dịch điện tử 20/2023/QH15, Điều 12: a converted document says so, and who converted it. False for one
    that came signed: it was not made of paper here."""
    converted_by_unit: str
    converted_by_person: str
    converted_at: datetime
    approved_by: str
    approved_at: datetime
    archived_at: datetime


def utc_now() -> datetime:
    """The current instant, aware, UTC, whole microseconds."""
    return datetime.now(UTC)


def vietnam_date(instant: datetime) -> date:
    """The calendar day in Asia/Ho_Chi_Minh (UTC+7, no daylight saving)."""
    return instant.astimezone(VIETNAM).date()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex; reads in chunks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
