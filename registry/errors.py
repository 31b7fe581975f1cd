"""The tree of errors. str() is for the log; the operator's sentence is looked up by code (config.messages).

SohoaError
├── Refused               an input is refused; code is one of RefusalCode, the file goes to quarantine
├── NotFound              no such document, dossier, unit, …
│   ├── FileMissing           what was named is no file, and no document either
│   ├── RecordUnknown         neither registry nor archive knows a document of this id
│   └── RecordDisposed        it was removed by a decision
├── NotAllowed            the account may not do that
├── NotATable             a file of dossiers cannot be read as one; nothing of it was imported
├── Conflict              the thing is not in a state that allows this
│   ├── NotArchived       the document is not in the archive yet
│   └── InboxTaken        another installation takes from this inbox
├── FixityMismatch        bytes read are not the bytes recorded
├── KeyTaken              write-once: other bytes are stored under this key
├── NotDue                records that must not be removed; nothing was proposed
├── Retained              a record may not be removed yet: its retention runs, or a legal hold is on it
├── KeyNotFound           nothing is stored under this key
├── WorkerFailed          a worker process died or ran out of time; worth another try
├── ServiceUnavailable    a server did not answer; unknown whether it acted; worth another try
├── SigningFailed         no signature was made
│   └── CertificateRevoked    the certificate was revoked: what it signs now is worth nothing
├── SettingsInvalid       settings or catalogue contradict themselves; nothing was started
└── DatabaseTooNew        the registry was written by a newer version
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from config.errors import SettingsInvalid, SohoaError

__all__ = [
    "ANSWER_CODES",
    "AnswerRefused",
    "CertificateNotTrusted",
    "CertificateRevoked",
    "CertificateUnfit",
    "Conflict",
    "DatabaseTooNew",
    "FileMissing",
    "FixityMismatch",
    "InboxTaken",
    "KeyNotFound",
    "KeyTaken",
    "NoSigningKey",
    "NotATable",
    "NotAllowed",
    "NotArchived",
    "NotDue",
    "NotFound",
    "PinExposed",
    "PinNeeded",
    "RecordDisposed",
    "RecordUnknown",
    "RefusalCode",
    "Refused",
    "Retained",
    "ServiceUnavailable",
    "SettingsInvalid",
    "SigningFailed",
    "SohoaError",
    "TargetTaken",
    "TerminalNeeded",
    "TokenLocked",
    "WorkerFailed",
    "WrongCertificate",
    "WrongPin",
]


class RefusalCode(StrEnum):
    """Why an input was refused (design.md, "What is refused, and how")."""

    EMPTY = "empty"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    ENCRYPTED = "encrypted"
    NOT_A_DOCUMENT = "not-a-document"
    TYPE_MISMATCH = "type-mismatch"
    ACTIVE_CONTENT = "active-content"
    TOO_LARGE_IMAGE = "too-large-image"
    TOO_MANY_PAGES = "too-many-pages"
    ZERO_PAGES = "zero-pages"
    TIMEOUT = "timeout"
    UNKNOWN_UNIT = "unknown-unit"
    UNKNOWN_DOSSIER = "unknown-dossier"
    UNREADABLE = "unreadable"
    SECRET = "secret"  # noqa: S105 a secrecy stamp, not a password
    REJECTED = "rejected"
    LOST = "lost"
    ONLY_SHEETS = "only-sheets"
    SIDES_DIFFER = "sides-differ"


class Refused(SohoaError):
    """An input is refused for `reason`; `detail` is technical, in English, and free of personal data."""

    def __init__(self, reason: RefusalCode, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason, self.detail = reason, detail

    def __reduce__(self) -> tuple[type[Refused], tuple[RefusalCode, str]]:
        return Refused, (self.reason, self.detail)


class NotFound(SohoaError):
    code = "not-found"


class FileMissing(NotFound):
    code = "file-missing"


class RecordUnknown(NotFound):
    code = "record-unknown"


class RecordDisposed(NotFound):
    """decision: the id of the disposal by which it was removed, and at: when that was decided; None where the registry
    does not know."""

    code = "record-disposed"

    def __init__(self, decision: str | None, at: datetime | None) -> None:
        super().__init__(f"removed by disposal {decision}" if decision else "removed by a disposal")
        self.decision, self.at = decision, at

    def __reduce__(self) -> tuple[type[RecordDisposed], tuple[str | None, datetime | None]]:
        return RecordDisposed, (self.decision, self.at)


class NotAllowed(SohoaError):
    code = "not-allowed"


class Conflict(SohoaError):
    code = "conflict"


class TargetTaken(Conflict):
    """What a command is to write is there already: nothing is overwritten."""

    code = "target-taken"


class NotArchived(Conflict):
    code = "not-archived"


class InboxTaken(Conflict):
    code = "inbox-taken"


class NotATable(SohoaError):
    code = "not-a-table"


class FixityMismatch(SohoaError):
    code = "fixity-mismatch"


class KeyTaken(SohoaError):
    code = "key-taken"


class Retained(SohoaError):
    code = "retained"


class NotDue(SohoaError):
    """refused: document → why (registry.disposals.why_not; locked, damaged)."""

    code = "not-due"

    def __init__(self, refused: dict[str, str]) -> None:
        super().__init__(f"{len(refused)} records are not due: {', '.join(sorted(set(refused.values())))}")
        self.refused = refused

    def __reduce__(self) -> tuple[type[NotDue], tuple[dict[str, str]]]:
        return NotDue, (self.refused,)


class KeyNotFound(SohoaError):
    code = "key-not-found"


class WorkerFailed(SohoaError):
    code = "worker-failed"
    retryable = True


class ServiceUnavailable(SohoaError):
    code = "service-unavailable"
    retryable = True


class SigningFailed(SohoaError):
    code = "signing-failed"


class CertificateRevoked(SigningFailed):
    code = "certificate-revoked"

    def __init__(self, revoked_at: datetime | None) -> None:
        told = f" on {revoked_at:%Y-%m-%d}" if revoked_at else ""
        super().__init__(f"the signing certificate was revoked{told}; sign with a current one")
        self.revoked_at = revoked_at


class WrongPin(SigningFailed):
    """A PIN was refused. It is not tried again: tokens lock after a few."""

    code = "wrong-pin"


class PinNeeded(SigningFailed):
    code = "pin-needed"


class TerminalNeeded(PinNeeded):
    """A command that signs was started where nobody can type the PIN; nothing was changed."""

    code = "terminal-needed"


class PinExposed(PinNeeded):
    """The file of a PIN or passphrase can be read by others: what is in it is not used."""

    code = "pin-exposed"


class TokenLocked(SigningFailed):
    code = "token-locked"


class WrongCertificate(SigningFailed):
    """A certificate of somebody else than the unit and role that it is to sign for."""

    code = "wrong-certificate"


class CertificateUnfit(SigningFailed):
    """Expired, not valid yet, or not made for signing documents."""

    code = "certificate-unfit"


class CertificateNotTrusted(SigningFailed):
    """It leads to no trust anchor, or was revoked."""

    code = "certificate-not-trusted"


class NoSigningKey(SigningFailed):
    code = "no-signing-key"


class AnswerRefused(SohoaError):
    """What an official's machine sent is not the signature that was asked for. code: one of ANSWER_CODES."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.__dict__["code"] = code  # one class, whose reasons are several


ANSWER_CODES = (
    "answer-unknown",
    "answer-late",
    "answer-expired",
    "answer-changed",
    "answer-unreadable",
    "answer-too-large",
    "answer-not-pades",
    "answer-wrong",
)


class DatabaseTooNew(SohoaError):
    code = "database-too-new"
