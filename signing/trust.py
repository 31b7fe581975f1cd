"""The trust store: which certificates are believed without further proof, who said so, and since when.

`keys/trust` holds the anchors as PEM files, `manifest.json`, which names each with its fingerprint under a version, and
`manifest.p7s`, a detached CMS over the manifest by the installation's key. The folder is the truth; the manifest says
whether it is what somebody decided it to be.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from asn1crypto import pem, x509
from pydantic import ValidationError
from pyhanko.keys import load_certs_from_pemder

from registry.errors import Conflict, NotFound, SettingsInvalid
from registry.values import Value, Verdict, utc_now

MANIFEST, SIGNATURE = "manifest.json", "manifest.p7s"
UNSIGNED, CHANGED, FOREIGN = "unsigned", "changed", "foreign-signature"


class Anchor(Value):
    """One line of the manifest. sha256: of the certificate's DER."""

    file: str
    sha256: str
    subject: str
    not_after: datetime
    added_at: datetime
    added_by: str


class Manifest(Value):
    """The trust store as somebody decided it. version counts its changes from 1; signed_by: common name."""

    format: int = 1
    version: int
    made_at: datetime
    made_by: str
    anchors: tuple[Anchor, ...]


@dataclass(frozen=True, slots=True)
class TrustStore:
    """The trust anchors: certificates in PEM files of one folder.

    manifest: None where there is none that can be read. problem: None when the folder is what the manifest says and the
    manifest what the installation's key signed; else `unsigned`, `changed` or `foreign-signature`. signer: SHA-256 of
    the certificate that signed it.
    """

    anchors: Sequence[x509.Certificate]
    manifest: Manifest | None = None
    problem: str | None = UNSIGNED
    signed_by: str = ""
    strangers: Sequence[str] = field(default=())
    """Files and lines that folder and manifest do not have in common."""
    signer: str = ""

    @classmethod
    def load(cls, folder: Path, signers: Container[str] | None = None) -> TrustStore:
        """Raises SettingsInvalid when a file there is no certificate.

        signers: SHA-256 of the certificates that may sign the manifest; a chain to an anchor says nothing of that: an
        authority has many customers. None: not known yet.
        """
        files = sorted(folder.glob("*.pem"))
        held = {path.name: read_certificates(path) for path in files}
        anchors = tuple(c for certificates in held.values() for c in certificates)
        manifest = _read_manifest(folder)
        if manifest is None:
            return cls(anchors)
        told = {(a.file, a.sha256) for a in manifest.anchors}
        there = {(name, c.sha256.hex()) for name, certificates in held.items() for c in certificates}
        strangers = tuple(sorted({name for name, _ in told ^ there}))
        by, signer, problem = _signer_of(folder, anchors, signers)
        return cls(anchors, manifest, CHANGED if strangers and not problem else problem, by, strangers, signer)

    @classmethod
    def of(cls, anchors: Sequence[bytes]) -> TrustStore:
        """A store of anchors given as DER: of a verdict that was kept."""
        return cls(tuple(x509.Certificate.load(der) for der in anchors), problem=None)

    @property
    def version(self) -> int | None:
        return self.manifest.version if self.manifest else None

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        ders = tuple(certificate.dump() for certificate in self.anchors)
        return _restored, (ders, self.manifest, self.problem, self.signed_by, self.strangers, self.signer)


@dataclass(frozen=True, slots=True)
class Change:
    """An anchor that is to come into the folder in a file of its own, or to go with its file."""

    anchor: x509.Certificate
    file: Path
    comes: bool


def sign_manifest(
    folder: Path,
    sign: Callable[[bytes], bytes],
    *,
    actor: str,
    signers: Container[str] | None = None,
    change: Change | None = None,
    noted: Callable[[Manifest], AbstractContextManager[object]] = nullcontext,
) -> Manifest:
    """The manifest names the certificates that lie in the folder, under the next version, and is signed. A change of
    them is made once it is signed for: while `sign` may still fail nobody is believed who was not before.

    sign: from a body to a detached CMS in DER. noted: where it is told; what it raises leaves the folder as it is. A
    manifest that says so already, with a good signature by one of the signers, is left as it is; what a stranger's says
    of who added what is not taken over. Raises SettingsInvalid, OSError, and what `sign` raises.
    """
    before = TrustStore.load(folder, signers)
    if change is None and before.problem is None and before.manifest is not None:
        return before.manifest
    believed = before.manifest if before.problem != FOREIGN else None
    known = {a.sha256: a for a in believed.anchors} if believed else {}
    now = utc_now()
    held = {path: read_certificates(path) for path in folder.glob("*.pem")}
    if change is not None:
        held[change.file] = [change.anchor] if change.comes else []
    anchors = [
        known.get(c.sha256.hex()) or _line(path.name, c, actor, now)
        for path, certificates in sorted(held.items())
        for c in certificates
    ]
    made = Manifest(version=(before.version or 0) + 1, made_at=now, made_by=actor, anchors=tuple(anchors))
    body = made.model_dump_json(indent=1).encode()
    files = {folder / SIGNATURE: sign(body), folder / MANIFEST: body}
    if change is not None and change.comes:
        files[change.file] = pem.armor("CERTIFICATE", change.anchor.dump())
    with noted(made):
        _put(files, gone=change.file if change is not None and not change.comes else None)
    return made


def _put(files: Mapping[Path, bytes], gone: Path | None) -> None:
    """All is on the disk before the first file appears under its name, an anchor last: lying there it is believed."""
    parts = {path: path.with_name(f".{path.name}.part") for path in files}
    try:
        for path, content in files.items():
            parts[path].write_bytes(content)
        if gone is not None:
            gone.unlink()
        for path, part in parts.items():
            part.replace(path)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def addition(folder: Path, certificate: Path) -> Change | None:
    """The certificate is to be an anchor; None where it is one already.

    Raises SettingsInvalid: no certificate, several, or one that may not issue others.
    """
    found = read_certificates(certificate)
    if len(found) != 1:
        raise SettingsInvalid(f"{certificate.name} must hold one certificate")
    anchor = found[0]
    if not anchor.ca:
        raise SettingsInvalid(f"{certificate.name} is no certificate of an authority")
    if any(a.dump() == anchor.dump() for a in TrustStore.load(folder).anchors):
        return None
    return Change(anchor, folder / f"{anchor.sha256.hex()[:16]}.pem", comes=True)


def removal(folder: Path, fingerprint: str) -> Change:
    """The certificate whose SHA-256 begins so is to be no anchor any more. Raises NotFound, Conflict (several begin so,
    or its file holds others too, or it is the last)."""
    fitting = [
        (path, c)
        for path in sorted(folder.glob("*.pem"))
        for c in read_certificates(path)
        if c.sha256.hex().startswith(fingerprint.lower().replace(":", ""))
    ]
    if not fitting:
        raise NotFound("no anchor with that fingerprint")
    path, certificate = fitting[0]
    if len(fitting) > 1 or len(read_certificates(path)) > 1:
        raise Conflict("the fingerprint is not of one anchor alone")
    if len(TrustStore.load(folder).anchors) == 1:
        raise Conflict("the last anchor cannot be removed")
    return Change(certificate, path, comes=False)


def read_certificates(path: Path) -> list[x509.Certificate]:
    """Raises SettingsInvalid when it holds none."""
    try:
        found = list(load_certs_from_pemder([str(path)]))
        for certificate in found:
            _ = certificate.subject.native
    except (OSError, ValueError) as exc:
        raise SettingsInvalid(f"{path}: a trust anchor cannot be read") from exc
    return found


def _line(name: str, certificate: x509.Certificate, actor: str, now: datetime) -> Anchor:
    return Anchor(
        file=name,
        sha256=certificate.sha256.hex(),
        subject=str(certificate.subject.human_friendly),
        not_after=certificate.not_valid_after,
        added_at=now,
        added_by=actor,
    )


def _read_manifest(folder: Path) -> Manifest | None:
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError, json.JSONDecodeError):
        return None


def _signer_of(
    folder: Path, anchors: Sequence[x509.Certificate], signers: Container[str] | None
) -> tuple[str, str, str | None]:
    """Who signed the manifest, by name and certificate, and why that does not count: the signature must hold, by a
    certificate that some anchor of the folder vouches for and that is one of the signers."""
    from signing.detached import check_bytes  # noqa: PLC0415 what is checked there is checked against a trust store

    try:
        body, der = (folder / MANIFEST).read_bytes(), (folder / SIGNATURE).read_bytes()
    except OSError:
        return "", "", UNSIGNED
    found = check_bytes(body, der, TrustStore(anchors))
    problem = {Verdict.PASSED: None, Verdict.INDETERMINATE: FOREIGN, Verdict.FAILED: CHANGED}[found.indication]
    if problem is None and signers is not None and found.signer not in signers:
        problem = FOREIGN
    return found.signed_by, found.signer, problem


def _restored(ders: tuple[bytes, ...], *others: object) -> TrustStore:
    return TrustStore(tuple(x509.Certificate.load(der) for der in ders), *others)  # type: ignore[arg-type]
