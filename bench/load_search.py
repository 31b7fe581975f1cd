"""Searching a province's records as 20 people do: each asks, reads for two seconds, asks again.

    python -m bench.load_search --records 1000000 --engine tantivy --folder F [--clients 20] [--think 2] [--seconds 60]
    python -m bench.load_search --records 1000000 --engine elasticsearch --folder F [--url http://127.0.0.1:9200]

Builds the index in F, by a process of its own, unless it is there; prints one JSON object. Latencies are taken around
the call that the search page makes: hits with snippets, and facets over all matches. A slip of typing is a class of its
own, since it is answered by a second, wider question. The yardsticks, taken when the clients have gone, tell what else
this machine was doing: compare ratios before seconds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import tantivy
from elasticsearch import Elasticsearch

from bench.synthetic import SyntheticRecord, entry, record
from search.analysis import fold
from search.elastic_index import ElasticIndex
from search.index import IndexEntry, SearchIndex, SearchRequest
from search.tantivy_index import TantivyIndex
from tests.servers.elastic import elasticsearch

PREFIX = "load"
HEAP = "2g"
LIMIT = 20
WARM = {"tantivy": 5, "elasticsearch": 40}
Ask = Callable[[SyntheticRecord, Random], SearchRequest]


def _body(made: SyntheticRecord) -> list[str]:
    """The words behind the head of the paper."""
    return made.text.rsplit("\n", 1)[-1].split()[7:]


def _one(made: SyntheticRecord, chance: Random) -> SearchRequest:
    return SearchRequest(query=chance.choice(_body(made)), limit=LIMIT)


def _three(made: SyntheticRecord, chance: Random) -> SearchRequest:
    return SearchRequest(query=" ".join(chance.sample(_body(made), 3)), limit=LIMIT)


def _name(made: SyntheticRecord, _: Random) -> SearchRequest:
    return SearchRequest(query=fold(made.people[0].name), limit=LIMIT)


def _number(made: SyntheticRecord, _: Random) -> SearchRequest:
    return SearchRequest(query=made.number_symbol, limit=LIMIT)


def _phrase(made: SyntheticRecord, chance: Random) -> SearchRequest:
    words = _body(made)
    start = chance.randrange(len(words) - 3)
    return SearchRequest(query=f'"{" ".join(words[start : start + 3])}"', limit=LIMIT)


def _in_unit(made: SyntheticRecord, chance: Random) -> SearchRequest:
    return SearchRequest(
        query=" ".join(chance.sample(_body(made), 2)), units=frozenset({made.unit}), kind=made.kind, limit=LIMIT
    )


def _typo(made: SyntheticRecord, chance: Random) -> SearchRequest:
    """The name with a letter too many in its longest word, such as no paper has."""
    words = fold(made.people[0].name).split()
    longest = max(range(len(words)), key=lambda n: len(words[n]))
    at = chance.randrange(1, len(words[longest]))
    words[longest] = f"{words[longest][:at]}{chance.choice('wzj')}{words[longest][at:]}"
    return SearchRequest(query=" ".join(words), limit=LIMIT)


CLASSES: dict[str, Ask] = {
    "one word": _one,
    "three words": _three,
    "name without marks": _name,
    "number with slashes": _number,
    "phrase": _phrase,
    "filtered by unit and kind": _in_unit,
    "typo": _typo,
}


def questions(name: str, records: int, seed: int) -> Iterator[SearchRequest]:
    """Questions of a class about records that are there; the same for the same seed."""
    chance = Random(f"{name}/{seed}")
    while True:
        yield CLASSES[name](record(chance.randrange(records)), chance)


class Clients:
    """People at their desks. took: seconds of each answer by class; broken: answers that were none; wider: those for
    which near spellings were taken."""

    def __init__(self, index: SearchIndex, records: int, think_s: float) -> None:
        self.took: dict[str, list[float]] = {name: [] for name in CLASSES}
        self.wider = dict.fromkeys(CLASSES, 0)
        self.found = dict.fromkeys(CLASSES, 0)
        self.broken: list[str] = []
        self._index, self._records, self._think_s = index, records, think_s

    def work(self, clients: int, seconds: float) -> None:
        """They have come, asked for so long, and gone."""
        until = time.monotonic() + seconds
        people = [threading.Thread(target=self._sit, args=(n, until), daemon=True) for n in range(clients)]
        for person in people:
            person.start()
        for person in people:
            person.join()

    def _sit(self, seed: int, until: float) -> None:
        chance = Random(seed)
        asked = {name: questions(name, self._records, seed) for name in CLASSES}
        gone = threading.Event()
        gone.wait(chance.random() * self._think_s)
        while time.monotonic() < until:
            name = chance.choice(list(CLASSES))
            request = next(asked[name])
            started = time.perf_counter()
            try:
                result = self._index.search(request)
            except Exception as exc:  # counted and told
                self.broken.append(type(exc).__name__)
            else:
                self.took[name].append(time.perf_counter() - started)
                self.wider[name] += result.fuzzy
                self.found[name] += result.total
            gone.wait(self._think_s)


def told(seconds: list[float]) -> dict[str, float]:
    """p50, p95 and the longest, in ms."""
    ms = sorted(s * 1000 for s in seconds)
    at = {"p50_ms": 0.50, "p95_ms": 0.95, "max_ms": 1.0}
    return {"asked": len(ms), **{k: round(ms[min(len(ms) - 1, int(len(ms) * q))], 1) for k, q in at.items() if ms}}


def memory(pid: int | str = "self") -> dict[str, int]:
    """MiB: the most ever resident, and now: own memory beside mapped files, which are the page cache's."""
    status = dict(re.findall(r"^(\w+):\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.M))
    wanted = {"peak_rss_mib": "VmHWM", "rss_mib": "VmRSS", "anonymous_mib": "RssAnon", "mapped_files_mib": "RssFile"}
    return {name: int(status[key]) // 1024 for name, key in wanted.items()}


def processor() -> float:
    """Seconds of a fixed piece of work that needs one core only."""
    started = time.perf_counter()
    for _ in range(20):
        hashlib.sha256(b"\0" * 8_000_000).hexdigest()
    return time.perf_counter() - started


def bare_tantivy(folder: Path) -> Callable[[str], object]:
    """Three words put to tantivy itself: no snippets, no facets, no rank by field."""
    plain = tantivy.Index.open(str(folder / (folder / "current").read_text()))

    def ask(query: str) -> object:
        words = [tantivy.Query.term_query(plain.schema, "all_folded", w, "freq") for w in fold(query).split()]
        return plain.searcher().search(tantivy.Query.boolean_query([(tantivy.Occur.Must, w) for w in words]), LIMIT)

    return ask


def bare_elasticsearch(url: str) -> Callable[[str], object]:
    """The same put to Elasticsearch."""
    client = Elasticsearch(url)

    def ask(query: str) -> object:
        words = [{"term": {"words": w}} for w in fold(query).split()]
        return client.search(index=PREFIX, query={"bool": {"must": words}}, size=LIMIT, source={"includes": ["entry"]})

    return ask


def beside(index: SearchIndex, bare: Callable[[str], object], records: int) -> dict[str, Any]:
    """Three words put to our index and to the bare engine in turn, by one client."""
    asked, ours, theirs = questions("three words", records, 99), [], []
    for _ in range(100):
        request = next(asked)
        started = time.perf_counter()
        index.search(request)
        ours.append(time.perf_counter() - started)
        started = time.perf_counter()
        bare(request.query)
        theirs.append(time.perf_counter() - started)
    answer: dict[str, Any] = {"one_client_three_words": told(ours), "bare_three_words": told(theirs)}
    return {**answer, "times_bare": round(sum(ours) / sum(theirs), 1)}


def build(index: SearchIndex, records: int, told_in: Path) -> None:
    """The index holds records 0 … records - 1; how long that took stands in a file beside it."""

    def entries() -> Iterator[IndexEntry]:
        for n in range(records):
            yield entry(record(n))

    started, cpu = time.perf_counter(), time.process_time()
    index.rebuild(entries())
    took = time.perf_counter() - started
    answer = {
        "records": records,
        "seconds": round(took, 1),
        "records_per_s": round(records / took, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    told_in.write_text(json.dumps(answer))


def size(folder: Path) -> int:
    """Bytes on disk under a folder."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


@contextmanager
def engine(arguments: argparse.Namespace) -> Iterator[str]:
    """The address of the server, started when none was given; nothing for the embedded index."""
    if arguments.engine == "tantivy" or arguments.url:
        yield arguments.url
        return
    # the node's collector frees memory only when it must, and the real-memory breaker would take that for use
    with elasticsearch(arguments.folder, "indices.breaker.total.use_real_memory=false", heap=HEAP) as node:
        yield node.url


def opened(arguments: argparse.Namespace) -> SearchIndex:
    if arguments.engine == "tantivy":
        return TantivyIndex(arguments.folder)
    return ElasticIndex([arguments.url], prefix=PREFIX, timeout_s=30)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    built = arguments.folder / "built.json"
    if not built.exists() or json.loads(built.read_text())["records"] != arguments.records:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        again = [*sys.argv[1:], "--build-only", "--url", arguments.url or ""]
        subprocess.run([sys.executable, "-m", "bench.load_search", *again], check=True)
    index = opened(arguments)
    for name in CLASSES:  # the first ones read the disk and warm the engine, once for a morning of searching
        asked = questions(name, arguments.records, -1)
        for _ in range(WARM[arguments.engine]):
            index.search(next(asked))
    clients, load = Clients(index, arguments.records, arguments.think), os.getloadavg()[0]
    clients.work(arguments.clients, arguments.seconds)
    written = [t for name, all_of_it in clients.took.items() if name != "typo" for t in all_of_it]
    answer: dict[str, Any] = {
        "engine": arguments.engine,
        "records": index.count(),
        "cores": os.cpu_count(),
        "load_before": round(load, 1),
        "load_after": round(os.getloadavg()[0], 1),
        "build": json.loads(built.read_text()),
        "index_bytes": size(arguments.folder),
        "clients": arguments.clients,
        "think_s": arguments.think,
        "as_written": told(written),
        "classes": {name: told(took) for name, took in clients.took.items()},
        "hits_on_average": {
            n: round(all_of_it / max(1, len(clients.took[n]))) for n, all_of_it in clients.found.items()
        },
        "near_spellings": {name: number for name, number in clients.wider.items() if number},
        "broken": len(clients.broken),
        "memory": memory(),
        "yardstick": {"processor_s": round(processor(), 3)},
    }
    tantivys = arguments.engine == "tantivy"
    bare = bare_tantivy(arguments.folder) if tantivys else bare_elasticsearch(arguments.url)
    answer["yardstick"] |= beside(index, bare, arguments.records)
    index.close()
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--engine", choices=("tantivy", "elasticsearch"), default="tantivy")
    parser.add_argument("--url", default="")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--think", type=float, default=2)
    parser.add_argument("--build-only", action="store_true")
    arguments = parser.parse_args()
    if arguments.build_only:
        index = opened(arguments)
        build(index, arguments.records, arguments.folder / "built.json")
        index.close()
        return
    with engine(arguments) as url:
        arguments.url = url
        print(json.dumps(measure(arguments), indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
