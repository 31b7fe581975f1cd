"""The grown index: Elasticsearch. Any number of processes on any number of machines write and search.

What is searched is the alias `<prefix>`; behind it stands one index `<prefix>-v<SCHEMA>-<time>`. A rebuild fills
another one and swaps it in. Until it does, its alias `<prefix>-filling-<time>` tells of it: whoever writes or deletes
meanwhile does so in both. Who is right about a document is told by versions, compared by the engine, not by clocks:
the rebuild writes REBUILT, and only where nothing newer stands or was deleted; the day's work writes CURRENT.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from elastic_transport.client_utils import DEFAULT
from elasticsearch import BadRequestError, ConnectionTimeout, Elasticsearch, NotFoundError

from registry.errors import Conflict, ServiceUnavailable, SettingsInvalid
from registry.values import DocumentId
from search.elastic_bulk import Change, IndexGone, batches, error_type, send, translated
from search.elastic_query import FACETS, MAPPING, SCHEMA, SETTINGS, count_body, hits_body, source
from search.hits import hit
from search.index import IndexEntry, SearchRequest, SearchResult
from search.query import Asked, understand

REBUILT, CURRENT = 1, 2
TIMEOUT_S = 5.0
"""A search that takes longer is given up: a person has looked away."""
ADMIN_TIMEOUT_S = 60.0
MERGE_TIMEOUT_S = 600.0
SEGMENTS = 4
"""Of a rebuilt index: several, since one search is worked on by several cores only where there are several."""
CONNECTIONS = 24
LOOK_AGAIN_S = 10.0
"""So long an alias is believed to lead to an index of our schema."""
OVERTAKEN = "another rebuild of the index was swapped in meanwhile"
OTHER_SCHEMA = "the index is of another version; `sohoa index rebuild` makes it anew"
T = TypeVar("T")

for _name in ("elastic_transport", "elasticsearch"):
    logging.getLogger(_name).setLevel(logging.ERROR)  # they may tell requests, and those hold names


class ElasticIndex:
    """SearchIndex behind the alias `prefix`. Raises SettingsInvalid when the address, or the account, is none."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        prefix: str,
        user: str = "",
        password: str | None = None,
        ca_file: Path | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        try:
            self._client = Elasticsearch(
                list(urls), basic_auth=(user, password or "") if user else None, request_timeout=timeout_s,
                retry_on_timeout=False, retry_on_status=(502, 504), max_retries=len(urls),
                connections_per_node=CONNECTIONS,
                ca_certs=str(ca_file) if ca_file else DEFAULT,
            )  # fmt: skip
        except ValueError as exc:
            raise SettingsInvalid("index.urls must hold scheme, host and port: https://search.example:9200") from exc
        self._prefix = prefix
        self._ours = re.compile(rf"{re.escape(prefix)}-v\d+-\d+")
        self._copy = uuid.uuid4().hex
        self._checked_at: float | None = None
        self._closed = threading.Event()

    def put(self, entries: Sequence[IndexEntry]) -> None:
        self._write(Change("index", e.document_id, CURRENT, "external_gte", source(e)) for e in entries)

    def delete(self, ids: Sequence[DocumentId]) -> None:
        self._write(Change("delete", document_id, CURRENT, "external_gte") for document_id in ids)

    def search(self, request: SearchRequest) -> SearchResult:
        return self._with_index(lambda: self._search(request))

    def count(self) -> int:
        return self._with_index(lambda: int(self._client.count(index=self._prefix)["count"]))

    def rebuild(self, entries: Iterable[IndexEntry]) -> int:
        """As the Protocol says; what is put or deleted meanwhile stands. Raises Conflict when another rebuild, begun
        beside this one, was swapped in first. After a failure nothing has changed."""
        name, filling = self._begin()
        try:
            number = self._fill(filling, entries)
            with translated():
                self._swap_in(name)
        except BaseException:
            with suppress(ServiceUnavailable, SettingsInvalid), translated():
                self._client.options(ignore_status=404).indices.delete(index=name)
            raise
        with translated():
            self._remove_others(name)
        return number

    def close(self) -> None:
        self._closed.set()
        self._client.close()

    # searching

    def _search(self, request: SearchRequest) -> SearchResult:
        started = time.perf_counter()
        asked, fuzzy = understand(request.query), False
        counted, best = self._ask(request, asked, fuzzy=False)
        if not counted["hits"]["total"]["value"] and asked.words:
            fuzzy = True
            counted, best = self._ask(request, asked, fuzzy=True)
        total = int(counted["hits"]["total"]["value"])
        found = best["hits"]["hits"][: request.limit]
        facets = counted["aggregations"]
        return SearchResult(
            total=total,
            hits=tuple(hit(IndexEntry.model_validate(h["_source"]["entry"]), h["_score"], asked) for h in found),
            facets={name: {b["key"]: b["doc_count"] for b in facets[name]["buckets"]} for name in FACETS},
            fuzzy=fuzzy and total > 0,
            took_ms=round((time.perf_counter() - started) * 1000, 2),
        )

    def _ask(self, request: SearchRequest, asked: Asked, *, fuzzy: bool) -> tuple[Any, Any]:
        """All matches counted, and the wanted page of the best of them: two searches in one request, because an engine
        that need not count can leave most of the papers unscored."""
        header = {"index": self._prefix, "preference": self._copy, "allow_partial_search_results": False}
        bodies = (count_body(request, asked, fuzzy=fuzzy), hits_body(request, asked, fuzzy=fuzzy))
        answers = self._client.msearch(searches=[line for body in bodies for line in (header, body)])["responses"]
        for answer in answers:
            if "error" in answer:
                raise _failed(answer)
        counted, best = answers
        return counted, best

    # writing

    def _write(self, changes: Iterable[Change]) -> None:
        """The changes are in the index searched, and in every one that is being filled, and can be found.

        Into those being filled first: when one of them is swapped in between, the alias leads to it.
        """
        for batch in batches(changes):
            self._with_index(partial(self._write_batch, batch))

    def _write_batch(self, batch: Sequence[Change]) -> None:
        for alias in self._filling():
            with suppress(IndexGone):
                send(self._client, alias, batch, refresh=True, stop=self._closed)
        send(self._client, self._prefix, batch, refresh=True, stop=self._closed)

    def _filling(self) -> list[str]:
        """The aliases of indices that rebuilds are filling just now."""
        found = self._client.options(ignore_status=404).indices.get_alias(name=f"{self._prefix}-filling-*").body
        ours = {name: told for name, told in found.items() if self._ours.fullmatch(name)}
        if not all(name.startswith(f"{self._prefix}-v{SCHEMA}-") for name in ours):
            raise ServiceUnavailable(OTHER_SCHEMA)  # a newer version rebuilds: it will take these documents itself
        return sorted(alias for told in ours.values() for alias in told["aliases"])

    # the alias and what stands behind it

    def _with_index(self, act: Callable[[], T]) -> T:
        """What `act` gives, once there is an index; asked again when the index was swapped or removed under it."""
        with translated():
            self._require_index()
            try:
                return act()
            except (IndexGone, NotFoundError):
                self._checked_at = None
                self._require_index()
            try:
                return act()
            except IndexGone as exc:
                raise ServiceUnavailable(f"Elasticsearch could not answer: {exc}") from None

    def _require_index(self) -> None:
        """The alias leads to an index of our schema; an empty one is made when there is none. Safe at the same time in
        several processes. Raises ServiceUnavailable for an index of another schema."""
        if self._checked_at is not None and time.monotonic() - self._checked_at < LOOK_AGAIN_S:
            return
        names = self._names() or self._make_first()
        if not all(name.startswith(f"{self._prefix}-v{SCHEMA}-") for name in names):
            raise ServiceUnavailable(OTHER_SCHEMA)
        self._checked_at = time.monotonic()

    def _names(self) -> list[str]:
        found = self._client.options(ignore_status=404).indices.get_alias(name=self._prefix).body
        return sorted(name for name in found if self._ours.fullmatch(name))

    def _make_first(self) -> list[str]:
        """The first index has a name that all processes agree on, and is made together with its alias: one makes it,
        the others find it."""
        first = f"{self._prefix}-v{SCHEMA}-0"
        with suppress(_Exists):
            self._make(first, alias=self._prefix, settings=SETTINGS)
        names = self._names()
        if len(names) > 1 and first in names:  # a rebuild was swapped in since we looked
            self._client.options(ignore_status=404).indices.delete(index=first)
            names.remove(first)
        return names

    def _make(self, name: str, *, alias: str, settings: dict[str, Any]) -> None:
        maker = self._client.options(request_timeout=ADMIN_TIMEOUT_S)
        try:
            maker.indices.create(index=name, settings=settings, mappings=MAPPING, aliases={alias: {}})
        except BadRequestError as exc:
            if error_type(exc) != "resource_already_exists_exception":
                raise
            raise _Exists from exc

    # rebuilding

    def _begin(self) -> tuple[str, str]:
        now = time.time_ns()
        name, filling = f"{self._prefix}-v{SCHEMA}-{now}", f"{self._prefix}-filling-{now}"
        with translated():
            self._make(name, alias=filling, settings={**SETTINGS, "refresh_interval": "-1"})
        return name, filling

    def _fill(self, filling: str, entries: Iterable[IndexEntry]) -> int:
        """One batch is on its way while the next is made ready: reading and analysing is half of the work."""
        number, sent = 0, None
        with ThreadPoolExecutor(1) as sender:
            for batch in batches(Change("index", e.document_id, REBUILT, "external", source(e)) for e in entries):
                _arrived(sent)
                sent = sender.submit(send, self._client, filling, batch, refresh=False, stop=self._closed)
                number += len(batch)
            _arrived(sent)
        return number

    def _swap_in(self, name: str) -> None:
        """One call moves the alias: no search sees none or both. What was found before is found still: the refresh
        comes before, and whoever writes now refreshes both."""
        admin = self._client.options(request_timeout=ADMIN_TIMEOUT_S).indices
        filling = f"{self._prefix}-filling-{name.rpartition('-')[2]}"
        try:
            admin.put_settings(index=name, settings={"refresh_interval": None})
            admin.flush(index=name)
            self._merge(name)
            admin.refresh(index=name)
            admin.update_aliases(
                actions=[
                    {"remove": {"index": f"{self._prefix}-v*", "alias": self._prefix, "must_exist": False}},
                    {"add": {"index": name, "alias": self._prefix}},
                    {"remove": {"index": name, "alias": filling}},
                ]
            )
        except NotFoundError:
            raise Conflict(OVERTAKEN) from None
        self._checked_at = None

    def _merge(self, name: str) -> None:
        """Few segments: half the bytes and the work of many. One that takes longer goes on behind the swap."""
        with suppress(ConnectionTimeout):
            merger = self._client.options(request_timeout=MERGE_TIMEOUT_S)
            merger.indices.forcemerge(index=name, max_num_segments=SEGMENTS)

    def _remove_others(self, name: str) -> None:
        """The index swapped in is the only one: the old one, and what rebuilds left that were killed, are gone."""
        quiet = self._client.options(ignore_status=404, request_timeout=ADMIN_TIMEOUT_S).indices
        for other in quiet.get(index=f"{self._prefix}-v*", expand_wildcards="all", features="aliases").body:
            if other != name and self._ours.fullmatch(other):
                quiet.delete(index=other)


def _arrived(sent: Future[None] | None) -> None:
    """The batch is in the index. Raises Conflict when that is gone."""
    try:
        if sent is not None:
            sent.result()
    except IndexGone:
        raise Conflict(OVERTAKEN) from None


class _Exists(Exception):
    """An index of this name is there already."""


def _failed(answer: dict[str, Any]) -> Exception:
    """What one of several searches ended with. A rebuild that is swapped in takes the old index away under the searches
    that run in it: they are worth asking again."""
    kind = answer["error"].get("type", "")
    if answer["status"] == 404 or answer["status"] >= 500:
        return IndexGone(kind)
    return ServiceUnavailable(f"Elasticsearch answered {answer['status']} {kind}")
