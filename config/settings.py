"""Settings of one installation: `sohoa.toml` in its home, overridden by SOHOA_* variables; frozen.

SOHOA_REVIEW__THRESHOLD=0.9 sets [review] threshold. Unknown keys and contradictions stop the start.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from config.errors import SettingsInvalid

KNOWN_TO_ALL = frozenset(
    {"", "admin", "changeme", "elastic", "minioadmin", "password", "postgres", "secret", "sohoa", "123456"}
)
"""Secrets of examples and first installations: refused outside a demonstration."""


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Folders(Section):
    """Where things lie; relative paths are below the home."""

    inbox: Path = Path("inbox")
    done: Path = Path("done")
    quarantine: Path = Path("quarantine")
    work: Path = Path("work")
    """Staged copies and half-made files; on the same file system as `archive`, so that a rename is atomic."""
    archive: Path = Path("archive")
    index: Path = Path("index")
    catalogue: Path = Path("catalogue")
    keys: Path = Path("keys")


class Intake(Section):
    poll_s: PositiveFloat = 2.0
    """Longest pause between two listings of the inbox; file events only wake the listing earlier."""
    quiet_s: PositiveFloat = 3.0
    """A file must keep its size and time for so long before its structure is looked at."""
    polling_units: tuple[str, ...] = ()
    """Units whose inbox lies on a network share: no file events are asked for there."""
    back_file_folders: tuple[str, ...] = ("ton-dong",)
    """Scans below a folder of this name in a unit's inbox wait behind those of the desk: the back-file."""
    two_pass_folders: tuple[str, ...] = ("hai-luot",)
    """Below a folder of this name two files that come one after the other are one scan: the fronts of a stack, then its
    backs from the last sheet to the first, as the stack was turned over. Below `<name>-xuoi`: from the first on."""
    two_pass_patience_s: PositiveFloat = 1800.0
    """Fronts that wait longer for their backs are shown as a warning."""
    done_days: PositiveInt = 14
    """Archived sources stay in `done` for so many days."""
    max_bytes: PositiveInt = 500_000_000
    max_pages: PositiveInt = 1000
    max_pixels: PositiveInt = 200_000_000
    """Per page: A3 at 600 dpi has 70 million."""
    give_up_incomplete_s: PositiveFloat = 60.0
    """A file that stands still but is structurally incomplete for so long is refused as truncated."""


class Workers(Section):
    processes: PositiveInt = Field(default_factory=lambda: os.cpu_count() or 1)
    memory_mb: PositiveInt = 3000
    """Address space of one worker process, imports included."""
    page_timeout_s: PositiveFloat = 180.0
    tasks_per_process: PositiveInt = 200
    """A worker is replaced after so many tasks, so that leaks of foreign code stay small."""


class Reading(Section):
    engine: Literal["auto", "tesserocr", "pytesseract"] = "auto"
    """`auto`: tesseract in process (tesserocr) where that works, else its program (pytesseract), which is slower."""
    language: str = "vie"
    recognition_dpi: PositiveInt = 200
    """Pages are scaled to about this resolution for recognition only: the LSTM sees lines at a fixed height."""


class Review(Section):
    threshold: float = Field(default=0.8, ge=0, le=1)
    """A document with a needed value below this confidence waits for a person."""


class SigningKeySettings(Section):
    """One of several keys: where it lies, and for whom it signs ([[signing.keys]])."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    role: Literal["agency", "official"] = "agency"
    """agency: the administration's own certificate; official: that of the person who makes the copy."""
    units: tuple[str, ...] = ()
    """Codes of the units that it signs for; empty: all that have no key of their own."""
    certificate_sha256: tuple[str, ...] = ()
    """Fingerprints of the certificates that may sign; empty: the certificate must name one of the units."""
    kind: Literal["pkcs12", "pkcs11", "csc", "deferred"]
    """deferred: the key lies with the official, whose machine answers with the signature later."""
    file: Path | None = None
    """pkcs12: the file."""
    module: Path | None = None
    """pkcs11: the vendor's library."""
    token: str = ""
    """pkcs11: label of the token."""
    key_label: str | None = None
    key_id: str | None = Field(default=None, pattern=r"^([0-9a-fA-F]{2})+$")
    """pkcs11: the key as it stands on the token, by its label or its id in hex."""
    certificate: Path | None = None
    """pkcs11: PEM of the certificate with its chain, where the token holds none."""
    url: str = ""
    """csc: address of the service, without `/csc/v1`."""
    credential: str = ""
    """csc: id of the credential; empty where the account has one only."""
    access_token_file: Path | None = None
    """csc: bearer token of the account; read anew for each signature, so that another program may renew it."""
    pin: Literal["typed", "file", "none"] = "typed"
    """typed: asked once, when `sohoa run`, `sohoa worker` or another command that signs starts at a terminal. none: csc
    credentials without PIN."""
    pin_file: Path | None = None
    """PIN or passphrase, readable by its owner alone (0600); better in `pin_credential`."""
    pin_credential: str | None = None
    """Name of a systemd credential (LoadCredentialEncrypted=) that holds it."""
    valid_for_days: PositiveInt = 7
    """deferred: what was prepared for an official is void after so many days, and prepared anew."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {"pkcs12": ("file",), "pkcs11": ("module", "token"), "csc": ("url",), "deferred": ()}[self.kind]
        if missing := [name for name in needed if not getattr(self, name)]:
            raise ValueError(f"signing key {self.name}: {', '.join(missing)} is needed for {self.kind}")
        if self.kind == "pkcs11" and not (self.key_label or self.key_id):
            raise ValueError(f"signing key {self.name}: key_label or key_id is needed")
        if self.kind == "deferred" and not (self.units or self.certificate_sha256):
            raise ValueError(f"signing key {self.name}: whose is it? units or certificate_sha256 is needed")
        if (self.pin == "file") != bool(self.pin_file or self.pin_credential):
            raise ValueError(f"signing key {self.name}: pin = 'file' goes with pin_file or pin_credential")
        if self.url.startswith("http://") and not self.url.startswith(("http://127.0.0.1", "http://localhost")):
            raise ValueError(f"signing key {self.name}: a signing service beyond this machine needs https")
        return self


class Signing(Section):
    level: Literal["B-B", "B-T", "B-LT", "B-LTA"] = "B-LTA"
    key_file: Path = Path("keys/agency.p12")
    passphrase: SecretStr | None = None
    passphrase_file: Path | None = Path("keys/agency.passphrase")
    tsa: Literal["development"] | str = "development"
    """`development`: the development authority in this process; else the address of an RFC 3161 TSA."""
    tsa_patience_s: PositiveFloat = 20.0
    """So long signing waits for the TSA; what it withholds is added later, with more patience."""
    renew_days: PositiveInt = 120
    """Timestamps are renewed so many days before they end: before the alarm at 90."""
    trust: Path = Path("keys/trust")
    """Folder of PEM trust anchors."""
    stamp_font: Path = Path("/usr/share/fonts/truetype/croscore/Tinos-Regular.ttf")
    keys: tuple[SigningKeySettings, ...] = ()
    """Several keys, by unit and role; `key_file` then signs for nobody."""
    appearance: Literal["nd30", "tt02"] = "nd30"
    """The agency's stamp on page 1: words alone (NĐ 30/2020/NĐ-CP), or the seal as well (TT 02/2019/TT-BNV)."""
    seal_image: Path | None = None
    """tt02: PNG of the seal, red on a transparent ground."""
    seal_width_mm: PositiveFloat = 36.0
    """tt02: how wide the seal is in truth; it is shown in that size."""
    official_mark: bool = False
    """Whether the official's signature is seen, by name and time, below the agency's stamp."""

    @model_validator(mode="after")
    def _seal_is_there(self) -> Self:
        if self.appearance == "tt02" and self.seal_image is None:
            raise ValueError("signing.appearance = 'tt02' needs signing.seal_image")
        return self

    @model_validator(mode="after")
    def _one_key_each(self) -> Self:
        names = [key.name for key in self.keys]
        if len(set(names)) < len(names):
            raise ValueError("two signing keys have one name")
        places = [(key.role, unit) for key in self.keys for unit in (key.units or ("",))]
        if twice := {f"{role} {unit}".strip() for role, unit in places if places.count((role, unit)) > 1}:
            raise ValueError(f"two signing keys for {', '.join(sorted(twice))}")
        return self


class Web(Section):
    host: str = "127.0.0.1"
    port: int = Field(default=8765, ge=0, le=65535)
    session_hours: PositiveInt = 9


class Registry(Section):
    url: str = ""
    """SQLAlchemy address, `postgresql+psycopg://user@host/database`; empty: `registry.sqlite` in the home."""
    password: SecretStr | None = None
    password_file: Path | None = None
    backup_days: PositiveInt = 35
    """The daily backup in the archive cannot be removed for so many days, and is removed after them."""


class Store(Section):
    """A home of archived bytes: a folder, or a bucket of any S3 service whose object lock is in force."""

    kind: Literal["folder", "s3"] = "folder"
    folder: Path | None = None
    """Empty: `folders.archive`."""
    endpoint: str = ""
    """Host and port of the S3 service, without a scheme."""
    secure: bool = True
    ca_file: Path | None = None
    region: str = "us-east-1"
    bucket: str = ""
    access_key: str = ""
    secret_key: SecretStr | None = None
    secret_key_file: Path | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "s3" and not (self.endpoint and self.bucket and self.access_key):
            raise ValueError("an S3 store needs endpoint, bucket and access_key")
        return self


class Index(Section):
    kind: Literal["tantivy", "elasticsearch"] = "tantivy"
    urls: tuple[str, ...] = ()
    prefix: str = "sohoa"
    """Indices are called `<prefix>-v<schema>-<time>`, the alias in use `<prefix>`."""
    ca_file: Path | None = None
    user: str = ""
    password: SecretStr | None = None
    password_file: Path | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "elasticsearch" and not self.urls:
            raise ValueError("an Elasticsearch index needs urls")
        return self


class Log(Section):
    format: Literal["text", "json"] = "text"


class Settings(BaseSettings):
    """Everything an installation is told. Read once by `app`, handed down as values."""

    model_config = SettingsConfigDict(env_prefix="SOHOA_", env_nested_delimiter="__", frozen=True, extra="forbid")

    home: Path
    demo: bool = False
    """A demonstration: development CA, in-process TSA, one-time passwords printed."""
    instance: str = "main"
    """Names this executor to the workflow engine; the same after every restart."""
    folders: Folders = Folders()
    intake: Intake = Intake()
    workers: Workers = Workers()
    reading: Reading = Reading()
    review: Review = Review()
    signing: Signing = Signing()
    web: Web = Web()
    registry: Registry = Registry()
    archive: Store = Store()
    replica: Store | None = None
    """A second home that `sohoa archive replicate` fills."""
    index: Index = Index()
    log: Log = Log()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings

    @model_validator(mode="after")
    def _no_contradictions(self) -> Self:
        inbox = self.path(self.folders.inbox)
        for name in ("done", "quarantine", "work", "archive", "index", "keys"):
            other = self.path(getattr(self.folders, name))
            if other == inbox or inbox in other.parents or other in inbox.parents:
                raise ValueError(f"folders.{name} and folders.inbox must not contain each other")
        if (
            not self.demo
            and self.signing.tsa == "development"
            and self.web.host not in ("127.0.0.1", "::1", "localhost")
        ):
            raise ValueError("signing.tsa = 'development' is for demonstrations and tests; name an RFC 3161 TSA")
        return self

    def path(self, path: Path) -> Path:
        """The absolute place of a configured path."""
        return (self.home / path).resolve()

    @property
    def registry_url(self) -> str:
        """The registry's address, its password filled in. Raises SettingsInvalid."""
        if not self.registry.url:
            return f"sqlite:///{self.home / 'registry.sqlite'}"
        from sqlalchemy.engine import make_url  # noqa: PLC0415 a tenth of a second, for those alone who ask for it

        password = self.secret(self.registry.password, self.registry.password_file)
        url = make_url(self.registry.url)
        return (url.set(password=password) if password else url).render_as_string(hide_password=False)

    def secret(self, value: SecretStr | None, file: Path | None) -> str | None:
        """The secret given, or the one in the file. Raises SettingsInvalid for a file that cannot be read, and outside
        a demonstration for a secret that everybody knows."""
        try:
            found = value.get_secret_value() if value else self.path(file).read_text().strip() if file else None
        except OSError as exc:
            raise SettingsInvalid(f"a secret cannot be read from {file}") from exc
        if found is not None and found.lower() in KNOWN_TO_ALL and not self.demo:
            raise SettingsInvalid("a secret is one that everybody knows; choose another")
        return found


def load_settings(home: Path) -> Settings:
    """Settings of the installation in `home`, from its sohoa.toml and the environment.

    Raises SettingsInvalid when a key is unknown, a value has the wrong type, two values contradict each other,
    or there is no installation in `home`.
    """
    file = home / "sohoa.toml"
    if not file.exists():
        raise SettingsInvalid(f"no installation in {home}: there is no sohoa.toml; make one with `sohoa init`")
    return load_settings_file(home, file)


def load_settings_file(home: Path, file: Path) -> Settings:
    """Settings for the installation in `home` as `file` tells them, below the environment. Raises SettingsInvalid."""
    try:
        told: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        return Settings(**{**told, "home": home.resolve()})
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsInvalid(f"{file} cannot be read") from exc
    except (tomllib.TOMLDecodeError, ValidationError) as exc:
        raise SettingsInvalid(f"{file}: {exc}") from exc
