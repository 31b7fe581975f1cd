"""The texts of the sample papers. Every person, place and number is invented; numbers begin with 003, a province that does not exist."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Citizen:
    name: str
    number: str
    born: str
    sex: str = "Nam"
    home: str = "ấp Bình Đông, xã An Hòa, tỉnh Bình Lạc"


@dataclass(frozen=True)
class Paper:
    """One paper. agency: lines of the left head column, none for a citizen's form. body: lines; a tuple is a row."""

    kind: str
    file: str
    inbox: str
    title: tuple[str, ...]
    body: tuple[str, ...]
    signer: str
    position: tuple[str, ...]
    agency: tuple[str, ...] = ()
    number: str = ""
    place: str = ""
    day: tuple[int, int, int] = (5, 3, 2025)
    subject: tuple[str, ...] = ()
    letter: bool = False
    addressed_to: str = ""
    fields: dict[str, str] = field(default_factory=dict)


HOA = Citizen("Nguyễn Thị Ánh Hòa", "003199000001", "12/04/1999", "Nữ")
DUC = Citizen("Trần Hữu Đức", "003095000002", "23/09/1995")
KHANG = Citizen("Nguyễn Trần Gia Khang", "003224000003", "06/02/2024")
THUY = Citizen("Lê Thị Diễm Thúy", "003168000004", "30/11/1968", "Nữ")
QUY = Citizen("Phạm Đình Quý", "003062000005", "15/07/1962")
NGA = Citizen("Đặng Huỳnh Ngọc Ngà", "003187000006", "01/10/1987", "Nữ")
BA = Citizen("Võ Văn Bảy", "003071000007", "19/05/1971")

AN_HOA = ("ỦY BAN NHÂN DÂN", "XÃ AN HÒA")
TAN_THUAN = ("ỦY BAN NHÂN DÂN", "XÃ TÂN THUẬN")
MY_LOC = ("ỦY BAN NHÂN DÂN", "PHƯỜNG MỸ LỘC")
CHAIR = ("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH")
VICE = ("TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH")
DOSSIER_BIRTH = "H99.32-250310-0001"
DOSSIER_MARRIAGE = "H99.32-260805-0003"
DOSSIER_AID = "H99.32-260901-0002"
DOSSIER_SHOP = "H99.34-250612-0004"
DOSSIER_LAND = "H99.33-250704-0002"


def _birth(
    child: Citizen, mother: Citizen, father: Citizen, number: str, file: str, day: tuple[int, int, int]
) -> Paper:
    d, m, y = day
    return Paper(
        "giay-khai-sinh", file, "xa-an-hoa", ("GIẤY KHAI SINH",),
        (
            f"Họ, chữ đệm, tên: {child.name}",
            f"Ngày, tháng, năm sinh: {child.born}",
            f"Giới tính: {child.sex}          Dân tộc: Kinh          Quốc tịch: Việt Nam",
            "Nơi sinh: Trung tâm Y tế khu vực An Hòa, tỉnh Bình Lạc",
            f"Số định danh cá nhân: {child.number}",
            f"Họ, chữ đệm, tên người mẹ: {mother.name}",
            f"Số định danh cá nhân: {mother.number}",
            f"Nơi cư trú: {mother.home}",
            f"Họ, chữ đệm, tên người cha: {father.name}",
            f"Số định danh cá nhân: {father.number}",
            f"Nơi cư trú: {father.home}",
            "Nơi đăng ký khai sinh: Ủy ban nhân dân xã An Hòa",
            f"Ngày, tháng, năm đăng ký: {d:02d}/{m:02d}/{y}",
        ),
        "Huỳnh Quang Minh", ("NGƯỜI KÝ GIẤY KHAI SINH", "CHỦ TỊCH"), AN_HOA, number, day=day,
        fields={"number_symbol": number, "person": child.name, "id": child.number},
    )  # fmt: skip


def _single(
    who: Citizen,
    number: str,
    file: str,
    inbox: str,
    agency: tuple[str, ...],
    place: str,
    day: tuple[int, int, int],
    purpose: str,
) -> Paper:
    return Paper(
        "giay-xac-nhan-tinh-trang-hon-nhan", file, inbox, ("GIẤY XÁC NHẬN TÌNH TRẠNG HÔN NHÂN",),
        (
            "Căn cứ hồ sơ hộ tịch đang lưu tại địa phương,",
            "XÁC NHẬN:",
            f"Họ, chữ đệm, tên: {who.name}",
            f"Ngày, tháng, năm sinh: {who.born}",
            f"Giới tính: {who.sex}          Dân tộc: Kinh          Quốc tịch: Việt Nam",
            f"Giấy tờ tùy thân: Căn cước số {who.number}",
            f"Nơi cư trú: {who.home}",
            "Tình trạng hôn nhân: Hiện tại chưa đăng ký kết hôn với ai.",
            f"Giấy này có giá trị 6 tháng kể từ ngày cấp, được sử dụng để {purpose}.",
        ),
        "Lâm Thị Bích Trâm", VICE, agency, number, place, day,
        fields={"number_symbol": number, "person": who.name, "id": who.number},
    )  # fmt: skip


def papers() -> list[Paper]:
    """At least 24 papers of 12 kinds, for three units, some of the same citizen."""
    return [
        _birth(KHANG, HOA, DUC, "18/2025", f"{DOSSIER_BIRTH}/TP02 giay khai sinh", (11, 3, 2025)),
        _birth(Citizen("Lê Ngọc Bảo An", "003324000008", "17/08/2024", "Nữ"), THUY, BA, "41/2024", "khai sinh 41", (2, 9, 2024)),
        _birth(HOA, Citizen("Đinh Thị Lụa", "003170000010", "09/01/1970"), Citizen("Nguyễn Văn Thới", "003065000011", "04/06/1965"), "07/1999", "khai sinh cu", (20, 4, 1999)),
        _single(HOA, "12/GXN-UBND", f"{DOSSIER_MARRIAGE}/TP03", "xa-an-hoa", AN_HOA, "An Hòa", (3, 8, 2026), "làm thủ tục kết hôn"),
        _single(DUC, "25/GXN-UBND", "xac nhan doc than", "xa-tan-thuan", TAN_THUAN, "Tân Thuận", (14, 2, 2025), "làm thủ tục vay vốn"),
        _single(NGA, "33/GXN-UBND", "xnhn", "phuong-my-loc", MY_LOC, "Mỹ Lộc", (8, 10, 2026), "làm thủ tục kết hôn"),
        *_decisions(),
        *_letters(),
        *_notices(),
        *_registers(),
        *_forms(),
    ]  # fmt: skip


def _decisions() -> list[Paper]:
    def decide(
        number: str,
        file: str,
        inbox: str,
        agency: tuple[str, ...],
        place: str,
        day: tuple[int, int, int],
        subject: tuple[str, ...],
        who: Citizen,
    ) -> Paper:
        return Paper(
            "quyet-dinh", file, inbox, ("QUYẾT ĐỊNH",),
            (
                "Căn cứ Luật Tổ chức chính quyền địa phương;",
                "Căn cứ Nghị định số 20/2021/NĐ-CP ngày 15 tháng 3 năm 2021 của Chính phủ;",
                "Theo đề nghị của Trưởng phòng Văn hóa - Xã hội.",
                "QUYẾT ĐỊNH:",
                f"Điều 1. Giải quyết chế độ đối với ông (bà): {who.name},",
                f"sinh ngày {who.born}, số định danh cá nhân {who.number},",
                f"thường trú tại {who.home}.",
                "Điều 2. Kinh phí bảo đảm từ nguồn ngân sách được giao trong năm.",
                "Điều 3. Văn phòng, các đơn vị liên quan và ông (bà) có tên tại Điều 1",
                "chịu trách nhiệm thi hành Quyết định này./.",
            ),
            "Huỳnh Quang Minh", CHAIR, agency, number, place, day, subject,
            fields={"number_symbol": number, "person": who.name, "id": who.number},
        )  # fmt: skip

    aid = ("Về việc trợ cấp xã hội hằng tháng cho người cao tuổi",)
    return [
        decide("112/QĐ-UBND", "qd 112", "xa-an-hoa", AN_HOA, "An Hòa", (9, 1, 2025), aid, QUY),
        decide("245/QĐ-UBND", f"{DOSSIER_AID}/ket qua", "xa-an-hoa", AN_HOA, "An Hòa", (12, 9, 2026), ("Về việc trợ cấp xã hội cho trẻ em mồ côi",), KHANG),
        decide("61/QĐ-UBND", "qd-61", "xa-tan-thuan", TAN_THUAN, "Tân Thuận", (27, 6, 2025), ("Về việc hỗ trợ chi phí mai táng",), BA),
        decide("98/QĐ-UBND", "qd-98", "phuong-my-loc", MY_LOC, "Mỹ Lộc", (30, 7, 2025), ("Về việc công nhận hộ cận nghèo năm 2025",), THUY),
    ]  # fmt: skip


def _letters() -> list[Paper]:
    def write(
        number: str,
        file: str,
        inbox: str,
        agency: tuple[str, ...],
        place: str,
        day: tuple[int, int, int],
        subject: tuple[str, ...],
        to: str,
    ) -> Paper:
        return Paper(
            "cong-van", file, inbox, (),
            (
                f"Qua rà soát, {agency[0].capitalize()} {agency[1].capitalize()} thông báo để quý cơ quan",
                "phối hợp thực hiện việc số hóa hồ sơ, kết quả giải quyết thủ tục hành chính",
                "đang còn hiệu lực theo đúng tiến độ của kế hoạch năm.",
                "Trong quá trình thực hiện, nếu có vướng mắc, đề nghị phản ánh kịp thời",
                "để được hướng dẫn. Trân trọng./.",
            ),
            "Lâm Thị Bích Trâm", VICE[1:], agency, number, place, day, subject, letter=True, addressed_to=to,
            fields={"number_symbol": number},
        )  # fmt: skip

    digitise = ("V/v đẩy mạnh số hóa hồ sơ", "thủ tục hành chính")
    return [
        write("310/UBND-VP", "cv 310", "xa-an-hoa", AN_HOA, "An Hòa", (18, 5, 2026), digitise, "Các ấp trên địa bàn xã"),
        write("57/UBND-TP", "cv57", "phuong-my-loc", MY_LOC, "Mỹ Lộc", (6, 4, 2026), ("V/v xác minh thông tin hộ tịch",), "Ủy ban nhân dân xã An Hòa"),
    ]  # fmt: skip


def _notices() -> list[Paper]:
    def tell(
        number: str,
        file: str,
        inbox: str,
        agency: tuple[str, ...],
        place: str,
        day: tuple[int, int, int],
        subject: tuple[str, ...],
    ) -> Paper:
        return Paper(
            "thong-bao", file, inbox, ("THÔNG BÁO",),
            (
                "Thực hiện kế hoạch cải cách hành chính, địa phương thông báo đến tổ chức,",
                "cá nhân việc tiếp nhận hồ sơ tại Trung tâm Phục vụ hành chính công như sau:",
                "1. Thời gian: các ngày làm việc trong tuần, sáng từ 07 giờ 30 phút.",
                "2. Giấy tờ đã số hóa và còn hiệu lực thì người dân không phải nộp lại.",
                "3. Không thu thêm bất kỳ khoản phí nào ngoài quy định./.",
            ),
            "Huỳnh Quang Minh", CHAIR, agency, number, place, day, subject, fields={"number_symbol": number},
        )  # fmt: skip

    hours = ("Về thời gian tiếp nhận hồ sơ và trả kết quả", "tại Trung tâm Phục vụ hành chính công")
    return [
        tell("27/TB-UBND", "thong bao 27", "xa-an-hoa", AN_HOA, "An Hòa", (2, 7, 2025), hours),
        tell("44/TB-UBND", "thongbao44", "xa-tan-thuan", TAN_THUAN, "Tân Thuận", (11, 8, 2026), ("Về việc niêm yết danh sách hộ nghèo",)),
    ]  # fmt: skip


def _registers() -> list[Paper]:
    death = Paper(
        "trich-luc-khai-tu", "trich luc khai tu", "xa-an-hoa", ("TRÍCH LỤC KHAI TỬ",),
        (
            "Họ, chữ đệm, tên: Nguyễn Văn Thới",
            "Ngày, tháng, năm sinh: 04/06/1965",
            "Giới tính: Nam          Dân tộc: Kinh          Quốc tịch: Việt Nam",
            "Số định danh cá nhân: 003065000011",
            "Nơi cư trú cuối cùng: ấp Bình Đông, xã An Hòa, tỉnh Bình Lạc",
            "Đã chết vào lúc: 21 giờ 10 phút, ngày 14 tháng 01 năm 2025",
            "Nơi đăng ký khai tử: Ủy ban nhân dân xã An Hòa",
            "Họ, chữ đệm, tên người đi khai tử: " + HOA.name,
            "Giấy tờ tùy thân: Căn cước số " + HOA.number,
        ),
        "Huỳnh Quang Minh", CHAIR, AN_HOA, "05/TLKT", "An Hòa", (16, 1, 2025),
        fields={"number_symbol": "05/TLKT", "person": "Nguyễn Văn Thới", "id": "003065000011"},
    )  # fmt: skip
    marriage = Paper(
        "giay-chung-nhan-ket-hon", "ket hon", "xa-an-hoa", ("GIẤY CHỨNG NHẬN KẾT HÔN",),
        (
            f"Họ, chữ đệm, tên vợ: {THUY.name}",
            f"Ngày, tháng, năm sinh: {THUY.born}",
            f"Số định danh cá nhân: {THUY.number}",
            f"Nơi cư trú: {THUY.home}",
            f"Họ, chữ đệm, tên chồng: {BA.name}",
            f"Ngày, tháng, năm sinh: {BA.born}",
            f"Số định danh cá nhân: {BA.number}",
            f"Nơi cư trú: {BA.home}",
            "Nơi đăng ký kết hôn: Ủy ban nhân dân xã An Hòa",
            "Ngày, tháng, năm đăng ký: 22/12/1992",
        ),
        "Huỳnh Quang Minh", CHAIR, AN_HOA, "88/1992", "", (22, 12, 1992),
        fields={"number_symbol": "88/1992", "person": THUY.name, "id": THUY.number},
    )  # fmt: skip
    shops = [
        Paper(
            "giay-chung-nhan-dang-ky-ho-kinh-doanh", file, inbox,
            ("GIẤY CHỨNG NHẬN", "ĐĂNG KÝ HỘ KINH DOANH"),
            (
                f"Đăng ký lần đầu, ngày {day[0]:02d} tháng {day[1]:02d} năm {day[2]}",
                f"1. Tên hộ kinh doanh: {shop}",
                f"2. Địa chỉ trụ sở: {who.home}",
                "3. Ngành, nghề kinh doanh: Bán lẻ lương thực, thực phẩm",
                "4. Thông tin về chủ hộ kinh doanh:",
                f"Họ và tên: {who.name.upper()}",
                f"Sinh ngày: {who.born}          Dân tộc: Kinh          Quốc tịch: Việt Nam",
                f"Số định danh cá nhân: {who.number}",
            ),
            "Mai Xuân Kiên", ("TRƯỞNG PHÒNG",), (agency[1], "PHÒNG KINH TẾ"), number, "", day,
            fields={"number_symbol": number, "person": who.name, "id": who.number},
        )
        for shop, who, number, file, inbox, agency, day in (
            ("TẠP HÓA NGỌC NGÀ", NGA, "99C80001234", f"{DOSSIER_SHOP}/ket qua", "phuong-my-loc", ("", "UBND PHƯỜNG MỸ LỘC"), (16, 6, 2025)),
            ("CƠ SỞ BẢY LÚA", BA, "99C80002345", "ho kinh doanh", "xa-tan-thuan", ("", "UBND XÃ TÂN THUẬN"), (3, 11, 2025)),
        )
    ]  # fmt: skip
    minutes = Paper(
        "bien-ban", f"{DOSSIER_LAND}/ket qua hoa giai", "xa-tan-thuan", ("BIÊN BẢN",),
        (
            "Hôm nay, vào hồi 08 giờ 30 phút, ngày 21 tháng 7 năm 2025, tại trụ sở xã,",
            "chúng tôi gồm có:",
            "1. Ông Tô Hoàng Phúc - Phó Chủ tịch xã - Chủ trì;",
            "2. Bà Kiều Thanh Xuân - Công chức Địa chính - Thư ký;",
            f"3. Ông {BA.name}, sinh ngày {BA.born}, CCCD số {BA.number};",
            "Sau khi nghe các bên trình bày, hai bên thống nhất ranh giới thửa đất",
            "theo bản đồ địa chính và không còn tranh chấp.",
            "Biên bản kết thúc vào hồi 10 giờ 15 phút cùng ngày.",
        ),
        "Tô Hoàng Phúc", ("CHỦ TRÌ",), TAN_THUAN, "09/BB-HGĐĐ", "", (21, 7, 2025),
        ("Về việc hòa giải tranh chấp đất đai",), fields={"number_symbol": "09/BB-HGĐĐ"},
    )  # fmt: skip
    return [death, marriage, *shops, minutes]


def _forms() -> list[Paper]:
    def ask(
        kind: str,
        title: tuple[str, ...],
        file: str,
        inbox: str,
        to: str,
        who: Citizen,
        wish: str,
        place: str,
        day: tuple[int, int, int],
    ) -> Paper:
        return Paper(
            kind, file, inbox, title,
            (
                f"Tôi tên là: {who.name}          Giới tính: {who.sex}",
                f"Ngày, tháng, năm sinh: {who.born}          Dân tộc: Kinh",
                f"Số định danh cá nhân: {who.number}",
                f"Nơi thường trú: {who.home}",
                wish,
                "Tôi xin cam đoan những nội dung khai trên đây là đúng sự thật và chịu",
                "trách nhiệm trước pháp luật về lời khai của mình.",
            ),
            who.name, ("NGƯỜI LÀM ĐƠN" if kind == "don-de-nghi" else "NGƯỜI YÊU CẦU",), place=place, day=day,
            addressed_to=to, fields={"person": who.name, "id": who.number},
        )  # fmt: skip

    return [
        ask("to-khai", ("TỜ KHAI ĐĂNG KÝ KẾT HÔN",), f"{DOSSIER_MARRIAGE}/TP01", "xa-an-hoa", "Ủy ban nhân dân xã An Hòa", HOA, "Đề nghị quý cơ quan đăng ký kết hôn theo quy định của pháp luật.", "An Hòa", (5, 8, 2026)),
        ask("to-khai", ("TỜ KHAI ĐĂNG KÝ KHAI SINH",), f"{DOSSIER_BIRTH}/TP01", "xa-an-hoa", "Ủy ban nhân dân xã An Hòa", DUC, "Đề nghị quý cơ quan đăng ký khai sinh cho con tôi.", "An Hòa", (10, 3, 2025)),
        ask("to-khai", ("TỜ KHAI ĐỀ NGHỊ TRỢ GIÚP XÃ HỘI",), f"{DOSSIER_AID}/TP01", "xa-an-hoa", "Ủy ban nhân dân xã An Hòa", HOA, "Đề nghị xem xét trợ giúp xã hội cho con tôi.", "An Hòa", (1, 9, 2026)),
        ask("don-de-nghi", ("ĐƠN ĐỀ NGHỊ",), f"{DOSSIER_LAND}/TP01 don", "xa-tan-thuan", "Ủy ban nhân dân xã Tân Thuận", BA, "Đề nghị hòa giải tranh chấp ranh giới thửa đất số 214, tờ bản đồ số 9.", "Tân Thuận", (4, 7, 2025)),
        ask("don-de-nghi", ("ĐƠN ĐỀ NGHỊ",), f"{DOSSIER_SHOP}/TP01", "phuong-my-loc", "Ủy ban nhân dân phường Mỹ Lộc", NGA, "Đề nghị đăng ký hộ kinh doanh Tạp hóa Ngọc Ngà.", "Mỹ Lộc", (12, 6, 2025)),
        ask("don-de-nghi", ("ĐƠN ĐỀ NGHỊ",), "don xin", "phuong-my-loc", "Ủy ban nhân dân phường Mỹ Lộc", QUY, "Đề nghị cấp bản sao trích lục hộ tịch.", "Mỹ Lộc", (9, 2, 2026)),
    ]  # fmt: skip
