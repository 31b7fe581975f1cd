"""From pages to documents: sheets part dossiers and components, blank backs drop out, the rest is told apart by what
the pages show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.splitting.covers import Cover, cover_of, is_ours
from pipeline.splitting.openings import Signs, opens, signs_of
from registry.values import PageText, Part, Split

WRITTEN_ON = 120
"""Words: a page with a sheet's code and so many words is a paper with the code stuck on it, and is kept."""
AMBIGUOUS = "cover_ambiguous"
CHECK = "cover_check"
EMPTY = "cover_empty"
DIFFERS = "cover_differs"
DOUBT = "cover"
"""The reason of a review: whose papers these are must be seen by a person."""


@dataclass(slots=True)
class _Section:
    """What lies between two sheets. cover: None before the first one, and behind one that cannot be followed."""

    cover: Cover | None
    pages: list[PageText] = field(default_factory=list)
    doubted: bool = False
    covered: bool = False


def split_scan(pages: Sequence[PageText], dossier_code: str | None = None, component_code: str | None = None) -> Split:
    """What the scan holds. The codes are those told by folder or file name; a sheet's count before them.

    Every page is in one part, a cover sheet, or blank; a scan of nothing but blank pages is one part, and one of
    nothing but sheets and blank pages has none.
    """
    sections, covers, blanks, warnings = _sections(pages)
    parts: list[Part] = []
    for section in sections:
        if not section.pages:
            continue
        dossier, component = (dossier_code, component_code)
        if section.cover:
            dossier, component = section.cover.dossier_code, section.cover.component_code
            if dossier_code and (dossier, component or component_code) != (dossier_code, component_code or component):
                warnings.append(DIFFERS)
        elif section.covered:
            dossier = component = None
        groups = [section.pages] if component else _told_apart(section.pages)
        doubts = (DOUBT,) if section.doubted else ()
        for group in groups:
            part = Part(
                pages=tuple(p.index for p in group), dossier_code=dossier, component_code=component, doubts=doubts
            )
            parts.append(part)
    if not parts and not covers:
        parts, blanks = [Part(pages=tuple(blanks), dossier_code=dossier_code, component_code=component_code)], []
    return Split(
        parts=tuple(parts), covers=tuple(covers), blanks=tuple(blanks), warnings=tuple(dict.fromkeys(warnings))
    )


def _sections(pages: Sequence[PageText]) -> tuple[list[_Section], list[int], list[int], list[str]]:
    """Sections with their pages; cover sheets, blank pages, and warnings."""
    sections = [_Section(None)]
    covers: list[int] = []
    blanks: list[int] = []
    warnings: list[str] = []
    for page in pages:
        found = {cover for code in page.codes if (cover := cover_of(code))}
        spoilt = any(is_ours(code) and cover_of(code) is None for code in page.codes)
        now = sections[-1]
        if spoilt:
            warnings.append(CHECK)
        if found and not _is_the_same_sheet(found, now):
            if now.covered and not now.pages and not _narrows(now.cover, found):
                warnings.append(EMPTY)
            now = _Section(next(iter(found)) if len(found) == 1 else None, covered=True, doubted=len(found) > 1)
            sections.append(now)
            if len(found) > 1:
                warnings.append(AMBIGUOUS)
        if page.blank:
            blanks.append(page.index)
        elif found and len(page.words) < WRITTEN_ON:
            covers.append(page.index)
        else:
            now.pages.append(page)
            now.doubted = now.doubted or spoilt
    if sections[-1].covered and not sections[-1].pages:
        warnings.append(EMPTY)
    return sections, covers, blanks, warnings


def _is_the_same_sheet(found: set[Cover], now: _Section) -> bool:
    """The other side of the sheet that opened the section, printed or shining through, or the sheet scanned twice."""
    return not now.pages and now.cover is not None and found == {now.cover}


def _narrows(cover: Cover | None, found: set[Cover]) -> bool:
    """Whether a sheet for the whole dossier is followed by one for a component of it: both belong there."""
    if cover is None or cover.component_code:
        return False
    return {c.dossier_code for c in found} == {cover.dossier_code}


def _told_apart(pages: Sequence[PageText]) -> list[list[PageText]]:
    if len(pages) == 1:
        return [list(pages)]
    groups: list[tuple[list[PageText], list[Signs]]] = []
    for page in pages:
        signs = signs_of(page)
        if not groups or opens(signs, groups[-1][1]):
            groups.append(([], []))
        groups[-1][0].append(page)
        groups[-1][1].append(signs)
    return [group for group, _ in groups]
