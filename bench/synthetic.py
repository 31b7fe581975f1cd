"""Invented records for load benches: record(n) is the same everywhere, made in O(1), some 20,000 a second.

Every person is invented; numbers begin with 003, a province that does not exist. Words fall off as in Vietnamese text:
a few syllables stand on most papers, thousands are rare, and each paper has a word that only bad reading explains.
"""

# ruff: noqa: E501, SIM905 word lists read better as text than one word to a line

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from itertools import accumulate
from random import Random

from registry.values import Description, DocumentId, FieldValue, Person, RecordMetadata, SourceScan
from search.index import IndexEntry

WORDS = 120
"""Words of text on a record, counted between blanks."""
POPULATION = 250_000
"""Citizens; record n belongs to one of them, so that each has some papers."""
START = datetime(2026, 1, 1, tzinfo=UTC)
SURNAMES = (
    ("Nguyễn", 38), ("Trần", 12), ("Lê", 10), ("Phạm", 7), ("Huỳnh", 5), ("Hoàng", 4), ("Phan", 4), ("Vũ", 4), ("Võ", 4),
    ("Đặng", 3), ("Bùi", 3), ("Đỗ", 2), ("Hồ", 2), ("Ngô", 2), ("Dương", 2), ("Lý", 1), ("Đinh", 1), ("Mai", 1),
    ("Lâm", 1), ("Kiều", 1), ("Tô", 1), ("Trịnh", 1), ("Đoàn", 1), ("Cao", 1), ("Châu", 1), ("Quách", 1),
)  # fmt: skip
MIDDLES = (
    "Văn Thị Hữu Đức Minh Ngọc Thanh Quang Xuân Bích Kim Hoàng Đình Gia Bảo Diễm Thúy Ánh Thu Hồng Công Quốc Anh Phương "
    "Tuấn Mỹ Như Khánh Trung Duy Việt Thành Phúc Thiên Nhật Hải"
).split()
GIVEN = (
    "Anh Bảy Bình Châu Chi Cường Dung Dũng Duyên Đạt Đức Giang Hà Hải Hạnh Hào Hiền Hiếu Hoa Hòa Hoàng Hồng Hùng Huy Hương "
    "Khang Khánh Khoa Kiên Lan Liên Linh Loan Long Lụa Mai Mạnh Minh My Nam Nga Ngà Ngân Nghĩa Ngọc Nhàn Nhi Nhung Oanh "
    "Phát Phong Phúc Phương Quân Quý Quyên Quỳnh Sang Sơn Tài Tâm Tân Thảo Thắng Thành Thoa Thơm Thu Thúy Thủy Thư Tiến "
    "Toàn Trang Trâm Trí Trinh Trung Tú Tuấn Tuyết Tùng Uyên Vân Việt Vinh Vy Xuân Yến"
).split()
PLACES = (
    "An Hòa", "Tân Thuận", "Mỹ Lộc", "Vĩnh An", "Bình Đông", "Phú Thịnh", "Long Sơn", "Hòa Bình", "Thạnh Lợi", "Đông Hải",
    "Tân Phước", "Kim Liên", "Thủy Nguyên", "Lộc Ninh", "Hưng Đạo", "Quý Lộc", "Xuân Trường",
)  # fmt: skip
UNITS = tuple(
    (f"H99.{code}", f"Ủy ban nhân dân xã {PLACES[code % len(PLACES)]}{'' if code < 49 else ' Thượng'}")
    for code in range(32, 100)
)
"""Code and name of 68 communes; the catalogue's own three are the first."""
KINDS = (
    ("to-khai", "Tờ khai", "", 18), ("giay-khai-sinh", "Giấy khai sinh", "", 16), ("don-de-nghi", "Đơn đề nghị", "", 12),
    ("quyet-dinh", "Quyết định", "QĐ-UBND", 12), ("cong-van", "Công văn", "UBND-VP", 8),
    ("giay-xac-nhan-tinh-trang-hon-nhan", "Giấy xác nhận tình trạng hôn nhân", "GXN-UBND", 7),
    ("giay-chung-nhan-ket-hon", "Giấy chứng nhận kết hôn", "", 6), ("thong-bao", "Thông báo", "TB-UBND", 5),
    ("trich-luc-khai-tu", "Trích lục khai tử", "TLKT", 5), ("bien-ban", "Biên bản", "BB-UBND", 4),
    ("giay-chung-nhan-dang-ky-ho-kinh-doanh", "Giấy chứng nhận đăng ký hộ kinh doanh", "", 3), ("bao-cao", "Báo cáo", "BC-UBND", 2),
    ("to-trinh", "Tờ trình", "TTr-UBND", 2),
)  # fmt: skip
"""Code, name, abbreviation in the number, weight."""
SUBJECTS = (
    "Về việc trợ cấp xã hội hằng tháng", "Về việc hỗ trợ chi phí mai táng", "Về việc công nhận hộ cận nghèo",
    "V/v đẩy mạnh số hóa hồ sơ thủ tục hành chính", "Về việc hòa giải tranh chấp đất đai", "V/v xác minh hộ tịch",
    "Về việc nuôi con nuôi trong nước", "Về việc giao đất, cho thuê đất", "Về thời gian tiếp nhận hồ sơ và trả kết quả",
)  # fmt: skip
COMMON = (
    "và của các theo có ngày tháng năm số xã tỉnh ủy ban nhân dân hồ sơ thủ tục hành chính giải quyết kết quả đăng ký cấp tại "
    "người được việc quy định điều khoản luật nghị căn cứ đề nghị thông báo quyết xác nhận công chức địa phương đất thửa bản "
    "đồ tờ diện tích sử dụng quyền ở nhà chủ hộ kinh doanh khai sinh tử hôn con cha mẹ nuôi giám hộ trợ cấp xã hội hằng mai "
    "táng phí cao tuổi khuyết tật trẻ em mồ côi nghèo cận hỗ từ nguồn ngân sách chịu trách nhiệm thi hành này trước pháp cam "
    "đoan đúng sự thật kính gửi trưởng phòng phó chủ tịch thư ký lập thành hai giữ một bên thống nhất ranh giới không còn "
    "tranh chấp thường trú thôn ấp dân tộc quốc nam nữ giới tính họ chữ đệm tên nơi cư đã chết vào lúc giờ phút vợ chồng tình "
    "trạng hiện chưa với ai giá trị sáu kể để làm vay vốn ngành nghề lương thực phẩm bán lẻ địa chỉ trụ sở vốn vệ sinh môi "
    "trường thuế y tế giáo dục văn hóa thể thao du lịch thủy lợi nông nghiệp khu vực trung tâm phục vụ tiếp nhận trả thời gian"
).split()
RANKS = 3500
TABLE_SIZE = 1 << 16


@dataclass(frozen=True, slots=True)
class Citizen:
    """sex: Nam or Nữ; born: the calendar day; number: 12 digits that begin with 003."""

    name: str
    number: str
    born: date
    sex: str


@dataclass(frozen=True, slots=True)
class SyntheticRecord:
    """What a paper says, before any room's own values are made of it: entry() and metadata() do that."""

    number: int
    document_id: DocumentId
    unit: str
    agency: str
    kind: str
    kind_name: str
    number_symbol: str
    issued_on: str
    subject: str
    signer_name: str
    people: tuple[Citizen, ...]
    dossier_code: str
    title: str
    text: str
    archived_at: datetime


def record(n: int) -> SyntheticRecord:
    """Record number n, n >= 0; always the same."""
    chance = Random(n)
    bits = memoryview(chance.getrandbits(16 * 128).to_bytes(256, "little")).cast("H")
    unit, agency = UNITS[bits[0] * bits[0] * len(UNITS) >> 32]  # some communes are larger than others
    kind, kind_name, abbreviation = _KINDS[bits[1] % len(_KINDS)]
    who = citizen((n * 7919 + bits[2]) % POPULATION)
    people = (who, citizen(bits[3] + bits[4])) if bits[5] & 1 else (who,)
    year = 2026 - (bits[6] * bits[6] * 30 >> 32)
    month, day = bits[7] % 12 + 1, bits[8] % 28 + 1
    symbol = f"{bits[9] % 990 + 1}/{abbreviation or year}"
    subject = SUBJECTS[bits[10] % len(SUBJECTS)] if abbreviation else ""
    dossier = f"{unit}-{year % 100:02d}{month:02d}{day:02d}-{bits[11] % 10_000:04d}" if bits[12] & 3 else ""
    table = _table()
    lines = [
        f"{agency} Số: {symbol} {kind_name} {subject}",
        f"Họ, chữ đệm, tên: {who.name} sinh ngày {who.born:%d/%m/%Y} {who.sex} số định danh cá nhân: {who.number}",
        f"ngày {day:02d} tháng {month:02d} năm {year} {_misread(table[bits[13]], bits[14])}",
    ]
    head = "\n".join(lines)
    body = [table[i] for i in bits[128 - (WORDS - len(head.split())) :]]
    return SyntheticRecord(
        number=n,
        document_id=_identifier(n),
        unit=unit,
        agency=agency,
        kind=kind,
        kind_name=kind_name,
        number_symbol=symbol,
        issued_on=f"{year}-{month:02d}-{day:02d}",
        subject=subject,
        signer_name=citizen(bits[15] % 400).name,
        people=people,
        dossier_code=dossier,
        title=f"{kind_name} {symbol}: {subject or who.name}",
        text=" ".join((head, *body)),
        archived_at=START + timedelta(seconds=n * 7),
    )


@lru_cache(maxsize=POPULATION)
def citizen(k: int) -> Citizen:
    """Citizen k of POPULATION; always the same."""
    chance = Random(-1 - k)
    woman = chance.random() < 0.5
    middle = " ".join(chance.sample(MIDDLES, 1 + (chance.random() < 0.4)))
    born = date(1940, 1, 1) + timedelta(days=chance.randrange(31_000))
    century = (0 if born.year < 2000 else 2) + woman
    return Citizen(
        name=f"{chance.choice(_SURNAMES)} {middle} {chance.choice(GIVEN)}",
        number=f"003{century}{born.year % 100:02d}{k:06d}",
        born=born,
        sex="Nữ" if woman else "Nam",
    )


def entry(made: SyntheticRecord) -> IndexEntry:
    """What the index is given of a record."""
    return IndexEntry(
        document_id=made.document_id,
        unit=made.unit,
        kind=made.kind,
        title=made.title,
        number_symbol=made.number_symbol,
        issuing_agency=made.agency,
        issued_on=made.issued_on,
        subject=made.subject,
        signer_name=made.signer_name,
        people_names=tuple(p.name for p in made.people),
        owner_ids=tuple(p.number for p in made.people),
        dossier_code=made.dossier_code,
        text=made.text,
        archived_at=made.archived_at,
    )


def metadata(made: SyntheticRecord) -> RecordMetadata:
    """The same record as its AIP would describe it, for the registry."""
    values = {
        "document_type": made.kind_name,
        "number_symbol": made.number_symbol,
        "issuing_agency": made.agency,
        "issued_on": made.issued_on,
        "subject": made.subject,
        "signer_name": made.signer_name,
        "dossier_code": made.dossier_code,
    }
    return RecordMetadata(
        document_id=made.document_id,
        unit=made.unit,
        dossier_code=made.dossier_code or None,
        component_code="TP01" if made.dossier_code else None,
        description=Description(
            kind=made.kind,
            kind_confidence=0.97,
            fields={name: FieldValue(value=value, confidence=0.95) for name, value in values.items() if value},
            people=tuple(
                Person(
                    full_name=FieldValue(value=p.name),
                    id_number=FieldValue(value=p.number),
                    date_of_birth=FieldValue(value=p.born.isoformat()),
                )
                for p in made.people
            ),
        ),
        page_count=1,
        source=SourceScan(
            file_name=f"{made.number:07d}.pdf",
            sha256=sha256(made.document_id.encode()).hexdigest(),
            size_bytes=180_000,
            media_type="application/pdf",
            received_at=made.archived_at,
        ),
        retention_class="permanent",
        signature_level="B-LTA",
        converted_by_unit=made.unit,
        converted_by_person="an",
        converted_at=made.archived_at,
        approved_by="an",
        approved_at=made.archived_at,
        archived_at=made.archived_at,
    )


_SURNAMES = tuple(name for name, weight in SURNAMES for _ in range(weight))
_KINDS = tuple((code, name, short) for code, name, short, weight in KINDS for _ in range(weight))


def _identifier(n: int) -> DocumentId:
    """A UUID version 4 spread over its range, from n (splitmix64)."""
    digits = f"{_mix(2 * n):016x}{_mix(2 * n + 1):016x}"
    return DocumentId(f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}")


def _mix(x: int) -> int:
    x = (x + 1) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    x = (x ^ x >> 27) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
    return x ^ x >> 31


def _misread(word: str, bits: int) -> str:
    """The word as bad reading gives it: letters that look alike, of no word at all."""
    at = bits % (len(word) + 1)
    return f"{word[:at]}{'1lijtfrvwzx'[bits % 11]}{word[at:]}{'bcghknpqsu'[(bits >> 4) % 10]}{'acemnorsuvwxz'[bits >> 8 & 7]}"


@lru_cache(maxsize=1)
def _table() -> tuple[str, ...]:
    """TABLE_SIZE words, each as often as its rank has it (Zipf and Mandelbrot): a random place gives a random word."""
    words = _vocabulary()
    weights = [1 / (rank + 12) for rank in range(len(words))]
    ends = list(accumulate(weights))
    table, at = [], 0
    for place in range(TABLE_SIZE):
        while ends[at] / ends[-1] < (place + 0.5) / TABLE_SIZE:
            at += 1
        table.append(words[at])
    return tuple(table)


def _vocabulary() -> list[str]:
    """Common words of the desk, then syllables built as Vietnamese builds them, in an order drawn once."""
    onsets = "b c ch d đ g gi h kh l m n ng nh ph qu r s t th tr v x".split()
    rimes = (
        "a á à ả ã ạ an án àn ản ang áng àng anh ánh ành ao áo ào ay áy ày am ám ác át ạt ăn ắn ằn ăng ắng ằng ân ấn ần ẩn "
        "âu ấu ầu ây ấy ầy e é è en én ẹn eo éo èo ê ế ề ể ễ ệ ên ến ền ênh iết iệt iêu iều iếu iên iền iện o ó ò ỏ õ ọ on ón "
        "ong óng òng ọng ô ố ồ ổ ỗ ộ ôn ốn ồn ông ống ồng ộng ơ ớ ờ ở ơn ớn u ú ù ủ ũ ụ un ung úng ùng ư ứ ừ ử ữ ự ưng ứng "
        "ừng ươi ười ương ướng ường ượng ước ược uôn uốn uồn oa oá oà oan oán oàn oai oài oang uy uý uỷ uyên uyền uyện"
    ).split()
    built = [onset + rime for onset in onsets for rime in rimes]
    Random(20260701).shuffle(built)
    known = list(dict.fromkeys(COMMON))
    return [*known, *[word for word in dict.fromkeys(built) if word not in set(known)][: RANKS - len(known)]]
