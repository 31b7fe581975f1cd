"""Local accounts: argon2 hashes, roles bound to units, sessions known only by the digest of their token."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from functools import lru_cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import Connection, delete, insert, select, update

from registry.concurrent import insert_missing
from registry.errors import Conflict, NotAllowed, NotFound
from registry.reads import Purpose, Why
from registry.tables import sessions, users
from registry.values import Role, Value, utc_now

LEAST_PASSWORD = 10
_hasher = PasswordHasher()


class UserRow(Value):
    """An account. unit is None only for roles that see every unit. must_change: the password was given by somebody."""

    username: str
    full_name: str
    role: Role
    unit: str | None
    must_change: bool
    disabled: bool


class Session(Value):
    """A login that has not expired; csrf goes with every form. mark: tells sessions apart, and is worth nothing else.
    purpose: what documents are read for, once it was said."""

    user: UserRow
    csrf: str
    mark: str
    purpose: Purpose | None = None


def add_user(
    conn: Connection,
    *,
    username: str,
    password: str,
    role: Role,
    unit: str | None,
    full_name: str = "",
    must_change: bool = True,
) -> None:
    """The account exists. Raises Conflict when the name is taken, NotAllowed for a password that is too short."""
    _require_strength(password)
    made = insert_missing(
        conn,
        users,
        ("username",),
        {
            "username": username,
            "full_name": full_name,
            "password_hash": _hasher.hash(password),
            "role": role,
            "unit": unit,
            "must_change": must_change,
            "disabled": False,
            "created_at": utc_now().isoformat(timespec="microseconds"),
        },
    )
    if not made:
        raise Conflict(f"account {username} exists")


def verify_password(conn: Connection, username: str, password: str) -> UserRow | None:
    """The account when name and password fit and it is not disabled; takes as long for an unknown name."""
    row = conn.execute(select(users).where(users.c.username == username)).first()
    try:
        _hasher.verify(row.password_hash if row else _nobody(), password)
    except (VerifyMismatchError, InvalidHashError):
        return None
    return _row(row) if row and not row.disabled else None


def change_password(conn: Connection, username: str, password: str) -> None:
    """The password is this one and need not be changed again; all sessions of the account have ended."""
    _require_strength(password)
    conn.execute(
        update(users)
        .where(users.c.username == username)
        .values(password_hash=_hasher.hash(password), must_change=False)
    )
    conn.execute(delete(sessions).where(sessions.c.username == username))


def get(conn: Connection, username: str) -> UserRow:
    """Raises NotFound."""
    row = conn.execute(select(users).where(users.c.username == username)).first()
    if row is None:
        raise NotFound(f"no account {username}")
    return _row(row)


def list_users(conn: Connection) -> list[UserRow]:
    """By name."""
    return [_row(row) for row in conn.execute(select(users).order_by(users.c.username))]


def open_session(conn: Connection, username: str, hours: int) -> str:
    """A new secret token for the cookie; the registry keeps only its SHA-256."""
    token, now = secrets.token_urlsafe(32), utc_now()
    conn.execute(delete(sessions).where(sessions.c.expires_at < now.isoformat(timespec="microseconds")))
    conn.execute(
        insert(sessions).values(
            token_sha256=_digest(token),
            username=username,
            csrf=secrets.token_urlsafe(32),
            created_at=now.isoformat(timespec="microseconds"),
            expires_at=(now + timedelta(hours=hours)).isoformat(timespec="microseconds"),
        )
    )
    return token


def session(conn: Connection, token: str) -> Session | None:
    """The session of a token, None when it is unknown, has expired, or its account is disabled."""
    query = (
        select(users, sessions.c.csrf, sessions.c.expires_at, sessions.c.why, sessions.c.dossier_code)
        .join(sessions, sessions.c.username == users.c.username)
        .where(sessions.c.token_sha256 == _digest(token))
    )
    row = conn.execute(query).first()
    if row is None or row.disabled or row.expires_at < utc_now().isoformat(timespec="microseconds"):
        return None
    purpose = Purpose(why=Why(row.why), dossier=row.dossier_code) if row.why else None
    return Session(user=_row(row), csrf=row.csrf, mark=_digest(token)[:8], purpose=purpose)


def keep_purpose(conn: Connection, token: str, purpose: Purpose) -> None:
    """From now on documents are read for this in the token's session."""
    told = {"why": purpose.why.value, "dossier_code": purpose.dossier}
    conn.execute(update(sessions).where(sessions.c.token_sha256 == _digest(token)).values(**told))


def close_session(conn: Connection, token: str) -> None:
    """The token is worth nothing any more."""
    conn.execute(delete(sessions).where(sessions.c.token_sha256 == _digest(token)))


def one_time_password() -> str:
    """A password to be printed once and changed at the first login."""
    return secrets.token_urlsafe(9)


def _require_strength(password: str) -> None:
    if len(password) < LEAST_PASSWORD:
        raise NotAllowed(f"a password has at least {LEAST_PASSWORD} characters")


@lru_cache
def _nobody() -> str:
    return _hasher.hash(secrets.token_urlsafe(16))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _row(row: Any) -> UserRow:
    return UserRow(
        username=row.username,
        full_name=row.full_name,
        role=row.role,
        unit=row.unit,
        must_change=row.must_change,
        disabled=row.disabled,
    )
