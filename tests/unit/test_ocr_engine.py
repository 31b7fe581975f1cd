"""Both homes of the OCR engine keep the same promises, and the one asked for is the one that reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from pipeline.ocr import EngineName, OcrEngine, TooSlow
from pipeline.ocr import engine as chosen
from pipeline.page_reading import read_page_of
from pipeline.pytesseract_engine import PytesseractEngine
from pipeline.reading import write_derivative
from pipeline.reading_options import ReadingOptions
from pipeline.tesserocr_engine import TesserocrEngine
from tests.contracts.ocr_engine import DPI, PARAGRAPHS, PATIENCE_S, OcrEngineContract, dense, line, page, text_of


class TestTesserocr(OcrEngineContract):
    @pytest.fixture(scope="class")
    def engine(self) -> OcrEngine:
        return TesserocrEngine("vie")


class TestPytesseract(OcrEngineContract):
    @pytest.fixture(scope="class")
    def engine(self) -> OcrEngine:
        return PytesseractEngine("vie")

    def test_no_process_is_left_of_a_page_given_up(self, engine: OcrEngine) -> None:
        before = children()  # the fork server of another test may be among them
        with pytest.raises(TooSlow):
            engine.recognise(dense(), dpi=DPI, timeout_s=0.3)
        assert children() == before


def children() -> list[str]:
    """The processes of this one, also ended ones that nobody has asked after."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


@pytest.mark.parametrize(
    "text", ["Cộng hòa xã hội chủ nghĩa Việt Nam", "Số: 125/QĐ-UBND", "Họ, chữ đệm, tên: Đỗ Thị Ngọc Ánh"]
)
def test_both_homes_read_the_same(text: str) -> None:
    homes: tuple[EngineName, ...] = ("tesserocr", "pytesseract")
    told = [chosen(name, "vie").recognise_line(line(text), dpi=DPI, timeout_s=PATIENCE_S) for name in homes]
    assert text_of(told[0]) == text_of(told[1]) == text


def test_one_engine_stays_warm_in_a_process() -> None:
    assert chosen("auto", "vie") is chosen("tesserocr", "vie") is chosen("auto", "vie")


def test_a_language_without_data_says_what_to_install() -> None:
    with pytest.raises(FileNotFoundError, match="tesseract-ocr-xxx"):
        chosen("auto", "vie+xxx")


def in_another_process(code: str, **environment: str) -> str:
    told = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return told.stdout.strip()


HIDE = "import sys; sys.modules['tesserocr'] = None\n"
"""As on a machine for which tesserocr has no wheel."""


def test_where_tesserocr_cannot_be_imported_the_program_reads() -> None:
    told = in_another_process(HIDE + "from pipeline.ocr import engine; print(engine('auto', 'vie').version())")
    assert told.startswith("pytesseract ")


def test_what_cannot_be_had_is_told(tmp_path: Path) -> None:
    asked = "from pipeline.ocr import EngineMissing, engine\n"
    asked += "try: engine('{}', 'vie')\nexcept EngineMissing as exc: print(exc)"
    assert "tesserocr" in in_another_process(HIDE + asked.format("tesserocr"))
    assert "tesseract-ocr" in in_another_process(HIDE + asked.format("auto"), PATH=str(tmp_path))


@pytest.mark.parametrize("name", ["tesserocr", "pytesseract"])
def test_a_scan_is_read_by_the_engine_asked_for_and_the_record_names_it(name: EngineName, tmp_path: Path) -> None:
    scan = tmp_path / "scan.png"
    Image.fromarray(page()).save(scan, dpi=(DPI, DPI))
    options = ReadingOptions(engine=name)
    read = read_page_of(scan, "image/png", 0, options)
    assert [line.strip() for line in read.text.splitlines()] == [line for p in PARAGRAPHS for line in p]
    tools = write_derivative(scan, "image/png", (read,), tmp_path / "into", options)
    assert tools["ocr"].startswith(f"{name} ")
