"""Hostile requests to the web application: seeded mutations of those that its pages send."""

from __future__ import annotations

import random
from typing import Any

from tests.web.drawn_web import HOSTILE, picture

READ = (
    *("/", "/samples", "/samples/x", "/worth", "/reports", "/compare", "/audits", "/explore"),
    *("/audits/x", "/audits/tables/x", "/token", "/explore/picture", "/static/web.css", "/api"),
    *("/api/models", "/api/reports", "/api/reports/x/audit.json", "/reports/x/audit.json"),
)
SENT = (
    *("/", "/audits", "/api/judge", "/api/audits", "/token"),
    *("/audits/x/stop", "/audits/tables/x", "/audits/tables/x/leave"),
)
VALUES = (
    *(
        "",
        "x",
        HOSTILE,
        "../" * 20 + "etc/passwd",
        "/etc/passwd",
        "%2e%2e%2f",
        "\0",
        "\n\r",
        "=1+1",
    ),
    *("9" * 400, "-1", "1e999", "nan", "\ud7ff", "null", "[]", "{{7*7}}", "a" * 9_000, "' or 1"),
    *("not " * 300 + "x", "((((" * 200, "gender", "scores.parquet", "ai.low", "real.low", "fpr"),
)
KEYS = (
    *("table", "tag", "by", "value", "where", "group", "rate", "threshold", "dataset", "image"),
    *("report", "sort", "verdict", "model", "spec", "yaml", "columns", "score", "label", "missing"),
    *("token", "age_band", "gender", "race", "ai", "names", "small_group", HOSTILE),
)
TABLES = (
    b"image,label,p_ai,gender\n" + b"1.jpg,ai,0.5,female\n" * 40,
    *(b"", b"\0" * 5_000, b"image,label,p_ai\n", b'"' * 9_000, b"PAR1" + b"\xff" * 200 + b"PAR1"),
    b"image;label;p_ai\n1;ai;0,5\n",
    b"a," * 3_000 + b"\n" + b"1," * 3_000,
)


def hostile_request(rng: random.Random) -> dict[str, Any]:
    """Return the arguments of one request, as `httpx.Client.request` takes them."""

    def pairs(most: int) -> dict[str, str]:
        return {rng.choice(KEYS): rng.choice(VALUES) for _ in range(rng.randrange(most))}

    method = rng.choice(["GET"] * 4 + ["POST"] * 5 + ["HEAD", "PUT", "DELETE", "PATCH"])
    url = rng.choice(SENT if method == "POST" else READ)
    request: dict[str, Any] = {"method": method, "url": url, "params": pairs(5), "headers": {}}
    if rng.random() < 0.15:
        request["url"] += "/" + rng.choice(["..%2f..%2fetc%2fpasswd", "%00", "a" * 3_000, "%ff"])
    if rng.random() < 0.2:
        request["headers"]["x-fragment"] = rng.choice(["1", "x" * 2_000])
    if request["method"] == "POST":
        kind = rng.random()
        if kind < 0.6:
            content = rng.choice([*TABLES, picture(), picture()[: rng.randrange(600)]])
            at = rng.randrange(len(content) + 1)
            if rng.random() < 0.5:
                content = content[:at] + rng.randbytes(rng.randrange(9)) + content[at:]
            name = rng.choice(["a.csv", "a.parquet", "a.jpg", "../../a.csv", HOSTILE + ".csv", ""])
            field = rng.choice(["scores", "scores", "pictures", "pictures", "x"])
            request |= {"files": [(field, (name, content))], "data": pairs(4)}
        elif kind < 0.8:
            request["data"] = pairs(6)
        else:
            request["content"] = rng.randbytes(rng.randrange(2_000))
            request["headers"]["content-type"] = rng.choice(
                [
                    *("multipart/form-data; boundary=x", "multipart/form-data", "text/plain", ""),
                    *("application/x-www-form-urlencoded", "application/json", "x" * 500),
                ]
            )
    return request
