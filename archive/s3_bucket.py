"""One bucket, spoken to in plain S3: requests, and what the answers mean in our words.

The client has no parameter for conditional writes, so requests that need one are made one level below its put_object.
Servers differ in how they say things (versitygw sends its errors as text/plain): what counts is the error's code.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import certifi
import urllib3
from minio import Minio
from minio.commonconfig import COMPLIANCE
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from minio.retention import Retention

from archive.store import Content
from registry.errors import FixityMismatch, KeyNotFound, Retained, ServiceUnavailable, SettingsInvalid, SohoaError
from registry.values import utc_now

CONNECT_S, READ_S, RETRIES = 5.0, 60.0, 2
LEAST_PART = 5 << 20
"""S3 takes no smaller part but the last."""
ABSENT = frozenset({"NoSuchKey", "NoSuchVersion", "NoSuchUpload"})
UNWELCOME = frozenset(
    {
        "AccessDenied", "AccountProblem", "AllAccessDisabled", "AuthorizationHeaderMalformed", "ExpiredToken",
        "InvalidAccessKeyId", "InvalidBucketName", "InvalidToken", "NoSuchBucket", "PermanentRedirect",
        "SignatureDoesNotMatch", "XAdminUserNotFound",
    }
)  # fmt: skip
LOCKED = frozenset({"InvalidRequest", "ObjectLocked", "MethodNotAllowed"})
DIFFERENT = frozenset({"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"})
UNMET = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412"})


class ConditionUnmet(SohoaError):
    """The object is not as the request demanded: somebody else was first."""


class NotOffered(ServiceUnavailable):
    """The server does not know what the request asks for."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a server says of one version of an object; times by the server's clock."""

    etag: str
    age_s: float
    retained: bool
    until: datetime | None
    held: bool


@dataclass(frozen=True, slots=True)
class Listed:
    key: str
    version: str | None
    modified: datetime | None
    marker: bool
    """A delete marker: it hides the versions below it and holds no bytes."""


class Bucket:
    """Requests to one bucket. Safe from several threads. All raise ServiceUnavailable (no answer, or no useful one) and
    SettingsInvalid (the account or the bucket is not welcome)."""

    def __init__(
        self,
        endpoint: str,
        name: str,
        *,
        access_key: str,
        secret_key: str,
        secure: bool,
        region: str,
        ca_file: Path | None,
        part_size: int,
    ) -> None:
        pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
            maxsize=16,
            retries=urllib3.Retry(total=RETRIES, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504)),
            cert_reqs="CERT_REQUIRED",
            ca_certs=str(ca_file) if ca_file else certifi.where(),
        )
        self._client = Minio(
            endpoint, access_key=access_key, secret_key=secret_key, secure=secure, region=region, http_client=pool
        )
        self._name, self._part_size = name, max(part_size, LEAST_PART)

    def make(self) -> bool:
        """The bucket is there; True when it was made now, with object lock and so with versions."""
        with answers():
            if self._client.bucket_exists(self._name):
                return False
            self._client.make_bucket(self._name, object_lock=True)
        return True

    def require_lock(self) -> None:
        """The bucket is there, keeps versions and its object lock is in force. Raises SettingsInvalid."""
        with answers():
            if not self._client.bucket_exists(self._name):
                raise SettingsInvalid(f"there is no bucket {self._name}, or the account may not see it")
            if self._client.get_bucket_versioning(self._name).status != "Enabled":
                raise SettingsInvalid(f"bucket {self._name} keeps no versions: versioning is not on")
        try:
            with answers():
                told = self._client._execute("GET", self._name, query_params={"object-lock": ""}).data
        except SettingsInvalid:
            raise
        except (ServiceUnavailable, KeyNotFound, Retained) as exc:
            if "ObjectLockConfigurationNotFound" not in str(exc):
                raise
            told = b""
        if not re.search(rb"<ObjectLockEnabled>\s*Enabled\s*<", told):
            raise SettingsInvalid(f"bucket {self._name} has no object lock: make one with object lock enabled")

    def head(self, key: str, version: str | None = None) -> Stored | None:
        """What the server says of it; None when it is not there."""
        try:
            with answers():
                headers = self._client.stat_object(self._name, key, version_id=version).metadata or {}
        except KeyNotFound:
            return None
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else utc_now()
        told = headers.get("x-amz-object-lock-retain-until-date")
        until = datetime.fromisoformat(told) if told else None
        modified = headers.get("last-modified")
        return Stored(
            etag=headers.get("etag", ""),
            # versitygw leaves Last-Modified out of a HEAD of what is not the newest version
            age_s=(now - parsedate_to_datetime(modified)).total_seconds() if modified else 0.0,
            retained=until is not None and until > now,
            until=until,
            held=headers.get("x-amz-object-lock-legal-hold") == "ON",
        )

    def put(
        self,
        key: str,
        content: Content,
        sha256: str,
        *,
        until: datetime | None,
        condition: Mapping[str, str] | None = None,
        in_parts: bool = False,
    ) -> None:
        """The object holds these bytes, under lock until then. The server compared what it received with their digest.

        Raises ConditionUnmet, FixityMismatch, Retained (the server does not let what is there be covered), NotOffered.
        """
        headers = {"Content-Type": "application/octet-stream"}
        if until:
            headers["x-amz-object-lock-mode"] = COMPLIANCE
            headers["x-amz-object-lock-retain-until-date"] = until.strftime("%Y-%m-%dT%H:%M:%SZ")
        if in_parts or (isinstance(content, Path) and content.stat().st_size > self._part_size):
            self._put_in_parts(key, content, sha256, headers, dict(condition or {}))
            return
        body = content if isinstance(content, bytes) else content.read_bytes()
        headers |= {"Content-MD5": _md5(body), "x-amz-checksum-sha256": _base64(bytes.fromhex(sha256))}
        with answers():
            self._client._put_object(self._name, key, body, {**headers, **(condition or {})})

    def get(self, key: str) -> BinaryIO:
        """A stream of the newest version's bytes. Raises KeyNotFound; reading raises ServiceUnavailable."""
        with answers():
            return cast(BinaryIO, io.BufferedReader(_Body(self._client.get_object(self._name, key)), 1 << 16))

    def objects(self, prefix: str) -> Iterator[Listed]:
        """The objects whose keys begin so, as the server lists them."""
        yield from self._list(prefix, versions=False)

    def versions(self, prefix: str) -> Iterator[Listed]:
        """Every version and delete marker of the objects whose keys begin so."""
        yield from self._list(prefix, versions=True)

    def retain(self, key: str, until: datetime) -> None:
        """The newest version is under lock until then. Raises Retained when the server does not let the day change."""
        with answers():
            self._client.set_object_retention(self._name, key, Retention(COMPLIANCE, until))

    def hold(self, key: str, version: str | None, on: bool) -> None:
        change = self._client.enable_object_legal_hold if on else self._client.disable_object_legal_hold
        with answers():
            change(self._name, key, version)

    def delete(self, key: str, version: str | None) -> None:
        """This version is gone. Raises Retained when the server refuses."""
        try:
            with answers():
                self._client.remove_object(self._name, key, version)
        except SettingsInvalid as exc:  # AWS says AccessDenied of what is under lock, and of nothing else here
            raise Retained(f"{key}: the server refuses to remove it") from exc

    def remove_note(self, key: str) -> None:
        """An unlocked object of our own is gone; where the bucket locks everything by itself, it is hidden."""
        for listed in list(self.versions(key)):
            try:
                self.delete(listed.key, listed.version)
            except Retained:
                with suppress(Retained):
                    self.delete(listed.key, None)

    def abort_uploads(self) -> None:
        """Parts of uploads that were never completed are gone."""
        with answers():
            for upload in self._client._list_multipart_uploads(self._name).uploads:
                self._client._abort_multipart_upload(self._name, str(upload.object_name), str(upload.upload_id))

    def _put_in_parts(
        self, key: str, content: Content, sha256: str, headers: dict[str, Any], condition: dict[str, Any]
    ) -> None:
        """Each part with its MD5, the whole read once: it is completed only when that was what had been announced."""
        with answers():
            upload = self._client._create_multipart_upload(self._name, key, headers)
        try:
            digest = hashlib.sha256()
            etags: list[str] = []
            with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as stream:
                while (part := stream.read(self._part_size)) or not etags:
                    digest.update(part)
                    with answers():
                        told: dict[str, Any] = {"Content-MD5": _md5(part)}
                        etags.append(self._client._upload_part(self._name, key, part, told, upload, len(etags) + 1))
            if digest.hexdigest() != sha256:
                raise FixityMismatch(f"{key}: the file changed while it was sent")
            self._complete(key, upload, etags, condition)
        except BaseException:
            with suppress(SohoaError), answers():
                self._client._abort_multipart_upload(self._name, key, upload)
            raise

    def _complete(self, key: str, upload: str, etags: list[str], condition: dict[str, Any]) -> None:
        parts = "".join(
            f'<Part><PartNumber>{n}</PartNumber><ETag>"{etag}"</ETag></Part>' for n, etag in enumerate(etags, start=1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        headers = {"Content-Type": "application/xml", "Content-MD5": _md5(body), **condition}
        with answers():
            response = self._client._execute(
                "POST", self._name, key, body=body, headers=headers, query_params={"uploadId": upload}
            )
            if b"<Error>" in response.data:  # AWS answers 200 at once and says later whether it went well
                raise InvalidResponseError(500, "application/xml", response.data.decode(errors="replace"))

    def _list(self, prefix: str, *, versions: bool) -> Iterator[Listed]:
        with answers():
            for found in self._client._list_objects(self._name, prefix=prefix, include_version=versions):
                if found.object_name is not None:
                    yield Listed(found.object_name, found.version_id, found.last_modified, found.is_delete_marker)


class _Body(io.RawIOBase):
    """The bytes of an answer. A connection that breaks before the last one is an error, not an end."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with answers():
            chunk = self._response.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def readall(self) -> bytes:
        with answers():
            return self._response.read()

    def close(self) -> None:
        if not self.closed:
            self._response.close()
            self._response.release_conn()
        super().close()


@contextmanager
def answers() -> Iterator[None]:
    """What a request raises, in our words; keys and messages of the server stay out of it, they may hold names."""
    try:
        yield
    except S3Error as exc:
        raise _meaning(exc.code or "", exc.response.status) from exc
    except InvalidResponseError as exc:
        code = re.search(r"<Code>([A-Za-z0-9]+)</Code>", exc._body or "")
        raise _meaning(code[1] if code else "", exc._code) from exc
    except ServerError as exc:
        raise _meaning(str(exc.status_code), exc.status_code) from exc
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as exc:
        raise ServiceUnavailable(f"the S3 service does not answer: {type(exc).__name__}") from exc


def _meaning(code: str, status: int) -> SohoaError:
    told = f"the S3 service answers {code or status}"
    for kind, codes in (
        (KeyNotFound, ABSENT), (SettingsInvalid, UNWELCOME), (ConditionUnmet, UNMET), (FixityMismatch, DIFFERENT),
        (Retained, LOCKED), (NotOffered, {"NotImplemented"}),
    ):  # fmt: skip
        if code in codes:
            return kind(told)
    return ServiceUnavailable(told)


def _md5(body: bytes) -> str:
    return _base64(hashlib.md5(body, usedforsecurity=False).digest())


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
