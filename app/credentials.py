"""The one-time password of a new account."""

from __future__ import annotations

from registry.values import Role, Value


class Credentials(Value):
    """An account with its one-time password; shown once."""

    username: str
    password: str
    role: Role
