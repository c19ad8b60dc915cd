"""Who is let in, from where, and what every answer says to the browser."""

from __future__ import annotations

import anyio
import pytest
from starlette.testclient import TestClient

from faceaudit.errors import FaceAuditError
from faceaudit.web.security import MAX_IN_FLIGHT, InFlight, require_token
from tests.web.drawn_web import picture

TOKEN = "correct horse battery staple"
PAGES = ["/", "/samples", "/reports", "/audits", "/api", "/api/models", "/nothing", "/token"]


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_has_the_headers(client, path):
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy
    assert "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "same-origin"
    assert "set-cookie" not in headers


def test_a_crash_has_the_headers_and_tells_nothing(application, detectors, monkeypatch):
    def crash(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(detectors[0], "p_ai", crash)
    with TestClient(
        application(), base_url="http://127.0.0.1:8000", raise_server_exceptions=False
    ) as client:
        answer = client.post("/", files=[("pictures", ("a.jpg", picture()))])
    assert answer.status_code == 500 and "secret" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_no_page_has_a_script_or_style_of_its_own(client):
    client.get("/samples")
    pages = [client.get(path).text for path in PAGES if not path.startswith("/api/")]
    pages.append(client.post("/", files=[("pictures", ("a.jpg", picture()))]).text)
    for page in pages:
        assert page.count("<script") == page.count('<script src="/static/web.js" defer>') == 1
        assert " style=" not in page and "<style" not in page and " onerror=" not in page


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "localhost"])
def test_this_machine_is_answered(client, host):
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8000", "", "[::1"])
def test_a_foreign_name_for_this_machine_is_not(client, host):
    assert client.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_sites_may_not_post(client, detectors, headers):
    answer = client.post("/", files=[("pictures", ("a.jpg", picture()))], headers=headers)
    assert answer.status_code == 403 and detectors[0].judged == 0


def test_our_own_pages_may_post(client):
    headers = {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}
    answer = client.post("/", files=[("pictures", ("a.jpg", picture()))], headers=headers)
    assert answer.status_code == 200


# --- the token -----------------------------------------------------------------------------


@pytest.fixture
def guarded(application):
    app = application(host="0.0.0.0", token=TOKEN)
    with TestClient(app, base_url="http://some.name:8000", follow_redirects=False) as client:
        yield client


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org", ""])
def test_beyond_this_machine_a_token_is_needed(host):
    with pytest.raises(FaceAuditError, match="--token"):
        require_token(host, None)
    require_token(host, TOKEN)


def test_on_this_machine_none_is_needed_but_a_short_one_is_refused():
    require_token("127.0.0.1", None)
    with pytest.raises(FaceAuditError, match="guessed"):
        require_token("127.0.0.1", "short")


@pytest.mark.parametrize("path", ["/", "/reports", "/samples/mobilestylegan_900000/picture"])
def test_without_the_token_nothing_is_shown(guarded, path):
    answer = guarded.get(path)
    assert answer.status_code == 303 and answer.headers["location"] == "/token"
    assert not answer.content


def test_without_the_token_nothing_is_judged(guarded, detectors):
    files = [("pictures", ("a.jpg", picture()))]
    assert guarded.post("/api/judge", files=files).status_code == 401
    wrong = {"authorization": "Bearer " + TOKEN[:-1]}
    assert guarded.post("/api/judge", files=files, headers=wrong).status_code == 401
    assert detectors[0].judged == 0
    right = {"authorization": f"Bearer {TOKEN}"}
    assert guarded.post("/api/judge", files=files, headers=right).status_code == 200


def test_the_page_takes_the_token_once(guarded):
    assert guarded.get("/token").status_code == 200
    assert guarded.get("/static/web.css").status_code == 200
    wrong = guarded.post("/token", data={"token": "wrong"})
    assert wrong.status_code == 403 and "set-cookie" not in wrong.headers
    right = guarded.post("/token", data={"token": TOKEN})
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and TOKEN not in cookie
    assert guarded.get("/").status_code == 200
    guarded.cookies.set("faceaudit", "0" * 64)
    guarded.cookies.delete("faceaudit", domain="some.name")
    assert guarded.get("/").status_code == 303


# --- at one time ---------------------------------------------------------------------------


def test_uploads_beyond_the_limit_are_told_to_come_back():
    async def check() -> None:
        release = anyio.Event()
        started, statuses = [], []

        async def slow(scope, receive, send) -> None:
            started.append(scope)
            await release.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        async def send(message) -> None:
            if message["type"] == "http.response.start":
                statuses.append((message["status"], dict(message["headers"])))

        async def receive():
            return {"type": "http.request"}

        app = InFlight(slow)
        post, get = ({"type": "http", "method": method} for method in ("POST", "GET"))
        async with anyio.create_task_group() as tasks:
            for _ in range(MAX_IN_FLIGHT):
                tasks.start_soon(app, post, receive, send)
            while len(started) < MAX_IN_FLIGHT:
                await anyio.lowlevel.checkpoint()
            await app(post, receive, send)
            assert [status for status, _ in statuses] == [503]
            assert statuses[0][1][b"retry-after"] == b"1"
            tasks.start_soon(app, get, receive, send)  # reading is never refused
            while len(started) < MAX_IN_FLIGHT + 1:
                await anyio.lowlevel.checkpoint()
            release.set()
        assert [status for status, _ in statuses[1:]] == [200] * (MAX_IN_FLIGHT + 1)
        await app(post, receive, send)
        assert statuses[-1][0] == 200

    anyio.run(check)
