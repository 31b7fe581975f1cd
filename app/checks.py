"""What may be wrong for a while: servers, folders, processes, work. Each check says what it found and what to do.

They are asked by `sohoa doctor`, by the status page and the banner, by /readyz and by /metrics: one truth for all.
What is said holds no personal data. A check that cannot find out raises; whoever asks it sets the time limit.
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, text

from app import trusted
from app.clocks import MOST_APART_S, server_clocks
from app.wiring import Wiring
from archive.ocfl import ROOT_DECLARATION
from config.messages import level_sentence
from pipeline import fixity as rolling
from pipeline import reconcile, sealing
from pipeline.differences import age_s
from pipeline.intake import OWNER_MARK
from pipeline.renewal import ALARMS_DAYS
from registry import documents, facts, reckoning, workers
from registry import fixity as known_fixity
from registry import levels as known_levels
from registry.database import read
from registry.errors import ServiceUnavailable
from registry.values import DocumentState, utc_now, vietnam_date
from signing import tsa
from signing.policy import POLICY
from signing.station import DEVELOPMENT
from signing.trust import FOREIGN

T = TypeVar("T")
LEAST_FREE, ENOUGH_FREE = 0.10, 100 << 30
"""A disk is running full below a tenth, unless that is still 100 GiB."""
FULL = 1 << 30
"""Below this nothing new is taken: not ready."""
TSA_S = 5.0
INDEX_BEHIND_S = 600.0
SILENT_S = 60.0
"""A process that has not beaten for so long is not counted as alive (pipeline.crew gives up after 30 s)."""
RECONCILED_S, BACKED_UP_S = 36 * 3600.0, 3 * 86400.0
CROWDED = 0.9
UNSIGNED_S = 3 * 86400.0
"""So long a document may wait for an official who signs at his own PC, a weekend with it."""
LEVEL_S = 86400.0
"""So long a signature may wait for its level before anybody is called."""
FIX_TRUST = {
    False: "Xem sohoa trust list; nếu đúng: sohoa trust sign.",
    True: "So dấu vân tay trong sohoa trust list với chứng thư của cơ quan và từng chứng thư gốc với nơi cấp;"
    " bỏ gốc lạ: sohoa trust remove; rồi sohoa trust sign.",
}
WORKING_ROLES, WATCHING_ROLES = ("run", "worker"), ("run", "watch")


@dataclass(frozen=True, slots=True)
class Found:
    """ok: nothing to be done. detail: what was seen; fix: what to do when it is not ok. Vietnamese."""

    ok: bool
    detail: str
    fix: str = ""


def registry(home: Wiring) -> Found:
    """The database answers and has connections left."""
    with read(home.engine) as conn:
        if conn.dialect.name != "postgresql":
            return Found(True, f"SQLite {conn.execute(text('SELECT sqlite_version()')).scalar_one()}")
        version, used, most = conn.execute(
            text(
                "SELECT current_setting('server_version'), (SELECT count(*) FROM pg_stat_activity),"
                " current_setting('max_connections')::int"
            )
        ).one()
    crowded = used > CROWDED * most
    fix = "Tăng max_connections của PostgreSQL hoặc bớt tiến trình." if crowded else ""
    return Found(not crowded, f"PostgreSQL {version}, {used}/{most} kết nối", fix)


def store(home: Wiring) -> Found:
    """The store answers, and is the one that holds the records: an empty folder may be a share that is away."""
    if not home.store.exists(ROOT_DECLARATION[0]) and _books(home, reckoning.any_archived):
        return Found(False, "kho trống dù đã có tài liệu lưu kho", "Gắn lại ổ đĩa hoặc bucket của kho lưu trữ.")
    return Found(True, _store_name(home))


def store_in_force(home: Wiring) -> Found:
    """The same, and it may be written to and protects what it holds (lock and versioning of a bucket)."""
    home.store.check()
    return store(home)


def index(home: Wiring) -> Found:
    """The index answers and has what it was given; what was just archived may come a little later."""
    found = home.index.count()
    with read(home.engine) as conn:
        held = documents.count_archived(conn)
        lag, _, since = reckoning.index_lag(conn)
    late = since is not None and age_s(since) > INDEX_BEHIND_S
    detail = f"{found} / {held} tài liệu" + (f", {lag} đang chờ" if lag else "")
    if late:
        return Found(False, detail, "Kiểm tra máy chủ chỉ mục và sohoa watch.")
    return Found(held - lag <= found <= held, detail, "sohoa index rebuild")


def index_answers(home: Wiring) -> Found:
    """The index answers, and what was archived a while ago is in it."""
    found = home.index.count()
    lag, _, since = _books(home, reckoning.index_lag) or (0, None, None)
    late = since is not None and age_s(since) > INDEX_BEHIND_S
    detail = f"{found} tài liệu" + (f", {lag} đang chờ" if lag else "")
    return Found(not late, detail, "Kiểm tra máy chủ chỉ mục và sohoa watch.")


def timestamps(home: Wiring) -> Found:
    """The timestamp authority answers within five seconds. Signing goes on without it, at a lower level."""
    told = home.settings.signing.tsa
    if told == DEVELOPMENT:
        return Found(True, "dấu thời gian thử nghiệm, trong tiến trình này")
    return Found(True, f"trả lời sau {tsa.probe(told, TSA_S):.1f} giây")


def folders(home: Wiring) -> Found:
    """Every folder is there and can be written to; `work` can be renamed into a folder archive."""
    bad = [name for name, path in used_folders(home).items() if not _writable(path)]
    if bad:
        return Found(False, ", ".join(bad), "Gắn lại ổ mạng hoặc cấp quyền ghi cho thư mục.")
    archive = archive_folder(home)
    if archive is not None and home.folder("work").stat().st_dev != archive.stat().st_dev:
        return Found(False, "work và archive khác hệ thống tệp", "Đặt work cùng hệ thống tệp với archive.")
    return Found(True, "đọc ghi được")


def inbox(home: Wiring) -> Found:
    """The inbox is the one this installation has marked as its own, with a folder for each unit."""
    place = home.folder("inbox")
    with read(home.engine) as conn:
        known = facts.get(conn, "installation")
    mark = place / OWNER_MARK
    if known and not mark.exists():
        return Found(False, "thư mục quét không phải của cài đặt này", "Gắn lại ổ mạng của thư mục quét.")
    if known and mark.read_text().strip() not in ("", known[0]):
        return Found(False, "thư mục quét thuộc cài đặt khác", "Đặt folders.inbox riêng cho từng cài đặt.")
    units = home.catalogue.units_on(vietnam_date(utc_now()))
    missing = [unit.inbox for unit in units if not (place / unit.inbox).is_dir()]
    detail = f"{len(units) - len(missing)} / {len(units)} thư mục đơn vị"
    return Found(not missing, detail, f"Gắn lại hoặc tạo thư mục: {', '.join(missing[:5])}")


def disk(home: Wiring) -> Found:
    """No disk that one of our folders lies on is running full; each disk is told once, with its folders."""
    told, short = [], []
    for names, usage in disks(home):
        share = usage.free / usage.total
        told.append(f"{', '.join(names)}: còn {usage.free >> 30} GiB ({share:.0%})")
        if share <= LEAST_FREE and usage.free < ENOUGH_FREE:
            short += names
    return Found(not short, "; ".join(told), f"Giải phóng hoặc mở rộng ổ đĩa của {', '.join(short)}.")


def room(home: Wiring) -> Found:
    """Every disk can still take a scan."""
    full = [name for names, usage in disks(home) for name in names if usage.free < FULL]
    return Found(not full, ", ".join(full) or "còn chỗ", "Giải phóng hoặc mở rộng ổ đĩa ngay.")


def clock(home: Wiring) -> Found:
    """This machine's clock agrees with those of the servers, as far as there are any."""
    apart = {name: (theirs - ours).total_seconds() for name, theirs, ours in server_clocks(home)}
    if not apart:
        return Found(True, "không áp dụng: chỉ có một máy")
    detail = ", ".join(f"{name} {seconds:+.1f} giây" for name, seconds in apart.items())
    wrong = any(abs(seconds) > MOST_APART_S for seconds in apart.values())
    return Found(not wrong, detail, "Bật đồng bộ giờ (chrony hoặc systemd-timesyncd) trên mọi máy.")


def crew(home: Wiring, *, living: Callable[[list[workers.WorkerRow]], set[str]] | None = None) -> Found:
    """Somebody works and somebody watches the inbox. living: who is alive, for those who saw the beats move."""
    with read(home.engine) as conn:
        rows = workers.listing(conn)
    alive = (living or seen_lately)(rows)
    counted: dict[str, int] = defaultdict(int)
    for row in rows:
        silent = row.alive and row.instance not in alive
        counted["im lặng" if silent else STATES.get(row.state, row.state)] += 1
    detail = ", ".join(f"{number} {state}" for state, number in counted.items()) or "chưa có tiến trình nào"
    ready = [row for row in rows if row.instance in alive and row.state == "working"]
    if not any(row.role in WORKING_ROLES for row in ready):
        return Found(False, detail, "sohoa run, hoặc sohoa worker trên ít nhất một máy")
    if not any(row.role in WATCHING_ROLES for row in ready):
        return Found(False, f"{detail}; không ai theo dõi thư mục quét", "sohoa watch trên một máy")
    return Found(True, detail)


def work(home: Wiring) -> Found:
    """Nothing is held up by something broken around it."""
    with read(home.engine) as conn:
        stalled = reckoning.stalled(conn)
        refused = sum(reckoning.refused_by_code(conn).values())
        waiting = documents.count_in_state(conn, DocumentState.REVIEW)
        to_sign = documents.count_in_state(conn, DocumentState.TO_SIGN)
    signing = f"{to_sign} chờ ký số, " if to_sign else ""
    detail = f"{waiting} chờ duyệt, {signing}{refused} trong khu cách ly, {stalled} đang mắc"
    return Found(stalled == 0, detail, "Xem khay xử lý: nguyên nhân ghi bên cạnh từng bản quét.")


def reconciliation(home: Wiring) -> Found:
    """The last reconciliation is of today, and found no difference."""
    with read(home.engine) as conn:
        kept, began = reconcile.last(conn), reckoning.began(conn)
    if kept is None:
        late = began is not None and age_s(began) > RECONCILED_S
        return Found(not late, "chưa đối chiếu lần nào", "sohoa reconcile")
    result, at = kept
    number = sum(result.counted.values())
    detail = f"{_ago(at)}; {'khớp' if result.ok else f'{number} chênh lệch: ' + ', '.join(result.counted)}"
    fix = "sohoa reconcile: từng chênh lệch và cách xử lý; hoặc trang Tình trạng hệ thống."
    return Found(result.ok and age_s(at) < RECONCILED_S, detail, fix)


def backup(home: Wiring) -> Found:
    """The registry was backed up within the last days."""
    with read(home.engine) as conn:
        at, began = backed_up_at(facts.get(conn, "backup")), reckoning.began(conn)
    if at is None:
        late = began is not None and age_s(began) > BACKED_UP_S
        return Found(not late, "chưa sao lưu lần nào", "sohoa backup, và đặt lịch chạy hằng ngày")
    return Found(age_s(at) < BACKED_UP_S, _ago(at), "sohoa backup, và đặt lịch chạy hằng ngày")


def fixity(home: Wiring) -> Found:
    """No archived object is damaged, and each was read within the last 90 days."""
    with read(home.engine) as conn:
        found, wrong = known_fixity.summary(conn), rolling.damaged(conn)
    if found.oldest is None:
        return Found(True, "chưa có gì trong kho")
    days = (utc_now() - found.oldest).days
    detail = f"phần lâu chưa đọc lại nhất: {days} ngày"
    if found.damaged:
        named = ", ".join(identifier for identifier, _ in wrong[:3])
        detail = f"{found.damaged} gói hỏng: {named}; {detail}"
        fix = (
            "Đừng dùng tài liệu này. Khôi phục từ kho thứ hai, rồi sohoa archive audit --older-than 0: cảnh báo tự hết."
        )
        return Found(False, detail, fix)
    fix = "Chạy sohoa run hoặc sohoa watch hằng ngày, hoặc sohoa archive audit --older-than 80."
    return Found(days <= rolling.LIMIT_DAYS, detail, fix)


def sealed(home: Wiring) -> Found:
    """The audit log was sealed into the archive within the last days, and a timestamp authority vouched for it."""
    with read(home.engine) as conn:
        fact, began = facts.get(conn, sealing.FACT), reckoning.began(conn)
    at, stamped = backed_up_at(fact), sealing.stamped_at(fact[0]) if fact else None
    fix = "sohoa audit seal; nếu báo nhật ký không nguyên vẹn: sohoa audit verify"
    if at is None:
        return Found(began is None or age_s(began) <= BACKED_UP_S, "chưa niêm phong lần nào", fix)
    if age_s(at) >= BACKED_UP_S:
        return Found(False, _ago(at), fix)
    since = stamped.isoformat() if stamped else began
    if since is not None and age_s(since) >= BACKED_UP_S:
        told = f"dấu thời gian mới nhất {_ago(since)}" if stamped else "chưa niêm phong nào có dấu thời gian"
        fix = "Kiểm tra signing.tsa bằng sohoa doctor --certificate, rồi sohoa audit seal."
        return Found(False, f"{_ago(at)}; {told}", fix)
    return Found(True, _ago(at))


def trust(home: Wiring) -> Found:
    """The trust anchors are those that somebody signed for, and none of them has expired."""
    found = trusted.listed(home)
    if found.problem:
        files = f" ({', '.join(found.strangers)})" if found.strangers else ""
        detail = f"{len(found.anchors)} chứng thư gốc; {trusted.PROBLEMS[found.problem]}{files}"
        return Found(False, detail, FIX_TRUST[found.problem == FOREIGN])
    over = [a.subject for a in found.anchors if a.not_after < utc_now()]
    detail = f"{len(found.anchors)} chứng thư gốc, danh sách phiên bản {found.version} đã {found.age_days} ngày"
    if over:
        return Found(False, f"{detail}; {len(over)} đã hết hạn", "Thêm chứng thư gốc mới: sohoa trust add.")
    return Found(True, detail)


def levels(home: Wiring) -> Found:
    """No archived signature waits longer than a day for its level, and none is hindered by what does not heal."""
    with read(home.engine) as conn:
        waiting = known_levels.below(conn, home.settings.signing.level)
    if not waiting:
        return Found(True, f"mọi chữ ký đạt mức {home.settings.signing.level}")
    number = sum(group.number for group in waiting)
    stuck = next((g for g in waiting if not g.heals), None)
    late = next((g for g in waiting if age_s(g.since) > LEVEL_S), None)
    told = stuck or late or waiting[0]
    detail = f"{number} hồ sơ chờ nâng mức chữ ký: {level_sentence(told.why)}"
    return Found(stuck is None and late is None, detail, "sohoa archive renew; hoặc trang Lịch gia hạn.")


def to_sign(home: Wiring) -> Found:
    """No document waits for days for whoever signs it: until then it is neither archived nor found."""
    number, since = _books(home, reckoning.waiting_for_signature) or (0, None)
    if since is None:
        return Found(True, "không có tài liệu chờ người ký")
    detail = f"{number} tài liệu chờ người ký, lâu nhất từ {vietnam_date(datetime.fromisoformat(since)):%d/%m/%Y}"
    return Found(age_s(since) <= UNSIGNED_S, detail, "Nhắc người ký mở trang Chờ ký số.")


def renewals(home: Wiring) -> Found:
    """No timestamp of the archive ends within 90 days: the runner renews it before. Told at 90, 30 and 7 days. Those
    that were not measured by the policy in force are told as well."""
    today = vietnam_date(utc_now())
    with read(home.engine) as conn:
        first = known_levels.next_end(conn)
        due = [(d, known_levels.count_to_renew(conn, today + timedelta(days=d))) for d in sorted(ALARMS_DAYS)]
        unknown = known_levels.count_unmeasured(conn, POLICY.version)
    more = f"; {unknown} hồ sơ chưa tính hạn theo quy tắc {POLICY.version}" if unknown else ""
    if first is None:
        return Found(True, f"chưa có dấu thời gian nào{more}")
    days, number = next(((d, n) for d, n in due if n), (0, 0))
    if not number:
        return Found(True, f"sớm nhất hết hạn ngày {first:%d/%m/%Y}{more}")
    detail = f"{number} hồ sơ hết hạn dấu thời gian trong {days} ngày, sớm nhất {first:%d/%m/%Y}{more}"
    return Found(
        False, detail, f"sohoa archive renew --due-within {days}; nếu không được, xem lý do ở trang Lịch gia hạn."
    )


STATES = {"working": "đang làm", "draining": "đang dừng", "stopped": "đã dừng", "lost": "đã mất"}


def backed_up_at(fact: tuple[object, str] | None) -> str | None:
    """When the newest backup was made: what is kept of the fact may be touched later."""
    if fact is None:
        return None
    told = fact[0].get("made_at") if isinstance(fact[0], dict) else None
    return str(told).replace("Z", "+00:00") if told else fact[1]


def seen_lately(rows: list[workers.WorkerRow]) -> set[str]:
    """Who is alive by its own last words; a clock that jumped makes this wrong for a while."""
    return {row.instance for row in rows if row.alive and abs(age_s(row.seen_at)) < SILENT_S}


def archive_folder(home: Wiring) -> Path | None:
    """The folder of the archive, when it is one."""
    told = home.settings.archive
    if told.kind != "folder":
        return None
    return home.settings.path(told.folder) if told.folder else home.folder("archive")


def used_folders(home: Wiring) -> dict[str, Path]:
    """The folders that this installation writes to, by their names in the settings."""
    found = {name: home.folder(name) for name in ("inbox", "done", "quarantine", "work")}
    if (archive := archive_folder(home)) is not None:
        found["archive"] = archive
    if home.settings.index.kind == "tantivy":
        found["index"] = home.folder("index")
    return found


def disks(home: Wiring) -> Iterator[tuple[list[str], shutil._ntuple_diskusage]]:
    """Each disk with the folders on it; one that is away is left out: `folders` tells that."""
    places = dict(used_folders(home))
    if not home.settings.registry.url:
        places["registry"] = home.settings.home
    by_device: dict[int, list[str]] = defaultdict(list)
    for name, path in places.items():
        if path.exists():
            by_device[path.stat().st_dev].append(name)
    for names in by_device.values():
        yield names, shutil.disk_usage(places[names[0]])


def _books(home: Wiring, ask: Callable[[Connection], T]) -> T | None:
    """What the registry says besides; None while it is away: that is told by its own check, not by another's."""
    try:
        with read(home.engine) as conn:
            return ask(conn)
    except ServiceUnavailable:
        return None


def _writable(path: Path) -> bool:
    return path.is_dir() and os.access(path, os.R_OK | os.W_OK | os.X_OK)


def _store_name(home: Wiring) -> str:
    told = home.settings.archive
    return f"S3, bucket {told.bucket}" if told.kind == "s3" else "thư mục"


def _ago(at: str) -> str:
    hours = (utc_now() - datetime.fromisoformat(at)).total_seconds() / 3600
    return f"{hours:.0f} giờ trước" if hours >= 1 else "trong giờ qua"
