"""The report as PDF, A4, its font embedded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

from app.reporting.facts import NOTHING, ReportFacts, instant, lines_of
from app.verdicts import CHECKS, VERDICTS
from pipeline.verification import VerificationReport

LEFT_MM, TOP_MM, RIGHT_MM, BOTTOM_MM = 25, 18, 15, 18
LINE_MM = 5.2
COLOURS = {"TOTAL-PASSED": (23, 105, 47), "INDETERMINATE": (138, 90, 0), "TOTAL-FAILED": (163, 19, 27)}
PLAIN_MARKS = {"✓": "đạt", "✗": "không đạt", "?": "chưa rõ", "–": "không xét"}
"""The font of the stamp has no ticks."""


class _Paper(FPDF):  # type: ignore[misc]
    def footer(self) -> None:
        self.set_y(-12)
        self.set_font("body", size=9)
        self.cell(0, 5, f"Trang {self.page_no()}/{{nb}}", align="R")


def paper(facts: ReportFacts, font: Path) -> bytes:
    """font: a TrueType file with Vietnamese letters; its bold cut beside it is used where there is one."""
    pdf = _Paper(format="A4")
    pdf.set_margins(LEFT_MM, TOP_MM, RIGHT_MM)
    pdf.set_auto_page_break(True, BOTTOM_MM)
    pdf.add_font("body", fname=font)
    bold = font.with_name(font.name.replace("Regular", "Bold"))
    pdf.add_font("body", style="B", fname=bold if bold.exists() else font)
    pdf.set_title("Báo cáo kiểm tra chữ ký số")
    pdf.set_lang("vi")
    pdf.set_creation_date(facts.head.made_at)
    pdf.add_page()
    _letterhead(pdf, facts)
    _heading(pdf, "1. Tóm tắt")
    _text(
        pdf,
        f"Đã kiểm tra {facts.number} tài liệu, lúc {instant(facts.head.made_at)} (giờ Việt Nam), "
        f"do {facts.head.made_by} thực hiện.",
    )
    _chart(pdf, facts)
    if facts.failures:
        rows = [(CHECKS.get(name, name), str(number)) for name, number in facts.failures.items()]
        _table(pdf, ("Mục chưa đạt hoặc chưa kiểm tra được", "Số tài liệu"), rows, (80, 20))
    else:
        _text(pdf, "Mọi mục kiểm tra đều đạt." if facts.number else NOTHING)
    _heading(pdf, "2. Chi tiết")
    for number, report in enumerate(facts.shown, 1):
        _document(pdf, number, facts.name(report), report)
    if facts.number and not facts.shown:
        _text(pdf, "Không có tài liệu nào chưa đạt.")
    if facts.left_out:
        _text(pdf, f"Và {facts.left_out} tài liệu chưa đạt khác: xem báo cáo dạng XML hoặc JSON.")
    _heading(pdf, "3. Căn cứ kiểm tra")
    tools = ", ".join(f"{name} {version}" for name, version in facts.head.tools.items())
    standard = "ETSI EN 319 102-1, ETSI EN 319 142-1 (PAdES); ngoại tuyến, chỉ từ dữ liệu trong tệp"
    rows = [("Tiêu chuẩn", standard), ("Chứng thư gốc", facts.head.trust), ("Quy tắc thuật toán", facts.head.policy),
            ("Phần mềm", tools)]  # fmt: skip
    _table(pdf, (), rows, (25, 75))
    _signatures(pdf)
    return bytes(pdf.output())


def _letterhead(pdf: FPDF, facts: ReportFacts) -> None:
    pdf.set_font("body", style="B", size=11)
    top = pdf.get_y()
    pdf.multi_cell(75, LINE_MM, facts.head.agency.upper(), align="C", new_x=XPos.RIGHT, new_y=YPos.TOP)
    left_end = pdf.get_y()
    pdf.set_xy(LEFT_MM + 78, top)
    pdf.multi_cell(
        0, LINE_MM, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\nĐộc lập - Tự do - Hạnh phúc", align="C",
        new_x=XPos.LMARGIN, new_y=YPos.NEXT,
    )  # fmt: skip
    pdf.set_y(max(pdf.get_y(), left_end) + 8)
    pdf.set_font("body", style="B", size=14)
    title = "BÁO CÁO KIỂM TRA CHỮ KÝ SỐ VÀ TÍNH TOÀN VẸN"
    pdf.multi_cell(0, 7, title, align="C", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.set_font("body", size=12)
    pdf.multi_cell(0, 6, facts.head.what, align="C", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _chart(pdf: FPDF, facts: ReportFacts) -> None:
    total = max(1, sum(facts.counted.values()))
    pdf.ln(2)
    for code, name in VERDICTS.items():
        number = facts.counted.get(code, 0)
        top = pdf.get_y()
        pdf.set_font("body", size=11)
        pdf.cell(48, 6, name)
        pdf.set_fill_color(*COLOURS[code])
        width = 95 * number / total
        if number:
            pdf.rect(LEFT_MM + 48, top + 1, max(width, 0.4), 4, style="F")
        pdf.set_xy(LEFT_MM + 50 + width, top)
        pdf.cell(20, 6, str(number), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.set_fill_color(255, 255, 255)
    pdf.ln(2)


def _document(pdf: FPDF, number: int, name: str, report: VerificationReport) -> None:
    pdf.ln(1.5)
    pdf.set_font("body", style="B", size=11)
    told = f" / {report.sub_indication}" if report.sub_indication else ""
    pdf.multi_cell(0, LINE_MM, f"{number}. {name}", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.set_text_color(*COLOURS[report.verdict])
    said = f"{VERDICTS[report.verdict]} ({report.verdict}{told})"
    pdf.multi_cell(0, LINE_MM, said, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.set_text_color(0, 0, 0)
    rows = [(PLAIN_MARKS[mark], name, remark) for mark, name, remark in lines_of(report)]
    _table(pdf, ("Kết quả", "Mục kiểm tra", "Ghi chú, việc cần làm"), rows, (14, 36, 50))
    signers = [
        (one.signed_by, " ← ".join(one.chain[1:]) or "chưa rõ",
         ", ".join(filter(None, (one.level, one.digest, one.key))) or "chưa rõ", instant(one.best_time))
        for one in report.signatures
    ]  # fmt: skip
    if signers:
        _table(pdf, ("Người ký", "Chứng thư do", "Mức, thuật toán", "Có từ trước"), signers, (30, 30, 20, 20))
    if report.pdf_sha256:
        _text(pdf, f"SHA-256 của tệp: {report.pdf_sha256}")


def _signatures(pdf: FPDF) -> None:
    pdf.ln(8)
    pdf.set_font("body", style="B", size=11)
    pdf.cell(85, LINE_MM, "NGƯỜI KIỂM TRA", align="C")
    pdf.cell(0, LINE_MM, "XÁC NHẬN CỦA ĐƠN VỊ", align="C", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.set_font("body", size=11)
    pdf.cell(85, LINE_MM, "(ký, ghi rõ họ tên)", align="C")
    pdf.cell(0, LINE_MM, "(ký, đóng dấu)", align="C", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _heading(pdf: FPDF, text: str) -> None:
    pdf.ln(3)
    pdf.set_font("body", style="B", size=12)
    pdf.cell(0, 7, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _text(pdf: FPDF, text: str) -> None:
    pdf.set_font("body", size=11)
    pdf.multi_cell(0, LINE_MM, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _table(pdf: FPDF, heads: Sequence[str], rows: Sequence[Sequence[str]], widths: tuple[int, ...]) -> None:
    pdf.set_font("body", size=10)
    grey = FontFace(emphasis="BOLD", fill_color=(238, 238, 238))
    told = {"col_widths": widths, "line_height": LINE_MM - 0.4, "first_row_as_headings": bool(heads)}
    with pdf.table(**told, headings_style=grey, align="LEFT", width=pdf.epw, text_align="LEFT") as table:
        for line in ([heads] if heads else []) + list(rows):
            row = table.row()
            for cell in line:
                row.cell(cell)
    pdf.ln(1)
