"""The root of all errors that sohoa raises on purpose; the tree is drawn in registry/errors.py."""

from __future__ import annotations

from typing import ClassVar


class SohoaError(Exception):
    """str() is for the log, in English and free of personal data; the operator's sentence is looked up by code."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False


class SettingsInvalid(SohoaError):
    """Settings or catalogue are wrong or contradict themselves; nothing was started."""

    code = "settings-invalid"
