"""All tables of the registry, for SQLite and PostgreSQL alike (SQLAlchemy Core).

Instants are stored as ISO 8601 text with microseconds and +00:00, so that both databases sort and compare them
alike; days as YYYY-MM-DD. Migrations in `migrations/` must lead to exactly this.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

units = Table(
    "units",
    metadata,
    Column("code", String(35), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("level", String(30), nullable=False),
    Column("parent", String(35)),
    Column("inbox", String(100), nullable=False),
)
"""A copy of the catalogue's units in force, for joins; written at start."""

dossiers = Table(
    "dossiers",
    metadata,
    Column("code", String(60), primary_key=True),
    Column("unit", String(35), nullable=False),
    Column("procedure", String(40)),
    Column("applicant_name", String(200)),
    Column("applicant_id", String(12)),
    Column("channel", String(20)),
    Column("status", String(20), nullable=False, default="received"),
    Column("official", String(100)),
    Column("received_on", String(10)),
    Column("due_on", String(10)),
    Column("resolved_on", String(10)),
    Column("imported_at", String(32)),
    Index("ix_dossiers_unit_resolved", "unit", "resolved_on"),
    Index("ix_dossiers_applicant", "applicant_id"),
)
"""status: received | processing | resolved | returned | withdrawn | stopped."""

scans = Table(
    "scans",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("claim_key", String(200), nullable=False, unique=True),
    Column("sha256", String(64), nullable=False),
    Column("unit", String(35), nullable=False),
    Column("dossier_code", String(60)),
    Column("component_code", String(50)),
    Column("source_path", Text, nullable=False),
    Column("file_name", String(300), nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("media_type", String(60)),
    Column("page_count", Integer),
    Column("warnings", JSON, nullable=False, default=list),
    Column("state", String(20), nullable=False),
    Column("staged_path", Text),
    Column("error_code", String(40)),
    Column("received_at", String(32), nullable=False),
    Column("claimed_by", String(100), nullable=False),
    Column("updated_at", String(32), nullable=False),
    Column("attempt", Integer, nullable=False, default=1),
    Column("priority", Integer, nullable=False, default=0, server_default="0"),
    Index("ix_scans_state", "state", "priority", "received_at"),
    Index("ix_scans_unit_state", "unit", "state"),
    Index("ix_scans_sha256", "sha256"),
    Index("ix_scans_updated_at", "updated_at"),
)
"""One row per input file. priority: 0 for the desk, higher numbers wait behind it.

claim_key = sha256|unit|dossier|component: the durable claim that makes intake happen once.
file_name is NFC and shortened for display; source_path is the path at claim time, os.fsdecode'd."""

documents = Table(
    "documents",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("scan_id", String(36), ForeignKey("scans.id")),
    Column("unit", String(35), nullable=False),
    Column("dossier_code", String(60)),
    Column("component_code", String(50)),
    Column("kind", String(60)),
    Column("title", String(300), nullable=False, default=""),
    Column("number_symbol", String(60)),
    Column("issuing_agency", String(200)),
    Column("issued_on", String(10)),
    Column("state", String(20), nullable=False),
    Column("step", String(30)),
    Column("page_count", Integer),
    Column("confidence", Float),
    Column("review_reasons", JSON, nullable=False, default=list),
    Column("original_sha256", String(64), nullable=False),
    Column("pdf_sha256", String(64)),
    Column("signature_level", String(6)),
    Column("retention_class", String(30)),
    Column("created_at", String(32), nullable=False),
    Column("approved_by", String(100)),
    Column("approved_at", String(32)),
    Column("signed_at", String(32)),
    Column("archived_at", String(32)),
    Column("indexed_at", String(32)),
    Column("withdrawn_at", String(32)),
    Column("withdrawn_why", String(300)),
    Column("replaced_by", String(36)),
    Column("verdict", String(20)),
    Column("verdict_at", String(32)),
    Column("error_code", String(40)),
    Column("attempt", Integer, nullable=False, default=1),
    Column("updated_at", String(32), nullable=False),
    Index("ix_documents_unit_state", "unit", "state"),
    Index("ix_documents_dossier", "dossier_code"),
    Index("ix_documents_state", "state", "created_at"),
    Index("ix_documents_scan_id", "scan_id"),
    Index("ix_documents_updated_at", "updated_at"),
    Index("ix_documents_indexed_at", "indexed_at", "archived_at"),
    Index("ix_documents_original", "original_sha256"),
)
"""verdict: the last validation's, with its instant; what is decided on it is validated anew."""

fields = Table(
    "fields",
    metadata,
    Column("document_id", String(36), ForeignKey("documents.id"), primary_key=True),
    Column("name", String(60), primary_key=True),
    Column("value", Text, nullable=False),
    Column("raw_text", Text, nullable=False, default=""),
    Column("confidence", Float, nullable=False),
    Column("page_index", Integer),
    Column("box", JSON),
    Column("method", String(20), nullable=False),
    Column("confirmed_by", String(100)),
)

people = Table(
    "people",
    metadata,
    Column("document_id", String(36), ForeignKey("documents.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("role", String(30), nullable=False, default=""),
    Column("full_name", String(200)),
    Column("id_number", String(12)),
    Column("date_of_birth", String(10)),
    Column("evidence", JSON, nullable=False, default=dict),
    Index("ix_people_id_number", "id_number"),
)
"""evidence: the registry.values.Person as JSON, with confidences and boxes."""

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("document_id", String(36), ForeignKey("documents.id"), nullable=False),
    Column("type", String(60), nullable=False),
    Column("at", String(32), nullable=False),
    Column("agent", String(100), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("detail", JSON, nullable=False, default=dict),
    UniqueConstraint("document_id", "type", "at"),
)
"""PREMIS-like events of a document; those up to archiving are also in the AIP's events.json."""

reuse_events = Table(
    "reuse_events",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("document_id", String(36), ForeignKey("documents.id"), nullable=False),
    Column("dossier_code", String(60), nullable=False),
    Column("component_code", String(50), nullable=False),
    Column("unit", String(35), nullable=False),
    Column("actor", String(100), nullable=False),
    Column("at", String(32), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("verdict", String(20), nullable=False),
    Column("pdf_sha256", String(64), nullable=False),
    Column("result_code", String(40)),
    UniqueConstraint("document_id", "dossier_code", "component_code", "outcome"),
)
"""outcome: reused | previewed | refused."""

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("scan_id", String(36)),
    Column("unit", String(35), nullable=False),
    Column("file_name", String(300), nullable=False),
    Column("kept_path", Text, nullable=False),
    Column("sha256", String(64)),
    Column("size_bytes", Integer),
    Column("code", String(40), nullable=False),
    Column("detail", Text, nullable=False, default=""),
    Column("at", String(32), nullable=False),
    Column("resolved_at", String(32)),
    Column("resolution", String(30)),
    Index("ix_quarantine_resolved_at", "resolved_at"),
)
"""resolution: retried | discarded."""

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("actor", String(100), nullable=False),
    Column("action", String(60), nullable=False),
    Column("subject", String(100), nullable=False),
    Column("unit", String(35)),
    Column("detail", JSON, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
"""hash = SHA-256 over previous and the canonical JSON of the row; seq has no gaps."""

users = Table(
    "users",
    metadata,
    Column("username", String(60), primary_key=True),
    Column("full_name", String(200), nullable=False, default=""),
    Column("password_hash", String(200), nullable=False),
    Column("role", String(20), nullable=False),
    Column("unit", String(35)),
    Column("must_change", Boolean, nullable=False, default=False),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("created_at", String(32), nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("username", String(60), ForeignKey("users.username"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("expires_at", String(32), nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("instance", String(100), primary_key=True),
    Column("role", String(20), nullable=False),
    Column("host", String(100), nullable=False),
    Column("version", String(30), nullable=False),
    Column("state", String(20), nullable=False),
    Column("beat", Integer, nullable=False, default=0),
    Column("started_at", String(32), nullable=False),
    Column("seen_at", String(32), nullable=False),
)
"""Processes at work. state: working | draining | stopped | lost. A beat that stands still by the watcher's own steady
clock is death; seen_at is for people only, since clocks jump."""

facts = Table(
    "facts",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("value", JSON, nullable=False),
    Column("at", String(32), nullable=False),
)
"""What the installation knows of itself: its id, the last reconciliation, the last backup."""
