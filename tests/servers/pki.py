"""A test PKI over real HTTP: root and issuing authority, OCSP, CRLs, AIA, time stamping (certomancer), on a free port.

One for each test process (`pki` in tests/conftest.py). What it issues, by label:

| label | what it is |
|---|---|
| `official-ec`, `official-rsa` | officials of the unit H99.32, P-256 and RSA 2048 |
| `agency-ec`, `agency-rsa` | seals of that unit |
| `other-agency` | the seal of another unit (H99.34) |
| `crl-only` | its revocation is told by CRL alone; `official-*` and `agency-*` name OCSP and CRL |
| `revoked` | revoked at `Pki.revoked_at`, 30 days ago: keyCompromise |
| `expired` | ended 30 days ago |
| `wrong-usage` | keyUsage without nonRepudiation |
| `weak-digest` | signed by its issuer with SHA-1 |
| `missing-chain` | issued by an authority that nothing leads to: neither the PKCS#12 file nor AIA holds it |
| `stale-crl` | its CRL, the only source, is always 60 days old and no longer valid |
| `stranger` | issued by a root that is not in the trust folder |
| `tsa`, `tsa-ec`, `tsa-next`, `tsa-past`, `root`, `issuing`, `ocsp`, `root-ocsp` | what the services sign with |

Time stamping, `tsa(kind)`: `good` (RSA, ends in 3 years), `ec` (P-256, 10 years), `next` (P-256, 12 years from now),
`past` (RSA, ended 100 days ago: for `frozen`), `wrong-nonce`, `late` (answers after `Pki.late_s`), `down` (nobody
listens there).

**Clock.** The services live now, or with `frozen(at)` at that instant; what is ours takes `at` as an argument. Nobody
waits. `outage("tsa", "ocsp", "crl")` makes those answer 503; `revoked_from(label, at)` revokes one for a while.

Alone, for a process of its own: `python -m tests.servers.pki FOLDER` writes `trust/` and the PKCS#12 files there and
prints one line of JSON (`url`, `tsa`, `trust`, `keys`, `passphrase`); it ends with its standard input.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from asn1crypto import crl, pem, tsp, x509
from certomancer.integrations.animator import Animator, AnimatorArchStore
from certomancer.registry import CertLabel, CertomancerConfig, KeyLabel
from certomancer.registry.issued.general import RevocationStatus
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.sign.signers import SimpleSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

ARCH = "sohoa"
PASSPHRASE = "mat-khau-thu-nghiem"
RSA_KEYS = ("tsa", "tsa-past", "official-rsa", "agency-rsa")
EC_KEYS = (
    "root", "issuing", "weak-digest",
    "stranger-root", "hidden", "ocsp", "root-ocsp", "tsa-ec", "tsa-next", "official-ec", "agency-ec", "other-agency",
    "crl-only", "revoked", "expired", "wrong-usage", "missing-chain", "stale-crl", "stranger",
)  # fmt: skip
STALE = timedelta(days=60)
SIGNERS = (
    "official-ec", "official-rsa", "agency-ec", "agency-rsa", "other-agency", "crl-only", "revoked", "expired",
    "wrong-usage", "weak-digest", "missing-chain", "stale-crl", "stranger",
)  # fmt: skip


class Pki:
    """The authority and its running services. `folder` holds its keys and what `p12` wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.began = datetime.now(UTC).replace(microsecond=0)
        self.revoked_at = self.began - timedelta(days=30)
        self.late_s = 3.0
        self._clock: datetime | None = None
        self._out: frozenset[str] = frozenset()
        self.served: list[str] = []
        """The services asked so far, in order: `tsa`, `ocsp`, `crl`, `cert`."""
        _write_keys(folder / "keys")
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Silent)
        self._server.daemon_threads = True  # type: ignore[attr-defined]  # a late answer keeps no test run
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        config = CertomancerConfig(
            _config(self.began, self.revoked_at, self.url), key_search_dir=str(folder / "keys"), lazy_load_keys=True
        )
        self._arch = next(iter(config.pki_archs.values()))
        self._animator = Animator(AnimatorArchStore(config.pki_archs), with_web_ui=False)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def now(self) -> datetime:
        """The services' time."""
        return self._clock or datetime.now(UTC)

    def certificate(self, label: str) -> x509.Certificate:
        return self._arch.get_cert(CertLabel(label))

    @property
    def roots(self) -> tuple[x509.Certificate, ...]:
        """The anchors to be trusted."""
        return (self.certificate("root"),)

    def chain(self, label: str) -> tuple[x509.Certificate, ...]:
        """What stands between the certificate and the root, as its holder knows it."""
        return () if label in ("missing-chain", "stranger") else (self.certificate("issuing"),)

    def write_trust(self, folder: Path) -> Path:
        """`folder` is a trust folder with the root in it."""
        folder.mkdir(parents=True, exist_ok=True)
        pem = x509_pem(self.certificate("root"))
        (folder / "test-root.pem").write_bytes(pem)
        return folder

    def p12(self, label: str) -> tuple[Path, str]:
        """The PKCS#12 file of a signer, with its chain, and its passphrase."""
        path = self.folder / f"{label}.p12"
        if not path.exists():
            embedded = [] if label in ("missing-chain", "stranger") else [CertLabel("issuing")]
            body = self._arch.package_pkcs12(CertLabel(label), certs_to_embed=embedded, password=PASSPHRASE.encode())
            path.write_bytes(body)
        return path, PASSPHRASE

    def signer(self, label: str) -> SimpleSigner:
        """What pyHanko signs with, fit or not."""
        known = SimpleCertificateStore()
        known.register_multiple(self.chain(label))
        return SimpleSigner(self.certificate(label), self._arch.key_set.get_private_key(KeyLabel(label)), known)

    def tsa(self, kind: str = "good") -> str:
        """The address of a time stamping authority: good, ec, next, past, wrong-nonce, late, down."""
        if kind == "down":
            return f"http://127.0.0.1:{_closed_port()}/tsa"
        label = {"ec": "tsa-ec", "next": "tsa-next", "past": "tsa-past"}.get(kind, "tsa")
        odd = f"/{kind}" if kind in ("wrong-nonce", "late") else ""
        return f"{self.url}{odd}/{ARCH}/tsa/{label}"

    def crl(self, issuer: str = "issuing", at: datetime | None = None) -> crl.CertificateList:
        """The revocation list of `root` or `issuing` as it stood."""
        return self._arch.service_registry.get_crl(issuer, at or self.now)

    @contextmanager
    def frozen(self, at: datetime) -> Iterator[datetime]:
        """The services live at that instant."""
        before, self._clock = self._clock, at
        try:
            yield at
        finally:
            self._clock = before

    @contextmanager
    def outage(self, *services: str) -> Iterator[None]:
        """`tsa`, `ocsp`, `crl` or `cert` answer 503."""
        before, self._out = self._out, self._out | set(services)
        try:
            yield
        finally:
            self._out = before

    @contextmanager
    def revoked_from(self, label: str, at: datetime, reason: str = "key_compromise") -> Iterator[None]:
        """The certificate counts as revoked from that instant."""
        specs = self._arch._cert_specs
        before = specs[CertLabel(label)]
        specs[CertLabel(label)] = replace(before, revocation=RevocationStatus(at, crl.CRLReason(reason)))
        try:
            yield
        finally:
            specs[CertLabel(label)] = before

    def _answer(self, environ: WSGIEnvironment, start: StartResponse) -> Any:
        path = environ["PATH_INFO"]
        odd, _, rest = path.lstrip("/").partition("/")
        if odd in ("wrong-nonce", "late"):
            environ["PATH_INFO"] = "/" + rest
        kind = next((k for k in ("tsa", "ocsp", "crl", "cert") if f"/{k}" in path), "")
        self.served.append(kind)
        if kind in self._out:
            return Response("out of service", 503)(environ, start)
        if odd == "late":
            time.sleep(self.late_s)
        at = self.now
        environ["HTTP_X_CERTOMANCER_FAKE_TIME"] = (at - STALE if "/crls/stale/" in path else at).isoformat()
        request = Request(environ)
        if odd == "wrong-nonce":
            return self._with_wrong_nonce(request)(environ, start)
        return self._animator.dispatch(request)(environ, start)

    def _with_wrong_nonce(self, request: Request) -> Response:
        asked = tsp.TimeStampReq.load(request.get_data())
        asked["nonce"] = int(asked["nonce"].native or 0) ^ 1
        stamper = self._arch.service_registry.summon_timestamper("tsa", self.now)
        return Response(stamper.request_tsa_response(asked).dump(), mimetype="application/timestamp-reply")


class _Silent(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        return


def x509_pem(certificate: x509.Certificate) -> bytes:
    return bytes(pem.armor("CERTIFICATE", certificate.dump()))


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _write_keys(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*RSA_KEYS, *EC_KEYS):
        key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = (
            rsa.generate_private_key(public_exponent=65537, key_size=2048)
            if name in RSA_KEYS
            else ec.generate_private_key(ec.SECP256R1())
        )
        (folder / f"{name}.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _config(now: datetime, revoked_at: datetime, url: str) -> dict[str, Any]:
    """certomancer's configuration; certificates run from a year ago."""

    def valid(start_days: int, end_days: int) -> dict[str, str]:
        day = timedelta(days=1)
        return {"valid-from": (now + start_days * day).isoformat(), "valid-to": (now + end_days * day).isoformat()}

    def authority(repo: str, path: int) -> list[dict[str, Any]]:
        return [{"id": "simple-ca", "params": {"max-path-len": path, "crl-repo": repo, "ocsp-service": repo}}]

    def leaf(subject: str, issuer: str = "issuing", **more: Any) -> dict[str, Any]:
        base = {"subject": subject, "subject-key": subject, "issuer": issuer, "authority-key": issuer,
                "validity": valid(-365, 5 * 365), "profiles": ["digsig-commitment"]}  # fmt: skip
        return {**base, **more}

    def usage(*names: str) -> dict[str, Any]:
        return {"id": "key_usage", "critical": True, "smart-value": {"schema": "key-usage", "params": list(names)}}

    def issuers(repo: str, *, ocsp: bool) -> dict[str, Any]:
        params: dict[str, Any] = {"ca-issuer-links": [{"repo": repo}]}
        if ocsp:
            params["ocsp-responder-names"] = [repo]
        return {"id": "authority_information_access", "smart-value": {"schema": "aia-urls", "params": params}}

    def lists(repo: str) -> dict[str, Any]:
        value = {"schema": "crl-dist-url", "params": {"crl-repo-names": [repo]}}
        return {"id": "crl_distribution_points", "smart-value": value}

    stamping = [
        usage("digital_signature"),
        {"id": "extended_key_usage", "critical": True, "value": ["time_stamping"]},
        issuers("issuing", ocsp=True),
    ]
    aia = [issuers("issuing", ocsp=True)]
    certs = {
        "root": leaf("root", "root", validity=valid(-2 * 365, 20 * 365), profiles=authority("root", 1)),
        "stranger-root": leaf("stranger-root", "stranger-root", profiles=[{"id": "simple-ca"}]),
        "issuing": leaf(
            "issuing", "root", validity=valid(-365, 15 * 365), profiles=authority("issuing", 0),
            extensions=[issuers("root", ocsp=True)],
        ),
        "hidden": leaf("hidden", "root", profiles=[{"id": "simple-ca"}]),
        "ocsp": leaf("ocsp", validity=valid(-365, 15 * 365), profiles=["ocsp-responder"]),
        "root-ocsp": leaf("root-ocsp", "root", validity=valid(-365, 15 * 365), profiles=["ocsp-responder"]),
        "tsa": leaf("tsa", validity=valid(-365, 3 * 365), profiles=[], extensions=stamping),
        "tsa-past": leaf("tsa-past", validity=valid(-365, -100), profiles=[], extensions=stamping),
        "tsa-ec": leaf("tsa-ec", validity=valid(-365, 10 * 365), profiles=[], extensions=stamping),
        "tsa-next": leaf("tsa-next", validity=valid(0, 12 * 365), profiles=[], extensions=stamping),
        **{n: leaf(n, extensions=aia) for n in ("official-ec", "official-rsa", "agency-ec", "agency-rsa")},
        "other-agency": leaf("other-agency", extensions=aia),
        "crl-only": leaf("crl-only", extensions=[issuers("issuing", ocsp=False)]),
        "revoked": leaf(
            "revoked", extensions=aia,
            revocation={"revoked-since": revoked_at.isoformat(), "reason": "key_compromise"},
        ),
        "expired": leaf("expired", validity=valid(-365, -30), extensions=aia),
        "wrong-usage": leaf("wrong-usage", profiles=[], extensions=[*aia, usage("digital_signature")]),
        "weak-digest": leaf("weak-digest", extensions=aia, **{"digest-algo": "sha1"}),
        "missing-chain": leaf("missing-chain", "hidden"),
        "stale-crl": leaf("stale-crl", extensions=[issuers("issuing", ocsp=False), lists("stale")]),
        "stranger": leaf("stranger", "stranger-root"),
    }  # fmt: skip
    responders = {name: {"for-issuer": name, "responder-cert": cert, "signing-key": cert}
                  for name, cert in (("issuing", "ocsp"), ("root", "root-ocsp"))}  # fmt: skip
    crls = {name: {"for-issuer": issuer, "signing-key": issuer, "simulated-update-schedule": every}
            for name, issuer, every in (("issuing", "issuing", "P1D"), ("root", "root", "P30D"),
                                        ("stale", "issuing", "P1D"))}  # fmt: skip
    return {
        "external-url-prefix": url,
        "keysets": {ARCH: {"keys": {name: {"path": f"{name}.pem"} for name in (*RSA_KEYS, *EC_KEYS)}}},
        "pki-architectures": {
            ARCH: {
                "keyset": ARCH,
                "entity-defaults": {"country-name": "VN", "organization-name": "UBND xã An Hòa (thử nghiệm)"},
                "entities": {name: _name(name) for name in (*RSA_KEYS, *EC_KEYS)},
                "certs": certs,
                "services": {
                    "ocsp": responders,
                    "crl-repo": crls,
                    "cert-repo": {name: {"for-issuer": name} for name in ("root", "issuing")},
                    "time-stamping": {n: {"signing-key": n, "signing-cert": n} for n in certs if n.startswith("tsa")},
                },
            }
        },
    }


def _name(label: str) -> dict[str, str]:
    told = {
        "official-ec": "Trần Thị Thử", "official-rsa": "Nguyễn Văn Thử",
        "agency-ec": "UBND xã An Hòa", "agency-rsa": "Trung tâm Phục vụ hành chính công xã An Hòa",
        "other-agency": "UBND xã Bình Minh",
    }  # fmt: skip
    unit = {"other-agency": "H99.34"}.get(label, "H99.32") if label in SIGNERS else "PKI"
    name = {"common-name": told.get(label, f"Thử nghiệm {label}"), "organizational-unit-name": unit}
    if label == "other-agency":
        name["organization-name"] = "UBND xã Bình Minh (thử nghiệm)"
    return name


def main() -> None:
    """See the module: the PKI as a process of its own."""
    folder = Path(sys.argv[1])
    pki = Pki(folder)
    keys = {label: str(pki.p12(label)[0]) for label in SIGNERS}
    told = {"url": pki.url, "tsa": pki.tsa(), "trust": str(pki.write_trust(folder / "trust")), "keys": keys}
    print(json.dumps({**told, "passphrase": PASSPHRASE}), flush=True)
    sys.stdin.read()
    pki.close()


if __name__ == "__main__":
    main()
