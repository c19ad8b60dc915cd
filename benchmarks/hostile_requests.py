"""Hostile requests, slow clients and lying uploads to a live server, from several clients at once.

A part of `benchmarks/hostile.py`. Requests are mutated by a seed (tests/hostile/web_requests.py)
and put to `faceaudit serve` with a classifier that is a function. Then, each against the same
server: uploads whose parts unpack to gigabytes, a megabyte of YAML in a form, connections that
never finish their head, posts of a token that dribble, and many readers of many reports. In between
the front page must be there. In the end the server is killed, and nothing that it started is left.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pyarrow.parquet as pq

import faceaudit as fa
from tests.hostile import tables_and_specs as hostile
from tests.hostile.lying_tables import lying_feather, lying_parquet
from tests.hostile.web_requests import hostile_request
from tests.processes import assert_ended, started_by

JUDGE = """
import numpy as np
def judge(image):
    return float(np.asarray(image.resize((64, 64))).mean() / 255)
"""
UNFINISHED = 100


@contextmanager
def server(reports: Path) -> Iterator[tuple[int, int]]:
    """Serve on a port of this machine; give the port and the process."""
    Path("judge.py").write_text(JUDGE)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["serve", "--model", "python:judge.py:judge", "--reports", str(reports)]
    words += ["--port", str(port)]
    with Path("log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", "faceaudit", *words], stderr=log)
    try:
        while "http" not in Path("log").read_text():
            if process.poll() is not None:
                sys.exit(Path("log").read_text())
            time.sleep(0.1)
        yield port, process.pid
        theirs = started_by(process.pid)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert_ended(theirs)


def attack(given: Namespace) -> dict[str, object]:
    """Put all to one server."""
    reports = Path("reports")
    reports.mkdir()
    with server(reports) as (port, pid):
        front = Front(f"http://127.0.0.1:{port}")
        told: dict[str, object] = {"front page alone, s": front.seconds(20)}
        outside = {*Path().iterdir()}
        rest = memory(pid)
        told["requests"] = requests(front, given)
        front.seconds(1)
        for name, wave in WAVES.items():
            told[name] = wave(front, given)
            front.seconds(1)
        told["server, MB more in the end"] = (memory(pid) - rest) // 10**6
        told["server, MB at most"] = most_memory(pid) // 10**6
        assert {*Path().iterdir()} - outside <= {Path("lying.parquet")}
    assert "Traceback" not in (log := Path("log").read_text()), log
    return told


class Front:
    """The front page, and whoever looks at it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.port = int(address.rpartition(":")[2])

    def client(self) -> httpx.Client:
        """Somebody who waits for two minutes."""
        return httpx.Client(base_url=self.address, timeout=120)

    def seconds(self, times: int) -> float:
        """The seconds that it takes, the median."""
        with self.client() as client:
            return statistics.median(took(client, "/") for _ in range(times))


def took(client: httpx.Client, path: str) -> float:
    """The seconds until an answer is there."""
    began = time.monotonic()
    assert client.get(path).status_code == 200, path
    return round(time.monotonic() - began, 3)


def requests(front: Front, given: Namespace) -> dict[str, object]:
    """Send mutated requests from several clients at once, and count the answers."""
    rng = random.Random(given.seed)
    drawn = [hostile_request(rng) for _ in range(given.requests)]

    def send(mine: list[dict[str, object]]) -> list[tuple[float, int, str]]:
        found = []
        with front.client() as client:
            for request in mine:
                began = time.monotonic()
                answer = client.request(**request | {"headers": {**request["headers"]}})
                assert answer.status_code in (503, *range(500)), (request, answer.text)
                for word in ("Traceback", "root:x:", str(Path.cwd()), "<img src=x"):
                    assert word not in answer.text, request
                found.append((time.monotonic() - began, answer.status_code, str(request["url"])))
        return found

    with ThreadPoolExecutor(given.clients) as pool:
        parts = pool.map(send, [drawn[i :: given.clients] for i in range(given.clients)])
        found = [one for part in parts for one in part]
    seconds, _, url = max(found)
    return {
        "answers": Counter(status for _, status, _ in found),
        "slowest": f"{seconds:.1f} s ({url[:40]})",
    }


def lying_uploads(front: Front, given: Namespace) -> dict[str, object]:
    """Upload tables that unpack to gigabytes, four at once, while others see the front page."""
    contents = [
        lying_parquet(path := Path("lying.parquet"), 2**31 - 1_000).read_bytes(),
        lying_parquet(path, 2**31 - 1_000, dictionary=True).read_bytes(),
        lying_parquet(path, 2**31 - 1_000, "gzip").read_bytes(),
        lying_feather(path, 2**40).read_bytes(),
    ]

    def upload(content: bytes) -> int:
        files = {"scores": ("s.parquet", content)}
        with front.client() as client:
            answer = client.post("/api/audits", files=files)
        assert answer.status_code == 422, answer.text
        return len(content)

    return during(front, upload, contents)


def long_yaml(front: Front, given: Namespace) -> dict[str, object]:
    """Send a megabyte of YAML in a form."""
    yaml = "a: [" + "x, " * 330_000 + "]"

    def send(name: str) -> int:
        with front.client() as client:
            files = {"scores": ("s.csv", b"image,label,p_ai")}
            answer = client.post(name, files=files, data={"yaml": yaml})
        assert 400 <= answer.status_code < 500, answer.text
        return answer.status_code

    return during(front, send, ["/api/audits", "/audits"])


def unfinished_heads(front: Front, given: Namespace) -> dict[str, object]:
    """Hold a hundred connections that never say what they want; ask until the page is there."""
    began = time.monotonic()
    with ExitStack() as stack:
        for _ in range(UNFINISHED):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", front.port)))
            one.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        refused = 0
        with front.client() as client:
            while client.get("/").status_code == 503:
                refused += 1
                time.sleep(0.1)
    return {"s until the page is there": round(time.monotonic() - began, 1), "refused": refused}


def slow_tokens(front: Front, given: Namespace) -> dict[str, object]:
    """Begin to post four tokens, and upload a picture meanwhile."""
    with ExitStack() as stack:
        for _ in range(4):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", front.port)))
            one.sendall(
                b"POST /token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\n\r\ntoken="
            )
        began = time.monotonic()
        with front.client() as client:
            answer = client.post("/api/judge", files={"pictures": ("a.jpg", b"none")})
        assert answer.status_code == 200, answer.text
        return {"upload meanwhile, s": round(time.monotonic() - began, 3)}


def many_readers(front: Front, given: Namespace) -> dict[str, object]:
    """Have many read the list of many reports at once, first when nobody has, then again."""
    pq.write_table(hostile.table(), table := Path("reports/scores.parquet"))
    result = fa.audit(table, ["gender", "race"], images=False).model_dump_json()
    for i in range(given.reports):
        folder = Path(f"reports/{i:03}")
        folder.mkdir()
        (folder / "audit.json").write_text(result)

    def read(_: int) -> float:
        with front.client() as client:
            return took(client, "/reports")

    first, again = (during(front, read, range(given.readers)) for _ in range(2))
    return {"first": first, "again": again}


#: What is put to the server, one after the other.
WAVES: dict[str, Callable[[Front, Namespace], dict[str, object]]] = {
    "lying uploads": lying_uploads,
    "a megabyte of YAML": long_yaml,
    "unfinished heads": unfinished_heads,
    "slow tokens": slow_tokens,
    "readers of reports": many_readers,
}


def during(front: Front, do: Callable[..., object], given: object) -> dict[str, object]:
    """Do something with each of what is given, at once, and look at the front page meanwhile."""
    given, began = [*given], time.monotonic()
    with ThreadPoolExecutor(max(1, len(given))) as pool:
        answers = [pool.submit(do, one) for one in given]
        pages = []
        while not all(one.done() for one in answers):
            pages.append(front.seconds(1))
        found = [one.result() for one in answers]
    seconds = round(time.monotonic() - began, 2)
    return {"s in all": seconds, "front page meanwhile, s at most": max(pages, default=0.0)} | (
        {"s each, at most": max(found)} if isinstance(found[0], float) else {"of": found}
    )


def memory(pid: int) -> int:
    """The bytes that a process has just now."""
    return os.sysconf("SC_PAGE_SIZE") * int(Path(f"/proc/{pid}/statm").read_text().split()[1])


def most_memory(pid: int) -> int:
    """The most that it ever had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
