"""What counts as signed: asked of the structure and of the bytes, and an empty field is not."""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf
import pytest

from pipeline.pdf_structure import check_pdf
from pipeline.signature_marks import has_signature_bytes
from pipeline.soundness import IdentifyLimits
from tests.faults.inputs import paper
from tests.signed_inputs import (
    Foreign,
    empty_field,
    forget_form,
    make_foreign,
    saved,
    sign,
    sign_existing,
    stamped,
    under_a_parent,
    updated,
)


@pytest.fixture(scope="module")
def by(tmp_path_factory: pytest.TempPathFactory) -> Foreign:
    return make_foreign(tmp_path_factory.mktemp("foreign") / "keys")


def signed(folder: Path, content: bytes) -> bool:
    path = folder / "file.pdf"
    path.write_bytes(content)
    return check_pdf(path, IdentifyLimits()).signed


def test_nothing_that_merely_speaks_of_signatures_is_signed(tmp_path: Path) -> None:
    with pikepdf.open(io.BytesIO(paper(1))) as pdf:
        pdf.pages[0].contents_add(b"BT (/ByteRange [0 10 20 30]) Tj ET")
        pdf.Root["/AcroForm"] = pikepdf.Dictionary(Fields=[], SigFlags=3)
        pdf.pages[0].obj["/Annots"] = pikepdf.Array([pikepdf.Dictionary(Subtype=pikepdf.Name.Link, Rect=[0, 0, 1, 1])])
        out = io.BytesIO()
        pdf.save(out, compress_streams=False)
    assert not signed(tmp_path, out.getvalue())
    assert not signed(tmp_path, empty_field(paper(2)))


def test_a_field_that_the_form_forgot_counts(tmp_path: Path) -> None:
    with pikepdf.open(io.BytesIO(paper(3))) as pdf:
        value = pikepdf.Dictionary(Type=pikepdf.Name.Sig, Contents=pikepdf.String("x"))
        parent = pdf.make_indirect(pikepdf.Dictionary(FT=pikepdf.Name.Sig, V=value))
        widget = pikepdf.Dictionary(Subtype=pikepdf.Name.Widget, Parent=parent, Rect=[0, 0, 0, 0])
        pdf.pages[0].obj["/Annots"] = pikepdf.Array([widget])
        out = io.BytesIO()
        with pytest.warns(pikepdf.PageCopyWarning):
            pdf.save(out)
    assert signed(tmp_path, out.getvalue())


def test_wherever_the_signature_stands_it_is_found(tmp_path: Path, by: Foreign) -> None:
    whole = sign(paper(4), by)
    kinds = {
        "plain": whole,
        "timestamp": stamped(paper(5), by),
        "a parent's": sign_existing(under_a_parent(paper(6)), by, "PhanKy.CoQuan"),
        "hidden by an update": updated(whole, forget_form),
        "object streams": sign(saved(paper(7), object_stream_mode=pikepdf.ObjectStreamMode.generate), by),
        "a lost table": whole[: whole.rindex(b"startxref")] + b"startxref\n7\n%%EOF\n",
    }
    assert {kind: signed(tmp_path, content) for kind, content in kinds.items()} == dict.fromkeys(kinds, True)


def test_a_broken_file_shows_its_signature_by_its_bytes_alone(tmp_path: Path, by: Foreign) -> None:
    whole = sign(paper(8), by)
    path = tmp_path / "broken.pdf"
    for broken in (whole[2000:], whole[:900] + whole[1400:], b"x" * 70000 + whole):
        path.write_bytes(broken)
        assert has_signature_bytes(path)
    path.write_bytes(whole.replace(b"/ByteRange", b"/Unwritten"))
    assert not has_signature_bytes(path)
    path.write_bytes(b"")
    assert not has_signature_bytes(path)
