"""The syllables of Vietnamese personal names as they are spelt, and what a syllable may be whose tone was misread.

Middle and given names of the Kinh majority with those of other peoples that are written in Vietnamese. A syllable that
is not among them is no error: people are named as they like.
"""

from __future__ import annotations

import unicodedata

from pipeline.describing.text import fold

_SYLLABLES = """
    Ái An Anh Ánh Ân Ấn Ẩn Âu Ba Bá Bách Bạch Bái Ban Bàng Bảo Bát Băng Bằng Bắc Bân Bích Biên Bình Bính Bông Bội Bổng
    Bửu Bưởi Ca Cảnh Cao Cát Cẩm Cầm Cẩn Cam Can Canh Cảm Chánh Chân Châu Chi Chí Chiến Chiêu Chính Chinh Chỉnh Chung
    Chuyên Chương Công Cúc Cung Cư Cử Cương Cường Danh Dạ Dân Dậu Di Dĩ Diễm Diên Diễn Diện Diệp Diệu Dinh Doãn Doanh
    Dung Dũng Duy Duyên Dư Dự Dục Dương Dưỡng Đa Đài Đại Đạm Đan Đang Đào Đạo Đạt Đăng Đắc Đằng Đẩu Đệ Đích Điềm Điền
    Điển Điệp Đình Định Đính Đoan Đoàn Đông Đồng Độ Đô Đôn Đồ Đức Đường Được Gấm Gia Giác Giang Giáng Giao Giáp Gương
    Hà Hạ Hạc Hải Hàm Hàn Hán Hạnh Hành Hanh Hào Hạo Hảo Hằng Hân Hậu Hiên Hiến Hiền Hiển Hiện Hiệp Hiếu Hiệu Hinh Hoa
    Hòa Hoà Hóa Hoài Hoan Hoàn Hoán Hoàng Hoành Hoạt Học Hoè Hòe Hội Hồi Hồng Hợi Hợp Huân Huấn Huệ Huê Hùng Hưng Huy
    Huyên Huyền Huyến Huỳnh Huỷ Hương Hường Hưởng Hướng Hữu Hựu Hy Hỷ Ích Kha Khả Khai Khải Khang Khánh Khắc Khâm Khê
    Khiêm Khiết Khoa Khoan Khoát Khôi Khởi Khuê Khúc Khuyên Khương Kiên Kiến Kiệt Kiệm Kiều Kim Kính Kỳ Kỷ Kỉnh Ký La
    Lạc Lai Lam Lãm Lan Lành Lãng Lăng Lân Lâm Lập Lắm Lê Lệ Lễ Lịch Liêm Liên Liễu Linh Lĩnh Lộc Loan Lợi Long Luân
    Luận Luật Lục Lụa Luyến Luyện Lương Lượng Lưu Lực Ly Lý Mai Mão Mẫn Mậu Mận Mây Mến Mi Miên Minh Mỹ Mị Mơ Mùi Mừng
    My Mẫu Nam Nga Ngà Ngạn Ngân Ngần Nghi Nghĩa Nghiêm Nghị Nghiệp Ngoan Ngọ Ngọc Ngôn Nguyên Nguyện Nguyệt Ngự Ngữ
    Nhạn Nhã Nhàn Nhâm Nhân Nhẫn Nhật Nhất Nhạc Nhi Nhiên Nhiệm Nho Nhu Nhung Nhuận Như Nhường Nhựt Nhị Ninh Nở Nương
    Nữ Oanh Phát Phan Phẩm Phi Phiên Phin Phòng Phong Phú Phúc Phúng Phụng Phước Phương Phượng Phùng Quan Quán Quang
    Quảng Quân Quận Quế Quí Quý Quốc Quy Quyên Quyền Quyết Quỳnh Quỳ Sa Sang Sáng Sanh San Sâm Sen Sim Sinh Sĩ Sỹ Song
    Soan Sơn Sửu Sương Sự Tài Tam Tám Tâm Tân Tấn Tần Tăng Tất Tây Thạch Thái Thanh Thành Thạnh Thánh Thao Thảo Thăng
    Thắm Thắng Thân Thận Thập Thất Thế Thêm Thêu Thi Thị Thì Thìn Thiên Thiện Thiệp Thiết Thiêm Thiệu Thịnh Thoa Thoại
    Thoan Thọ Thơ Thơm Thới Thời Thông Thống Thu Thuần Thuận Thuật Thục Thúc Thuý Thúy Thùy Thuỳ Thủy Thuỷ Thụy Thuyên
    Thuyền Thuyết Thư Thứ Thức Thực Thương Thường Thưởng Thước Tiên Tiến Tiền Tiệp Tiềm Tín Tình Tính Tỉnh Tịnh Tố
    Toàn Toán Toản Tôn Tòng Trà Trác Trang Tráng Trâm Trân Trầm Trần Tri Trí Triết Triều Triệu Triển Trinh Trình Trịnh
    Trọng Trúc Trung Trực Trụ Trường Trưởng Trương Tú Tuân Tuấn Tuất Tuệ Tùng Tụng Tuy Tuyên Tuyến Tuyền Tuyển Tuyết
    Tư Từ Tứ Tường Tưởng Tựu Tỵ Tý Uyên Uyển Út Vạn Vàng Vân Văn Vẹn Vi Vĩ Viên Viễn Việt Viết Vinh Vĩnh Vịnh Vọng Vũ
    Vui Vượng Vương Vy Vỹ Xuân Xuyên Xuyến Xinh Ý Yên Yến
"""
SYLLABLES = frozenset(_SYLLABLES.split())
_TONES = dict.fromkeys(map(ord, "\u0300\u0301\u0303\u0309\u0323"))
_BY_KEY: dict[str, set[str]] = {}


def toneless(word: str) -> str:
    """The word in lower case without its tone, its vowels as they are: "Cẩm" is "câm"."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", word.lower()).translate(_TONES))


for _syllable in SYLLABLES:
    _BY_KEY.setdefault(fold(_syllable), set()).add(_syllable)


def is_syllable(word: str) -> bool:
    """Whether names have this syllable, spelt like that, its capitals aside."""
    return word[:1].upper() + word[1:].lower() in SYLLABLES


def may_be(word: str) -> frozenset[str]:
    """What an unknown syllable may be: names' syllables of the same vowels in another tone, else of the same letters.

    Empty for a known one, and for one that no name is like.
    """
    if is_syllable(word):
        return frozenset()
    alike = _BY_KEY.get(fold(word), set())
    other_tone = {known for known in alike if toneless(known) == toneless(word)}
    return frozenset(other_tone or alike)
