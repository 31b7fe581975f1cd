"""Fixtures that several rooms of tests share."""

from __future__ import annotations

from hypothesis import settings

from tests.desk import desk

# how long an example takes says how busy the machine is, not whether the code is right
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")

__all__ = ["desk"]
