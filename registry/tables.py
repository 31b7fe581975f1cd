"""All tables of the registry, for SQLite and PostgreSQL alike (SQLAlchemy Core).

Instants are stored as ISO 8601 text with microseconds and +00:00, so that both databases sort and compare them
alike; days as YYYY-MM-DD. Migrations in `migrations/` must lead to exactly this.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    false,
    text,
)

from registry.text import Exact, FilePath, LongText, Shortened

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_LARGE = BigInteger().with_variant(Integer, "sqlite")
"""A file may be larger than 2 GiB; SQLite's integers hold that anyway."""

units = Table(
    "units",
    metadata,
    Column("code", Exact(35), primary_key=True),
    Column("name", Shortened(200), nullable=False),
    Column("level", Exact(30), nullable=False),
    Column("parent", Exact(35)),
    Column("inbox", Shortened(100), nullable=False),
)
"""A copy of the catalogue's units in force, for joins; written at start."""

dossiers = Table(
    "dossiers",
    metadata,
    Column("code", Exact(60), primary_key=True),
    Column("unit", Exact(35), nullable=False),
    Column("procedure", Exact(40)),
    Column("applicant_name", Shortened(200)),
    Column("applicant_id", Exact(12)),
    Column("channel", Shortened(20)),
    Column("status", Exact(20), nullable=False, default="received"),
    Column("official", Shortened(100)),
    Column("received_on", Exact(10)),
    Column("due_on", Exact(10)),
    Column("resolved_on", Exact(10)),
    Column("imported_at", Exact(32)),
    Index("ix_dossiers_unit_resolved", "unit", "resolved_on"),
    Index("ix_dossiers_unit_received", "unit", "received_on"),
    Index("ix_dossiers_applicant", "applicant_id"),
)
"""status: received | processing | resolved | returned | withdrawn | stopped."""

scans = Table(
    "scans",
    metadata,
    Column("id", Exact(36), primary_key=True),
    Column("claim_key", Exact(200), nullable=False, unique=True),
    Column("sha256", Exact(64), nullable=False),
    Column("unit", Exact(35), nullable=False),
    Column("dossier_code", Exact(60)),
    Column("component_code", Exact(50)),
    Column("source_path", FilePath(), nullable=False),
    Column("file_name", Shortened(300), nullable=False),
    Column("size_bytes", _LARGE, nullable=False),
    Column("media_type", Shortened(60)),
    Column("page_count", Integer),
    Column("warnings", JSON, nullable=False, default=list),
    Column("quality", JSON(none_as_null=True)),
    Column("split", JSON(none_as_null=True)),
    Column("copied", JSON(none_as_null=True)),
    Column("state", Exact(20), nullable=False),
    Column("staged_path", FilePath()),
    Column("error_code", Exact(40)),
    Column("received_at", Exact(32), nullable=False),
    Column("claimed_by", Shortened(100), nullable=False),
    Column("updated_at", Exact(32), nullable=False),
    Column("attempt", Integer, nullable=False, default=1),
    Column("priority", Integer, nullable=False, default=0, server_default="0"),
    Index("ix_scans_state", "state", "priority", "received_at"),
    Index("ix_scans_unit_state", "unit", "state"),
    Index("ix_scans_sha256", "sha256"),
    Index("ix_scans_updated_at", "updated_at"),
    Index("ix_scans_unit_updated_at", "unit", "updated_at"),
)
"""One row per input file. priority: 0 for the desk, higher numbers wait behind it. quality: registry.values.ScanQuality
as JSON, of the pages looked at so far. split: registry.values.Split as JSON, once the pages were read: it stands from
then on. copied: registry.values.CopyOf as JSON, of pages of a record that were taken as an extract.

claim_key = sha256|unit|dossier|component: the durable claim that makes intake happen once. sha256: of a scan made of
two passes, that of the collated file; before that is made, and in the claim_key, registry.scans.pair_digest.
file_name is NFC and shortened for display; source_path is the path at claim time."""

passes = Table(
    "passes",
    metadata,
    Column("scan_id", Exact(36), ForeignKey("scans.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("sha256", Exact(64), nullable=False),
    Column("size_bytes", _LARGE, nullable=False),
    Column("source_path", FilePath(), nullable=False),
    Column("file_name", Shortened(300), nullable=False),
    Column("in_reverse", Boolean, nullable=False, default=False, server_default=false()),
    Index("ix_passes_sha256", "sha256"),
)
"""The two files of a scan made by a scanner that sees one side: number 1 has the fronts, 2 the backs. in_reverse: its
pages come in reverse order, as the stack was turned over as a whole."""

_UNINDEXED = text("indexed_at IS NULL")

documents = Table(
    "documents",
    metadata,
    Column("id", Exact(36), primary_key=True),
    Column("scan_id", Exact(36), ForeignKey("scans.id")),
    Column("unit", Exact(35), nullable=False),
    Column("dossier_code", Exact(60)),
    Column("component_code", Exact(50)),
    Column("kind", Shortened(60)),
    Column("title", Shortened(300), nullable=False, default=""),
    Column("number_symbol", Shortened(60)),
    Column("issuing_agency", Shortened(200)),
    Column("issued_on", Exact(10)),
    Column("state", Exact(20), nullable=False),
    Column("step", Exact(30)),
    Column("page_count", Integer),
    Column("part", Integer, nullable=False, default=0, server_default="0"),
    Column("pages", JSON(none_as_null=True)),
    Column("confidence", Float),
    Column("review_reasons", JSON, nullable=False, default=list),
    Column("original_sha256", Exact(64), nullable=False),
    Column("pdf_sha256", Exact(64)),
    Column("signature_level", Exact(6)),
    Column("retention_class", Exact(30)),
    Column("retain_until", Exact(10)),
    Column("held_at", Exact(32)),
    Column("held_by", Shortened(100)),
    Column("held_why", Shortened(300)),
    Column("created_at", Exact(32), nullable=False),
    Column("approved_by", Shortened(100)),
    Column("approved_at", Exact(32)),
    Column("signed_at", Exact(32)),
    Column("archived_at", Exact(32)),
    Column("indexed_at", Exact(32)),
    Column("disposed_at", Exact(32)),
    Column("withdrawn_at", Exact(32)),
    Column("withdrawn_why", Shortened(300)),
    Column("replaced_by", Exact(36)),
    Column("verdict", Exact(20)),
    Column("verdict_at", Exact(32)),
    Column("error_code", Exact(40)),
    Column("attempt", Integer, nullable=False, default=1),
    Column("arrived", JSON(none_as_null=True)),
    Column("copied", JSON(none_as_null=True)),
    Column("copied_from", Exact(36)),
    Column("renew_by", Exact(10)),
    Column("renew_policy", Exact(20)),
    Column("level_why", Exact(60)),
    Column("level_tries", Integer, nullable=False, default=0, server_default="0"),
    Column("level_after", Exact(32)),
    Column("updated_at", Exact(32), nullable=False),
    Index("ix_documents_unit_state", "unit", "state"),
    Index("ix_documents_dossier", "dossier_code"),
    Index("ix_documents_state", "state", "created_at"),
    Index("ix_documents_scan_id", "scan_id"),
    Index("ix_documents_updated_at", "updated_at"),
    Index("ix_documents_unit_updated_at", "unit", "updated_at"),
    Index("ix_documents_archived_at", "archived_at"),
    Index("ix_documents_unindexed", "archived_at", sqlite_where=_UNINDEXED, postgresql_where=_UNINDEXED),
    Index("ix_documents_original", "original_sha256"),
    Index("ix_documents_retain_until", "retain_until"),
    Index("ix_documents_copied_from", "copied_from"),
    Index("ix_documents_renew_by", "renew_by"),
    Index("ix_documents_renew_policy", "renew_policy", "signature_level"),
    Index("ix_documents_level", "signature_level", "level_after"),
)
"""retain_until: the last day on which nothing may remove it, 9999-12-31 for ever, null where the archive was not asked
yet. held_*: the legal hold on it, if any. disposed_at: removed by a decision; what it said is gone from here too.
verdict: the last validation's, with its instant; what is decided on it is validated anew. part: its place among the
documents of the scan. pages: those of the scan that are its own, from 0; null for all of them. arrived:
registry.values.Arrived as JSON, of a document that came signed. copied: what kind of copy it is (registry.values.CopyOf
as JSON), once it was decided; copied_from: the record that an extract was made from. renew_by: the day on which the
newest timestamp ends, by the edition renew_policy of the signature policy. level_why, level_tries, level_after: what
hindered the signature from its level or the timestamp from its renewal, how often, and when it is tried again
(registry.levels)."""

fields = Table(
    "fields",
    metadata,
    Column("document_id", Exact(36), ForeignKey("documents.id"), primary_key=True),
    Column("name", Exact(60), primary_key=True),
    Column("value", LongText(), nullable=False),
    Column("raw_text", LongText(), nullable=False, default=""),
    Column("confidence", Float, nullable=False),
    Column("page_index", Integer),
    Column("box", JSON),
    Column("method", Exact(20), nullable=False),
    Column("confirmed_by", Shortened(100)),
)

people = Table(
    "people",
    metadata,
    Column("document_id", Exact(36), ForeignKey("documents.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("role", Shortened(30), nullable=False, default=""),
    Column("full_name", Shortened(200)),
    Column("id_number", Exact(12)),
    Column("date_of_birth", Exact(10)),
    Column("evidence", JSON, nullable=False, default=dict),
    Index("ix_people_id_number", "id_number"),
)
"""evidence: the registry.values.Person as JSON, with confidences and boxes."""

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("document_id", Exact(36), ForeignKey("documents.id"), nullable=False),
    Column("type", Exact(60), nullable=False),
    Column("at", Exact(32), nullable=False),
    Column("agent", Shortened(100), nullable=False),
    Column("outcome", Exact(20), nullable=False),
    Column("detail", JSON, nullable=False, default=dict),
    UniqueConstraint("document_id", "type", "at"),
)
"""PREMIS-like events of a document; those up to archiving are also in the AIP's events.json."""

reuse_events = Table(
    "reuse_events",
    metadata,
    Column("id", Exact(36), primary_key=True),
    Column("document_id", Exact(36), ForeignKey("documents.id"), nullable=False),
    Column("dossier_code", Exact(60), nullable=False),
    Column("component_code", Exact(50), nullable=False),
    Column("unit", Exact(35), nullable=False),
    Column("actor", Shortened(100), nullable=False),
    Column("at", Exact(32), nullable=False),
    Column("outcome", Exact(20), nullable=False),
    Column("verdict", Exact(20), nullable=False),
    Column("pdf_sha256", Exact(64), nullable=False),
    Column("result_code", Exact(40)),
    UniqueConstraint("document_id", "dossier_code", "component_code", "outcome"),
    Index("ix_reuse_events_dossier", "dossier_code", "outcome"),
)
"""outcome: reused | previewed | refused."""

signing_requests = Table(
    "signing_requests",
    metadata,
    Column("id", Exact(36), primary_key=True),
    Column("document_id", Exact(36), ForeignKey("documents.id"), nullable=False),
    Column("unit", Exact(35), nullable=False),
    Column("role", Exact(20), nullable=False),
    Column("state", Exact(20), nullable=False),
    Column("asked_by", Shortened(100), nullable=False),
    Column("certificate_sha256", Exact(64), nullable=False),
    Column("source_sha256", Exact(64), nullable=False),
    Column("prepared", LongText(), nullable=False),
    Column("prepared_at", Exact(32), nullable=False),
    Column("expires_at", Exact(32), nullable=False),
    Column("answer", LongText()),
    Column("answered_by", Shortened(100)),
    Column("answered_at", Exact(32)),
    Column("error_code", Exact(40)),
    Index("ix_signing_requests_document", "document_id", "role", "state"),
)
"""Signatures asked of officials whose keys lie with them. state: open | answered | used | void. source_sha256: of the
file that was prepared for signing. prepared, answer: signing.deferred.Prepared and Answer as JSON."""

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Exact(36), primary_key=True),
    Column("scan_id", Exact(36)),
    Column("document_id", Exact(36)),
    Column("unit", Shortened(35), nullable=False),
    Column("file_name", Shortened(300), nullable=False),
    Column("kept_path", FilePath(), nullable=False),
    Column("sha256", Exact(64)),
    Column("size_bytes", _LARGE),
    Column("code", Exact(40), nullable=False),
    Column("detail", LongText(), nullable=False, default=""),
    Column("at", Exact(32), nullable=False),
    Column("resolved_at", Exact(32)),
    Column("resolution", Exact(30)),
    Index("ix_quarantine_resolved_at", "resolved_at"),
    Index("ix_quarantine_document_id", "document_id"),
)
"""resolution: retried | discarded. document_id: of a refused part, whose scan goes on without it."""

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Exact(32), nullable=False),
    Column("actor", Exact(100), nullable=False),
    Column("action", Exact(60), nullable=False),
    Column("subject", Exact(100), nullable=False),
    Column("unit", Exact(35)),
    Column("detail", JSON, nullable=False),
    Column("previous", Exact(64), nullable=False),
    Column("hash", Exact(64), nullable=False),
    Index("ix_audit_subject", "subject", "action"),
    Index("ix_audit_action", "action", "at"),
)
"""hash = SHA-256 over the canonical JSON of the row, previous in it (registry.chain); seq has no gaps."""

users = Table(
    "users",
    metadata,
    Column("username", Exact(60), primary_key=True),
    Column("full_name", Shortened(200), nullable=False, default=""),
    Column("password_hash", Exact(200), nullable=False),
    Column("role", Exact(20), nullable=False),
    Column("unit", Exact(35)),
    Column("must_change", Boolean, nullable=False, default=False),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("created_at", Exact(32), nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_sha256", Exact(64), primary_key=True),
    Column("username", Exact(60), ForeignKey("users.username"), nullable=False),
    Column("csrf", Exact(64), nullable=False),
    Column("created_at", Exact(32), nullable=False),
    Column("expires_at", Exact(32), nullable=False),
    Column("why", Exact(20)),
    Column("dossier_code", Exact(60)),
)
"""why, dossier_code: what documents are read for until something else is said (registry.reads.Purpose)."""

workers = Table(
    "workers",
    metadata,
    Column("instance", Exact(100), primary_key=True),
    Column("role", Exact(20), nullable=False),
    Column("host", Shortened(100), nullable=False),
    Column("version", Shortened(30), nullable=False),
    Column("state", Exact(20), nullable=False),
    Column("beat", Integer, nullable=False, default=0),
    Column("started_at", Exact(32), nullable=False),
    Column("seen_at", Exact(32), nullable=False),
)
"""Processes at work. state: working | draining | stopped | lost. A beat that stands still by the watcher's own steady
clock is death; seen_at is for people only, since clocks jump."""

facts = Table(
    "facts",
    metadata,
    Column("name", Exact(60), primary_key=True),
    Column("value", JSON, nullable=False),
    Column("at", Exact(32), nullable=False),
)
"""What the installation knows of itself: its id, the last reconciliation, the last backup."""

_DAMAGED = text("findings IS NOT NULL")

fixity = Table(
    "fixity",
    metadata,
    Column("root", Exact(200), primary_key=True),
    Column("since", Exact(32), nullable=False),
    Column("checked_at", Exact(32)),
    Column("findings", JSON(none_as_null=True)),
    Column("bytes_read", _LARGE, nullable=False, default=0),
    Index("ix_fixity_since", "since"),
    Index("ix_fixity_checked_at", "checked_at"),
    Index("ix_fixity_damaged", "since", sqlite_where=_DAMAGED, postgresql_where=_DAMAGED),
)
"""Objects of the archive by their OCFL prefix, and when every byte of each was last read and compared. since: that
instant or, before the first check, when the object was first seen. findings: of the last check; null: nothing wrong."""

disposals = Table(
    "disposals",
    metadata,
    Column("id", Exact(36), primary_key=True),
    Column("basis", Shortened(300), nullable=False),
    Column("state", Exact(20), nullable=False),
    Column("proposed_by", Shortened(100), nullable=False),
    Column("proposed_at", Exact(32), nullable=False),
    Column("decided_by", Shortened(100)),
    Column("decided_at", Exact(32)),
    Column("why", Shortened(300)),
    Column("done_at", Exact(32)),
    Index("ix_disposals_state", "state"),
)
"""Decisions of two people to remove records. state: proposed | approved | refused | done. why: of a refusal."""

disposal_items = Table(
    "disposal_items",
    metadata,
    Column("disposal_id", Exact(36), ForeignKey("disposals.id"), primary_key=True),
    Column("document_id", Exact(36), primary_key=True),
    Column("state", Exact(20), nullable=False),
    Column("reason", Exact(40)),
    Column("told", JSON, nullable=False),
    Column("ended_at", Exact(32)),
    Index("ix_disposal_items_document", "document_id", "state"),
)
"""The records of a decision. state: pending | gone | kept, with the reason why it was kept after all. told:
registry.values.DisposedRecord as JSON: what is known of the record for good."""
