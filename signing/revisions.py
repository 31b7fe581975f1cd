"""What came after a signature: only validation data and further signatures, or something that was not signed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import (
    DEFAULT_DIFF_POLICY,
    CatalogModificationRule,
    DiffPolicy,
    DiffResult,
    DSSCompareRule,
    ModificationLevel,
    ObjectStreamRule,
    StandardDiffPolicy,
    SuspiciousModification,
    XrefStreamRule,
)
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel

from registry.values import Value

MOST_OBJECTS = 8


class Addition(Value):
    """What a later signature drew on a page: the only place where the page may look different from the one signed.

    box: left, bottom, right, top in the page's own points. after_field: the signature that came before.
    length: bytes of the file as that one covers it.
    """

    field: str
    after_field: str
    length: int
    page_index: int
    box: tuple[float, float, float, float]


ONLY_VALIDATION_DATA = StandardDiffPolicy(
    global_rules=[
        CatalogModificationRule(ignored_keys=frozenset(("/DSS", "/Extensions"))),
        XrefStreamRule().as_qualified(ModificationLevel.LTA_UPDATES),
        ObjectStreamRule().as_qualified(ModificationLevel.LTA_UPDATES),
        DSSCompareRule().as_qualified(ModificationLevel.LTA_UPDATES),
    ],
    form_rule=None,
)
"""What may come after the last signature or timestamp: the document security store alone."""


class Changes(DiffPolicy):  # type: ignore[misc]
    """pyHanko's comparison of revisions, made once for each signature: a validation asks for it again and again."""

    def __init__(self) -> None:
        self._found: dict[int, DiffResult | SuspiciousModification] = {}

    def review_file(
        self, reader: PdfFileReader, base_revision: Any, field_mdp_spec: Any = None, doc_mdp: Any = None
    ) -> DiffResult | SuspiciousModification:
        if not isinstance(base_revision, int):
            return DEFAULT_DIFF_POLICY.review_file(reader, base_revision, field_mdp_spec, doc_mdp)
        if base_revision not in self._found:
            self._found[base_revision] = DEFAULT_DIFF_POLICY.review_file(reader, base_revision, field_mdp_spec, doc_mdp)
        return self._found[base_revision]

    def apply(self, old: Any, new: Any, field_mdp_spec: Any = None, doc_mdp: Any = None) -> DiffResult:
        return DEFAULT_DIFF_POLICY.apply(old, new, field_mdp_spec, doc_mdp)


def changed_after(signature: EmbeddedPdfSignature, status: Any) -> bool:
    """Whether something but validation data and further signatures came after this one.

    A field that somebody filled in is a change, unless what was filled in is a signature: an empty signature field may
    look like anything.
    """
    found = status.diff_result
    if status.coverage is None or (found is None and status.coverage >= SignatureCoverageLevel.ENTIRE_REVISION):
        return False
    if not isinstance(found, DiffResult) or status.coverage < SignatureCoverageLevel.ENTIRE_REVISION:
        return True
    if found.modification_level > ModificationLevel.FORM_FILLING or status.docmdp_ok is False:
        return True
    later = {
        str(s.field_name) for s in signature.reader.embedded_signatures if s.signed_revision > signature.signed_revision
    }
    filled = {str(name) for name in found.changed_form_fields}
    return found.modification_level == ModificationLevel.FORM_FILLING and not filled <= later


def is_sealed(embedded: Sequence[EmbeddedPdfSignature], size: int, changes: Changes) -> bool | None:
    """Some signature or timestamp covers the file to its last byte, or only a DSS update came after the last one.

    None where something else was written that shows on no page, as title or author: nobody signed that.
    """
    last = max(embedded, key=lambda s: s.signed_revision)
    if int(last.byte_range[2]) + int(last.byte_range[3]) == size:
        return True
    last.compute_integrity_info(diff_policy=changes)
    if getattr(last.diff_result, "modification_level", None) != ModificationLevel.LTA_UPDATES:
        return False
    strictly = ONLY_VALIDATION_DATA.review_file(last.reader, last.signed_revision)
    before, now = last.reader.get_historical_root(last.signed_revision), last.reader.root
    return True if isinstance(strictly, DiffResult) and _proofs(now) > _proofs(before) else None


def _proofs(root: Any) -> int:
    """How many certificates, revocation lists and OCSP answers the document security store holds."""
    store = entry(root, "/DSS")
    return sum(len(entry(store, key) or ()) for key in ("/Certs", "/CRLs", "/OCSPs")) if store is not None else 0


def added_boxes(signature: EmbeddedPdfSignature, embedded: Sequence[EmbeddedPdfSignature]) -> tuple[Addition, ...]:
    """The pictures of signatures that came after this one; empty in the usual case of one visible signature."""
    length = int(signature.byte_range[2]) + int(signature.byte_range[3])
    found = []
    for later in embedded:
        if later.signed_revision <= signature.signed_revision:
            continue
        for widget in _widgets(later.sig_field):
            box = _box(widget)
            if box is None:
                continue
            found.append(
                Addition(
                    field=str(later.field_name),
                    after_field=str(signature.field_name),
                    length=length,
                    page_index=_page_of(signature.reader, widget),
                    box=box,
                )
            )
    return tuple(found)


def what_changed(signature: EmbeddedPdfSignature) -> str:
    """In words for the report: pages whose content or notes are others now, form fields, other objects by number."""
    reader, since = signature.reader, signature.signed_revision
    try:
        before, told = reader.get_historical_resolver(since), []
        for index, (old, new) in enumerate(zip(_pages(before.root), _pages(reader.root), strict=False)):
            told += [f"page {index + 1}: {part[1:]}" for part in ("/Contents", "/Resources", "/Annots", "/MediaBox")
                     if not _same(old, new, part)]  # fmt: skip
        if len(list(_pages(before.root))) != len(list(_pages(reader.root))):
            told.append("number of pages")
        if told:
            return ", ".join(told)
        touched = sorted(
            {
                ref.idnum
                for revision in range(since + 1, reader.xrefs.total_revisions)
                for ref in reader.get_historical_resolver(revision).explicit_refs_in_revision()
            }
        )
        return "objects " + ", ".join(map(str, touched[:MOST_OBJECTS]))
    except (PdfError, KeyError, TypeError, ValueError, AttributeError, IndexError):
        return "structure"


def entry(node: Any, key: str) -> Any:
    """What stands under a key, references followed; None where nothing does. pyHanko's own `get` follows none."""
    return node[key] if key in node else None  # noqa: SIM401


def _pages(root: Any, deepest: int = 40) -> Iterator[Any]:
    """The pages of a revision, in order."""
    waiting = [(root["/Pages"], 0)]
    while waiting:
        node, depth = waiting.pop()
        kids = entry(node, "/Kids")
        if kids is None:
            yield node
        elif depth < deepest:
            waiting += [(kids[n], depth + 1) for n in reversed(range(len(kids)))]


def _same(old: Any, new: Any, key: str) -> bool:
    """Whether a page says the same under a key; a stream is compared by its bytes."""
    first, second = entry(old, key), entry(new, key)
    if isinstance(first, generic.StreamObject) and isinstance(second, generic.StreamObject):
        return bool(first.encoded_data == second.encoded_data)
    if key == "/Annots" and first is not None and second is not None:
        return [entry(n, "/AP") and bytes(repr(n), "utf-8") for n in _each(first)] == [
            entry(n, "/AP") and bytes(repr(n), "utf-8") for n in _each(second)
        ]
    return bool(first == second)


def _each(array: Any) -> Iterator[Any]:
    for n in range(len(array)):
        yield array[n]


def _widgets(field: Any) -> list[Any]:
    kids = entry(field, "/Kids")
    return list(_each(kids)) if kids else [field]


def _box(widget: Any) -> tuple[float, float, float, float] | None:
    """None for what shows nothing."""
    rect = entry(widget, "/Rect")
    if rect is None or "/AP" not in widget:
        return None
    left, bottom, right, top = (float(v) for v in _each(rect))
    box = min(left, right), min(bottom, top), max(left, right), max(bottom, top)
    return box if box[2] > box[0] and box[3] > box[1] else None


def _page_of(reader: PdfFileReader, widget: Any) -> int:
    """The page whose notes name the widget; 0 where none does."""
    for index, page in enumerate(_pages(reader.root)):
        if any(note is widget or note == widget for note in _each(entry(page, "/Annots") or [])):
            return index
    return 0
