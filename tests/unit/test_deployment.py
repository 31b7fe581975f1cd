"""What an administrator installs: images pinned, nothing open but the proxy, no secret anywhere but in its file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.settings import Settings, load_settings
from registry import workers
from registry.database import open_registry, write
from registry.tables import workers as workers_table
from registry.values import utc_now

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
TOLD = {
    "TSA_URL": "http://tsa.example/",
    "HOME_FOLDER": "/srv/sohoa",
    "SERVERS_CA": "/etc/ssl/ca.pem",
    "MACHINE": "reader-2",
    "REGISTRY_HOST": "db.example",
    "ARCHIVE_ENDPOINT": "s3.example:9000",
    "INDEX_URL": "https://es.example:9200",
}
"""What an administrator fills in; everything else has a default or is an error."""
EXACT = re.compile(r"[\w./-]+:\d[\w.]*\d[\w.-]*")
SENSITIVE = re.compile(r"PASSWORD|SECRET|PASSPHRASE|TOKEN|PRIVATE|(?<!ACCESS_)KEY")


def compose(path: Path = ROOT / "docker-compose.yml") -> dict[str, Any]:
    """The file as Compose reads it: variables put in, an unfilled one an error."""

    def put_in(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        name, operator, default = found[1], found[2], found[3]
        if name in TOLD:
            return TOLD[name]
        assert operator == ":-", f"{name} is asked for and not in TOLD"
        return str(default)

    told: dict[str, Any] = yaml.safe_load(
        re.sub(r"\$\$|\$\{(\w+)(:[-?])([^}]*)\}", put_in, path.read_text(encoding="utf-8"))
    )
    return told


COMPOSE = compose()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
MACHINE: dict[str, dict[str, Any]] = compose(DEPLOY / "machine.yml")["services"]
ALL = [*SERVICES.items(), *MACHINE.items()]
OURS = [pytest.param(s, id=n) for n, s in ALL if s["image"].startswith("sohoa:")]
LASTING = [pytest.param(s, id=n) for n, s in ALL if s["restart"] == "unless-stopped"]


def version() -> str:
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def dockerfile(path: Path) -> list[tuple[str, str]]:
    """(instruction, rest) in order, continued lines joined."""
    text = re.sub(r"\\\n", " ", path.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


# images


def test_every_image_is_named_exactly() -> None:
    images = [s["image"] for _, s in ALL]
    images += [
        rest.split()[0]
        for path in (ROOT / "Dockerfile", DEPLOY / "minio/Dockerfile")
        for word, rest in dockerfile(path)
        if word == "FROM"
    ]
    assert [i for i in images if not EXACT.fullmatch(i) or "latest" in i] == []
    assert {i for i in images if i.startswith("sohoa:")} == {f"sohoa:{version()}"}


def test_the_object_store_and_the_index_are_those_the_tests_run_against() -> None:
    built = (DEPLOY / "minio/Dockerfile").read_text(encoding="utf-8")
    (module,) = re.findall(r"github\.com/minio/minio@\S+", (ROOT / "tools/install-servers").read_text(encoding="utf-8"))
    assert module.rstrip('"') in built
    of_tests = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "tests/servers").rglob("*") if p.is_file())
    minor = re.search(r"elasticsearch:(\d+\.\d+)\.", SERVICES["elasticsearch"]["image"])
    assert minor is not None
    assert re.search(rf"\b{re.escape(minor[1])}\.\d", of_tests)


def test_the_image_is_built_from_the_lock_and_runs_as_nobody_special() -> None:
    steps = dockerfile(ROOT / "Dockerfile")
    runs = [rest for word, rest in steps if word == "RUN"]
    assert any("uv sync --frozen --no-dev --no-editable" in run for run in runs)
    assert any("uv.lock" in rest for word, rest in steps if word == "COPY")
    (uv,) = re.findall(r"uv==[\d.]+", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert any(uv in run for run in runs)
    last = len(steps) - 1 - [word for word, _ in reversed(steps)].index("FROM")
    assert [rest for word, rest in steps[last:] if word == "USER"] == ["10001:10001"]
    assert any(word == "HEALTHCHECK" and "NONE" not in rest for word, rest in steps[last:])
    assert any("install-packages base" in rest for word, rest in steps[last:] if word == "RUN")
    assert not any(word == "ADD" for word, _ in steps)
    assert not [rest for word, rest in steps if word in ("ENV", "ARG") and SENSITIVE.search(rest)]


def test_every_room_and_nothing_else_gets_into_the_image() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    copied = {rest.split()[0] for word, rest in dockerfile(ROOT / "Dockerfile") if word == "COPY"}
    let_in = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert set(rooms) <= copied
    assert next(line for line in let_in if line and not line.startswith("#")) == "*"
    assert {line[1:] for line in let_in if line.startswith("!")} == {
        *rooms,
        *("LICENSE", "README.md", "pyproject.toml", "uv.lock", "tools/install-packages", "deploy/alive.py"),
    }


# services


@pytest.mark.parametrize("service", LASTING)
def test_every_lasting_service_is_watched_limited_and_has_no_rights_to_spare(service: dict[str, Any]) -> None:
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["cap_drop"] == ["ALL"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert service["logging"]["options"]["max-size"]
    assert "privileged" not in service
    assert not str(service.get("user", "1")).startswith(("0", "root"))


def test_what_does_not_last_is_a_job_that_ends() -> None:
    jobs = {name for name, s in SERVICES.items() if s["restart"] != "unless-stopped"}
    assert jobs == {"init", "migrate", "archive-bucket", "index-account"}
    assert {name for name, s in SERVICES.items() if "profiles" in s} == {"init", "migrate", "index-account"}
    # `up --wait` calls a job that has ended a failure, unless others wait for just that
    assert SERVICES["worker"]["depends_on"]["archive-bucket"] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("service", OURS)
def test_our_containers_cannot_change_their_own_program(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["tmpfs"][0].startswith("/tmp")
    assert service["init"] is True


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert {n for n, s in ALL if "ports" in s} == {"proxy"}
    assert SERVICES["proxy"]["ports"] == MACHINE["proxy"]["ports"]
    assert {n for n, s in SERVICES.items() if "front" in s["networks"]} == {"proxy", "web"}
    assert SERVICES["proxy"]["networks"] == ["front"]
    assert COMPOSE["networks"]["back"] == {"internal": True}
    for name in ("postgres", "minio", "elasticsearch"):
        assert SERVICES[name]["networks"] == ["back"]
    to_all = [p for p in SERVICES["proxy"]["ports"] if not p.startswith("127.0.0.1:")]
    assert to_all == ["80:8080", "443:8443"]


def test_the_proxy_keeps_the_figures_inside_and_takes_files_as_large_as_the_inbox_does() -> None:
    told = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    public = told.split(":8443 {", 1)[1].split("\n}", 1)[0]
    assert re.search(r"@inside path .*/metrics", public)
    assert "respond @inside 404" in public
    (megabytes,) = re.findall(r"max_size (\d+)MB", public)
    assert int(megabytes) * 10**6 == Settings(home=ROOT).intake.max_bytes
    # the application's own security headers pass through: only the proxy's name is taken away
    assert re.findall(r"^\theader (\S+)", public, re.M) == ["Strict-Transport-Security", "-Server"]


def test_what_must_last_lies_in_named_volumes() -> None:
    kept = {name: v.split(":")[0] for name, s in SERVICES.items() for v in s.get("volumes", ()) if isinstance(v, str)}
    assert {name: v for name, v in kept.items() if v in COMPOSE["volumes"]} == {
        "postgres": "registry",
        "minio": "archive",
        "elasticsearch": "index",
    }


@pytest.mark.parametrize("service", OURS)
def test_a_mistyped_folder_is_an_error_and_not_an_empty_installation(service: dict[str, Any]) -> None:
    binds = [v for v in service["volumes"] if v["type"] == "bind"]
    assert {b["target"] for b in binds} >= {"/srv/sohoa", "/etc/sohoa/trust"}
    assert all(b["bind"] == {"create_host_path": False} for b in binds)


def test_a_page_under_way_is_finished_before_a_container_is_killed() -> None:
    for service in (SERVICES["worker"], SERVICES["watch"], MACHINE["worker"], MACHINE["watch"]):
        patience = int(str(service["stop_grace_period"]).removesuffix("s"))
        assert patience >= Settings(home=ROOT).workers.page_timeout_s + 15


def test_nobody_waits_for_the_index_to_be_well() -> None:
    for name in ("web", "watch", "worker"):
        assert SERVICES[name]["depends_on"]["elasticsearch"] == {"condition": "service_started"}
        assert SERVICES[name]["depends_on"]["postgres"] == {"condition": "service_healthy"}


# settings


def told_by(service: dict[str, Any], home: Path, monkeypatch: pytest.MonkeyPatch, toml: str = "") -> Settings:
    """The settings that a container of this service sees."""
    for name in [n for n in os.environ if n.startswith("SOHOA_")]:
        monkeypatch.delenv(name)
    for name, value in service["environment"].items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("SOHOA_HOME", str(home))
    (home / "sohoa.toml").write_text(toml, encoding="utf-8")
    return load_settings(home)


@pytest.mark.parametrize("service", OURS)
def test_every_variable_is_a_setting(service: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in service["environment"]:
        if name.startswith("SOHOA_"):
            assert name.removeprefix("SOHOA_").split("__")[0].lower() in Settings.model_fields
    told = told_by(service, tmp_path, monkeypatch)
    if service.get("entrypoint") == ["sohoa", "migrate"]:
        assert told == Settings(home=tmp_path)
        return
    assert (told.archive.kind, told.index.kind, told.log.format) == ("s3", "elasticsearch", "json")
    assert told.registry.url.startswith("postgresql+psycopg://")
    assert told.signing.tsa == TOLD["TSA_URL"]
    assert not told.demo


def test_an_installation_moves_to_the_very_servers_that_the_containers_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved_to = (DEPLOY / "grown.toml").read_text(encoding="utf-8")
    by_file = told_by(SERVICES["migrate"], tmp_path, monkeypatch, moved_to)
    by_variables = told_by(SERVICES["worker"], tmp_path, monkeypatch)
    assert by_file.model_dump(exclude={"workers"}) == by_variables.model_dump(exclude={"workers"})


@pytest.mark.parametrize("name", ["worker", "watch", "web"])
def test_machines_agree_on_everything_but_where_the_servers_are(name: str) -> None:
    here, there = SERVICES[name]["environment"], MACHINE[name]["environment"]
    places = {"SOHOA_REGISTRY__URL", "SOHOA_ARCHIVE__ENDPOINT", "SOHOA_ARCHIVE__SECURE", "SOHOA_INDEX__URLS"}
    own = {"SOHOA_ARCHIVE__CA_FILE", "SOHOA_INDEX__CA_FILE"}
    assert {k: v for k, v in here.items() if k not in places} == {
        k: v for k, v in there.items() if k not in places | own
    }
    assert "SOHOA_ARCHIVE__SECURE" not in there  # TLS is the default
    assert "sslmode=verify-full" in there["SOHOA_REGISTRY__URL"]
    assert SERVICES[name]["secrets"] == MACHINE[name]["secrets"]


# secrets


@pytest.mark.parametrize(("name", "service"), ALL)
def test_a_secret_is_a_file_that_the_service_was_given(name: str, service: dict[str, Any]) -> None:
    given = set(service.get("secrets", ()))
    for variable, value in service.get("environment", {}).items():
        if SENSITIVE.search(variable):
            assert variable.endswith("_FILE"), f"{name}: {variable} holds a secret itself"
        where = str(value)
        # the pages sign nothing: they are told where the key would be, and do not have it
        if where.startswith("/run/secrets/") and not (name in ("web", "archive-bucket") and "/signing_" in where):
            assert where.removeprefix("/run/secrets/") in given
    assert given <= set(COMPOSE["secrets"])
    assert name != "web" or not {s for s in given if s.startswith("signing")}


def test_secrets_are_files_of_one_folder_and_each_is_used() -> None:
    raw = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert all(list(s) == ["file"] for s in raw["secrets"].values())
    assert all(s["file"].startswith("${SECRETS_FOLDER:-./secrets}/") for s in raw["secrets"].values())
    assert {s for service in SERVICES.values() for s in service.get("secrets", ())} == set(raw["secrets"])
    assert "/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def make_secrets(folder: Path, *, name: str = "sohoa.example") -> subprocess.CompletedProcess[str]:
    owner = [] if os.geteuid() == 0 else ["--keep-owner"]
    return subprocess.run(
        [DEPLOY / "make-secrets", *owner, name, folder], capture_output=True, text=True, check=False, timeout=60
    )


def test_made_secrets_are_random_and_each_is_read_by_its_one_reader(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    done = make_secrets(folder)
    assert done.returncode == 0, done.stderr
    wanted = {s["file"].removeprefix("./secrets/") for s in COMPOSE["secrets"].values()}
    made = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
    assert wanted - set(made) == {"sohoa/signing_key", "sohoa/signing_passphrase"}
    assert set(made) <= wanted
    assert {p.stat().st_mode & 0o777 for p in made.values()} == {0o600}
    if os.geteuid() == 0:
        owners = {p.parts[-2]: p.stat().st_uid for p in made.values()}
        assert owners == {"sohoa": 10001, "postgres": 999, "minio": 10002, "elasticsearch": 1000, "proxy": 10003}
    secrets = {name: p.read_text() for name, p in made.items() if not name.startswith("proxy/")}
    assert secrets["sohoa/registry_password"] == secrets["postgres/password"]
    assert secrets["sohoa/archive_secret_key"] == secrets["minio/secret_key"]
    assert secrets["sohoa/index_password"] == secrets["elasticsearch/sohoa_password"]
    assert len(set(secrets.values())) == 4
    assert all(re.fullmatch(r"[0-9a-f]{40}", value) for value in secrets.values())
    assert not any(value in done.stdout + done.stderr for value in secrets.values())
    again = tmp_path / "again"
    assert make_secrets(again).returncode == 0
    assert (again / "postgres/password").read_text() != secrets["postgres/password"]


def test_secrets_in_use_are_never_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    assert make_secrets(folder).returncode == 0
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    refused = make_secrets(folder)
    assert refused.returncode == 1
    assert "không ghi đè" in refused.stderr
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["secrets"]


def test_a_name_that_would_change_the_certificate_is_refused(tmp_path: Path) -> None:
    assert make_secrets(tmp_path / "secrets", name="x/CN=other").returncode == 1
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def elasticsearch_stub() -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """An address, and what was put there: (path, authorization, body)."""
    seen: list[tuple[str, str, str]] = []

    class Answer(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            seen.append((self.path, self.headers["Authorization"], body))
            self.send_response(200 if "refuse" not in body else 400)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()


def test_the_account_for_the_index_may_touch_only_its_own_indices(
    tmp_path: Path, elasticsearch_stub: tuple[str, list[tuple[str, str, str]]]
) -> None:
    address, seen = elasticsearch_stub
    (tmp_path / "elastic_password").write_text("root-of-all")
    (tmp_path / "elastic_sohoa_password").write_text("of-sohoa")
    command = [DEPLOY / "elasticsearch/make-account", address, tmp_path]
    assert subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0
    (role, user) = seen
    assert role[0] == "/_security/role/sohoa"
    assert {n for i in json.loads(role[2])["indices"] for n in i["names"]} == {"sohoa", "sohoa-*"}
    assert json.loads(role[2])["cluster"] == ["monitor"]
    assert (user[0], json.loads(user[2])) == ("/_security/user/sohoa", {"password": "of-sohoa", "roles": ["sohoa"]})
    assert role[1] == user[1] == "Basic ZWxhc3RpYzpyb290LW9mLWFsbA=="
    (tmp_path / "elastic_sohoa_password").write_text("refuse")
    assert subprocess.run(command, capture_output=True, check=False, timeout=30).returncode != 0


# health checks


def alive(home: Path, what: str, **environment: str) -> int:
    told = {**os.environ, "SOHOA_HOME": str(home), "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, DEPLOY / "alive.py", what], env=told, capture_output=True, check=False, timeout=60
    ).returncode


def test_a_container_is_healthy_while_its_heart_beats(tmp_path: Path) -> None:
    (tmp_path / "sohoa.toml").touch()
    engine = open_registry(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    assert alive(tmp_path, "work") == 1
    with write(engine) as conn:
        workers.register(conn, instance="other-1", role="worker", host="another-machine", version="1")
    assert alive(tmp_path, "work") == 1
    with write(engine) as conn:
        workers.register(conn, instance="here-1", role="worker", host=os.uname().nodename, version="1")
    assert alive(tmp_path, "work") == 0
    silent = (utc_now() - timedelta(seconds=120)).isoformat(timespec="microseconds")
    with write(engine) as conn:
        conn.execute(workers_table.update().values(seen_at=silent))
    engine.dispose()
    assert alive(tmp_path, "work") == 1


def test_pages_that_do_not_answer_are_not_healthy(tmp_path: Path) -> None:
    assert alive(tmp_path, "web", SOHOA_WEB__PORT="9") == 1
