"""What a PDF page draws, step by step, and which text on it nobody sees: what scanners and other programs write behind
a scan, and before it. Parses untrusted bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pikepdf
from pikepdf import Name, Operator

TEXT = frozenset({"Tj", "TJ", "'", '"'})
MARKS = TEXT | {"f", "F", "f*", "S", "s", "B", "B*", "b", "b*", "BI", "INLINE IMAGE", "sh"}
"""Operators that show something beside a picture."""
INVISIBLE = frozenset({3, 7})
"""ISO 32000-1, 9.3.6: text that is neither filled nor stroked; at most what follows is clipped by it."""
MASKS = ("/SMask", "/Mask", "/ImageMask")
ALL_OF_IT = 0.99
DEEPEST = 12
NOTHING = pikepdf.Dictionary()
Matrix = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Step:
    """One operator. matrix: from its coordinates to those of the page. hidden: it draws what nobody sees."""

    operands: Sequence[Any]
    operator: Any
    matrix: Matrix
    hidden: bool

    @property
    def name(self) -> str:
        """The operator."""
        return str(self.operator)


def steps(content: Any) -> list[Step]:
    """What a page or form draws, in order. Raises PdfError."""
    matrix: Matrix = (1, 0, 0, 1, 0, 0)
    mode = 0
    kept: list[tuple[Matrix, int]] = []
    found = []
    for instruction in pikepdf.parse_content_stream(content):
        operands, name = instruction.operands, str(instruction.operator)
        if name == "q":
            kept.append((matrix, mode))
        elif name == "Q" and kept:
            matrix, mode = kept.pop()
        elif name == "cm" and len(operands) == 6:
            matrix = _multiply([float(v) for v in operands], matrix)
        elif name == "Tr" and operands:
            mode = int(operands[0])
        found.append(Step(list(operands), instruction.operator, matrix, name in TEXT and mode in INVISIBLE))
    return found


def page_steps(page: pikepdf.Page) -> list[Step]:
    """The same for a page: all that lies below a picture of the whole page is hidden too, and forms without anything
    that is seen. Raises PdfError."""
    found = steps(page)
    held = page.resources.get("/XObject", NOTHING)
    cover = _cover(page, found, held)
    hidden = [
        step.hidden
        or (n < cover and (step.name in MARKS or step.name == "Do"))
        or (step.name == "Do" and _shows_nothing(held.get(step.operands[0])))
        for n, step in enumerate(found)
    ]
    return [replace(step, hidden=h) for step, h in zip(found, hidden, strict=True)]


def see_through(page: pikepdf.Page) -> frozenset[tuple[int, int]]:
    """Width and height of the page's pictures through which may be seen what lies below."""
    return frozenset(
        (int(image.get("/Width", 0)), int(image.get("/Height", 0)))
        for image in page.get_images(recursive=True).values()
        if any(key in image for key in MASKS)
    )


def may_have_text(page: pikepdf.Page) -> bool:
    """Whether anything on the page could draw text."""
    return "/Font" in page.resources or any(_forms(page.resources))


def visible_box(page: pikepdf.Page) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of what is shown of a page."""
    media, crop = ([float(v) for v in box] for box in (page.mediabox, page.cropbox))
    return max(media[0], crop[0]), max(media[1], crop[1]), min(media[2], crop[2]), min(media[3], crop[3])


def drop_hidden_text(pdf: pikepdf.Pdf) -> None:
    """No page has text any more that nobody sees; all look as before. Safe to repeat.

    A page that cannot be parsed stays as it is.
    """
    done: set[tuple[int, int]] = set()
    changed = False
    for page in pdf.pages:
        try:
            changed |= _drop_from_page(pdf, page)
            changed |= _drop_from_forms(page.resources, done)
        except (pikepdf.PdfError, ValueError, TypeError, AttributeError):
            continue
    if changed:
        pdf.remove_unreferenced_resources()


def _drop_from_page(pdf: pikepdf.Pdf, page: pikepdf.Page) -> bool:
    if not may_have_text(page):
        return False
    found = _without_idle_fonts(page_steps(page))
    if not any(step.hidden for step in found):
        return False
    page.obj["/Contents"] = pdf.make_stream(_unparsed(found))
    return True


def _drop_from_forms(resources: Any, done: set[tuple[int, int]], depth: int = 0) -> bool:
    changed = False
    for form in _forms(resources):
        if form.objgen in done or depth > DEEPEST:
            continue
        done.add(form.objgen)
        changed |= _drop_from_forms(form.get("/Resources", NOTHING), done, depth + 1)
        found = _without_idle_fonts(steps(form))
        if any(step.hidden for step in found):
            form.write(_unparsed(found))
            changed = True
    return changed


def _forms(resources: Any) -> Iterator[Any]:
    for held in resources.get("/XObject", NOTHING).values():
        if isinstance(held, pikepdf.Stream) and held.get("/Subtype") == Name.Form:
            yield held


def _without_idle_fonts(found: Sequence[Step]) -> Sequence[Step]:
    """Fonts are chosen only where text is seen: one that is not embedded keeps a file from being PDF/A."""
    if any(step.name in TEXT and not step.hidden for step in found):
        return found
    return [replace(step, hidden=step.hidden or step.name == "Tf") for step in found]


def _unparsed(found: Sequence[Step]) -> bytes:
    left: list[tuple[Sequence[Any], Any]] = []
    for step in found:
        left += [(step.operands, step.operator)] if not step.hidden else _beside_drawing(step)
    return pikepdf.unparse_content_stream(left)


def _beside_drawing(step: Step) -> list[tuple[Sequence[Any], Any]]:
    """What an operator does beside drawing: it begins a line, sets spaces, ends a path."""
    if step.name == '"':
        return [(step.operands[:1], Operator("Tw")), (step.operands[1:2], Operator("Tc")), ([], Operator("T*"))]
    if step.name == "'":
        return [([], Operator("T*"))]
    path = step.name in MARKS - TEXT - {"BI", "INLINE IMAGE", "sh"}
    return [([], Operator("n"))] if path else []


def _cover(page: pikepdf.Page, found: Sequence[Step], held: Any) -> int:
    """The place of the last picture that hides all of the page; 0 where there is none."""
    if any(step.name in ("W", "W*", "gs") for step in found):  # it may be seen in part, or shine through
        return 0
    for n in range(len(found) - 1, -1, -1):
        step = found[n]
        image = held.get(step.operands[0]) if step.name == "Do" else None
        if image is None or image.get("/Subtype") != Name.Image or any(key in image for key in MASKS):
            continue
        if _hides_all(page, step.matrix):
            return n
    return 0


def _hides_all(page: pikepdf.Page, matrix: Matrix) -> bool:
    a, b, c, d, x, y = matrix
    if max(abs(b), abs(c)) > 0.01 and max(abs(a), abs(d)) > 0.01:
        return False
    left, bottom, right, top = visible_box(page)
    wide = min(right, max(x, x + a + c)) - max(left, min(x, x + a + c))
    high = min(top, max(y, y + b + d)) - max(bottom, min(y, y + b + d))
    return wide > ALL_OF_IT * (right - left) and high > ALL_OF_IT * (top - bottom)


def _shows_nothing(held: Any, depth: int = 0) -> bool:
    """Whether all that a form draws is hidden."""
    if not isinstance(held, pikepdf.Stream) or held.get("/Subtype") != Name.Form or depth > DEEPEST:
        return False
    names = held.get("/Resources", NOTHING).get("/XObject", NOTHING)
    return all(
        step.hidden
        or (step.name not in MARKS and (step.name != "Do" or _shows_nothing(names.get(step.operands[0]), depth + 1)))
        for step in steps(held)
    )


def _multiply(a: Sequence[float], b: Matrix) -> Matrix:
    return (
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
        a[4] * b[0] + a[5] * b[2] + b[4],
        a[4] * b[1] + a[5] * b[3] + b[5],
    )
