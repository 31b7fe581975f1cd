"""What a record is, in two descriptions: Dublin Core for everybody, and the fields of Vietnamese archives."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from archive.export.record import Outgoing, instant
from archive.export.xml import xml_bytes

DC, OAI_DC = "http://purl.org/dc/elements/1.1/", "http://www.openarchives.org/OAI/2.0/oai_dc/"
RECORD = "urn:sohoa:tt05-2025"
RETENTION_CODES = {None: "01", 70: "02", 50: "03", 30: "04", 20: "05", 10: "06"}
"""Thời hạn lưu trữ as exchanged with historical archives: 01 vĩnh viễn, 02 70 năm, …; 07 is any other period."""
CONDITIONAL = "02"
"""Mức độ tiếp cận: 01 công khai, 02 có điều kiện, 03 mật. Papers of citizens are read for a purpose only; secret ones
do not come in (TT 01/2023/TT-VPCP)."""

SCHEMA = f"""<?xml version="1.0" encoding="UTF-8"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{RECORD}" elementFormDefault="qualified">
 <xs:element name="taiLieu">
  <xs:complexType><xs:sequence>
   <xs:any maxOccurs="unbounded" processContents="lax" namespace="##targetNamespace"/>
  </xs:sequence></xs:complexType>
 </xs:element>
 {{elements}}
 <xs:element name="tepTin">
  <xs:complexType><xs:simpleContent><xs:extension base="xs:string">
   <xs:attribute name="sha256" type="xs:string" use="required"/>
  </xs:extension></xs:simpleContent></xs:complexType>
 </xs:element>
</xs:schema>
"""
FIELDS = ("maDinhDanh", "maHoSo", "maThanhPhan", "tieuDe", "loaiTaiLieu", "soKyHieu", "coQuanBanHanh", "ngayBanHanh",
          "trichYeu", "nguoiKy", "ngonNgu", "soTrang", "thoiHanLuuTru", "maThoiHanLuuTru", "luuTruDen", "mucDoTiepCan",
          "mucDoTinCay", "donViSoHoa", "maDonViSoHoa", "thoiGianSoHoa", "thoiGianLuuTru")  # fmt: skip


def dublin_core(record: Outgoing) -> bytes:
    """Dublin Core 1.1 in the envelope of OAI. Nobody but agencies is named in it."""
    described, told = record.papers.metadata.description, record.papers.metadata
    root = Xml.Element(f"{{{OAI_DC}}}dc")
    for name, value in (
        ("identifier", record.identifier),
        ("identifier", described.value("number_symbol")),
        ("title", record.title),
        ("creator", described.value("issuing_agency")),
        ("publisher", record.names.unit),
        ("date", described.value("issued_on")),
        ("description", described.value("subject")),
        ("type", record.names.kind),
        ("format", "application/pdf"),
        ("language", "vi"),
        ("relation", told.dossier_code),
        ("rights", "Sử dụng có điều kiện"),
    ):
        if value:
            Xml.SubElement(root, f"{{{DC}}}{name}").text = value
    return xml_bytes(root, {"dc": DC, "oai_dc": OAI_DC})


def dossier_record(record: Outgoing) -> bytes:
    """The fields of TT 05/2025/TT-BNV that this record can fill; the schema is `tt05_schema`."""
    told, described = record.papers.metadata, record.papers.metadata.description
    values = {
        "maDinhDanh": record.identifier,
        "maHoSo": told.dossier_code,
        "maThanhPhan": told.component_code,
        "tieuDe": record.title,
        "loaiTaiLieu": record.names.kind,
        "soKyHieu": described.value("number_symbol"),
        "coQuanBanHanh": described.value("issuing_agency"),
        "ngayBanHanh": described.value("issued_on"),
        "trichYeu": described.value("subject"),
        "nguoiKy": described.value("signer_name"),
        "ngonNgu": "tiếng Việt",
        "soTrang": str(told.page_count),
        "thoiHanLuuTru": record.names.retention,
        "maThoiHanLuuTru": RETENTION_CODES.get(record.names.retention_years, "07"),
        "luuTruDen": told.retain_until.isoformat() if told.retain_until else None,
        "mucDoTiepCan": CONDITIONAL,
        "mucDoTinCay": "số hóa từ bản giấy, ký số" if told.converted_from_paper else "bản điện tử",
        "donViSoHoa": record.names.unit,
        "maDonViSoHoa": told.converted_by_unit,
        "thoiGianSoHoa": instant(told.converted_at),
        "thoiGianLuuTru": instant(told.archived_at),
    }
    root = Xml.Element(f"{{{RECORD}}}taiLieu")
    for name in FIELDS:
        if value := values[name]:
            Xml.SubElement(root, f"{{{RECORD}}}{name}").text = value
    for logical, digest in sorted(record.papers.digests.items()):
        Xml.SubElement(root, f"{{{RECORD}}}tepTin", sha256=digest).text = logical
    return xml_bytes(root, {"tt05": RECORD})


def tt05_schema() -> bytes:
    """XML Schema of `dossier_record`."""
    elements = "\n ".join(f'<xs:element name="{name}" type="xs:string"/>' for name in FIELDS)
    return SCHEMA.replace("{elements}", elements).encode()
