"""The trust store of an installation: shown, changed, signed; each change is in the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from app.signers import OwnSigners
from pipeline.sealing import remember_signer
from registry import audit
from registry.database import write
from registry.values import Value, utc_now
from signing.trust import Change, Manifest, TrustStore, addition, read_certificates, removal, sign_manifest

if TYPE_CHECKING:
    from app.wiring import Wiring

PROBLEMS = {
    "unsigned": "danh sách chưa được ký xác nhận",
    "changed": "thư mục không còn đúng với danh sách đã ký",
    "foreign-signature": "danh sách do chứng thư không phải của cơ quan này ký",
}


class ListedAnchor(Value):
    """A trust anchor as it lies in the folder. added_at, added_by: None where the manifest does not know it."""

    sha256: str
    subject: str
    not_after: datetime
    file: str
    added_at: datetime | None = None
    added_by: str | None = None


class Listed(Value):
    """The trust store. age_days: since the manifest was made; None without one. signer: SHA-256 of the
    certificate that signed it. problem: see signing.trust."""

    version: int | None
    age_days: int | None
    made_by: str | None
    signed_by: str
    signer: str
    problem: str | None
    strangers: tuple[str, ...]
    anchors: tuple[ListedAnchor, ...]


def listed(wiring: Wiring) -> Listed:
    """Raises SettingsInvalid when a file there is no certificate."""
    folder = place(wiring)
    store = TrustStore.load(folder, OwnSigners(wiring))
    known = {a.sha256: a for a in store.manifest.anchors} if store.manifest else {}
    anchors = []
    for path in sorted(folder.glob("*.pem")):
        for certificate in read_certificates(path):
            line = known.get(certificate.sha256.hex())
            anchors.append(
                ListedAnchor(
                    sha256=certificate.sha256.hex(),
                    subject=str(certificate.subject.human_friendly),
                    not_after=certificate.not_valid_after,
                    file=path.name,
                    added_at=line.added_at if line else None,
                    added_by=line.added_by if line else None,
                )
            )
    made = store.manifest
    return Listed(
        version=store.version,
        age_days=(utc_now() - made.made_at).days if made else None,
        made_by=made.made_by if made else None,
        signed_by=store.signed_by,
        signer=store.signer,
        problem=store.problem,
        strangers=tuple(store.strangers),
        anchors=tuple(anchors),
    )


def sign_trust(wiring: Wiring, *, actor: str) -> Manifest:
    """The manifest says what lies in the folder now, signed by the installation's key; one that says so already stays.

    Raises SigningFailed, SettingsInvalid.
    """
    return _signed(wiring, "trust-sign", actor)


def add(wiring: Wiring, certificate: Path, *, actor: str) -> Manifest:
    """The certificate is an anchor, and the manifest and the log say so; none of it when it cannot be signed. Safe to
    repeat. Raises SettingsInvalid, SigningFailed."""
    return _signed(wiring, "trust-add", actor, addition(place(wiring), certificate))


def remove(wiring: Wiring, fingerprint: str, *, actor: str) -> Manifest:
    """The certificate is no anchor any more; it stays one when that cannot be signed. Raises NotFound, Conflict,
    SigningFailed."""
    return _signed(wiring, "trust-remove", actor, removal(place(wiring), fingerprint))


def place(wiring: Wiring) -> Path:
    """The folder of the anchors."""
    return wiring.settings.path(wiring.settings.signing.trust)


def _signed(wiring: Wiring, action: str, actor: str, change: Change | None = None) -> Manifest:
    """The manifest by the installation's key, whose certificate is remembered before; a new one is in the log."""

    @contextmanager
    def noted(made: Manifest) -> Iterator[None]:
        detail: dict[str, object] = {"version": made.version, "anchors": len(made.anchors)}
        if change is not None:
            detail["sha256"] = change.anchor.sha256.hex()
        with write(wiring.engine) as conn:
            audit.append(conn, actor=actor, action=action, subject="trust", detail=detail)
            yield

    remember_signer(wiring.workshop, actor=actor)
    return sign_manifest(
        place(wiring),
        lambda body: wiring.station.sign_bytes(body).der,
        actor=actor,
        signers=OwnSigners(wiring),
        change=change,
        noted=noted,
    )
