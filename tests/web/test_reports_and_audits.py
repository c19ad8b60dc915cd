"""Reports: listed, opened, compared. Audits: started, followed, refused."""

from __future__ import annotations

import io
import json
import re
import threading
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from faceaudit.audit import audit
from faceaudit.result import Result, read_result, write_result
from faceaudit.spec import Spec
from faceaudit.web import api, audits
from faceaudit.web.uploads import MAX_PICTURE_BYTES, MAX_PICTURES
from tests.web.drawn_web import AUDITED, HOSTILE

CSV = "image,label,p_ai,gender\n" + "".join(
    f"{i}.jpg,{'ai' if i % 2 else 'real'},0.{i % 10},{'female' if i % 3 else 'male'}\n"
    for i in range(200)
)


def spec(**changes) -> Spec:
    values = {"name": "s", "title": "By gender", "question": "?", "attributes": ["gender"]}
    return Spec(**(values | changes))


@cache
def audited(title: str = "By gender") -> Result:
    return audit(AUDITED, spec(title=title))


@pytest.fixture
def shelf(reports: Path) -> Path:
    write_result(reports / "one" / "audit.json", audited())
    write_result(reports / "deep" / "two" / "audit.json", audited("Second"))
    return reports


# --- reports -------------------------------------------------------------------------------


def test_reports_are_listed_with_their_verdict(client, shelf):
    (shelf / "bad").mkdir()
    (shelf / "bad" / "audit.json").write_text("{")
    page = client.get("/reports").text
    assert "By gender" in page and "Second" in page and "bad/audit.json" in page
    listed = {one["path"]: one for one in client.get("/api/reports").json()}
    assert set(listed) == {"one/audit.json", "deep/two/audit.json", "bad/audit.json"}
    assert listed["one/audit.json"]["title"] == "By gender"
    assert listed["bad/audit.json"]["problem"]


def test_an_empty_or_missing_folder_is_no_error(client):
    assert "none in the folder" in client.get("/reports").text
    assert client.get("/api/reports").json() == []


def test_a_report_is_drawn_in_a_sandbox(client, shelf):
    answer = client.get("/reports/deep/two/audit.json")
    assert answer.status_code == 200 and "Second" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "sandbox allow-scripts" in policy and "allow-same-origin" not in policy
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    whole = client.get("/api/reports/deep/two/audit.json").json()
    assert whole == json.loads(read_result(shelf / "deep/two/audit.json").model_dump_json())


@pytest.mark.parametrize(
    "path",
    [
        "secret.json",
        "one/secret.json",
        "../outside/audit.json",
        "%2e%2e/outside/audit.json",
        "..%2foutside/audit.json",
        "link/audit.json",
        "one",
        "one/audit.json/x",
        "%00/audit.json",
        "a" * 5000 + "/audit.json",
    ],
)
def test_only_results_inside_the_folder_can_be_read(client, shelf, path):
    outside = shelf.parent / "outside"
    write_result(outside / "audit.json", audited())
    (shelf / "secret.json").write_text("{}")
    (shelf / "one" / "secret.json").write_text("{}")
    (shelf / "link").symlink_to(outside)
    for prefix in ("/reports/", "/api/reports/"):
        assert client.get(prefix + path).status_code == 404
    assert client.get("/compare", params={"report": [path, path]}).status_code == 404


def test_minus_signs_are_minus_signs(client, shelf):
    text = audited().model_copy(update={"verdict": "It is -4.8 points (-5.4 to -4.2)."})
    write_result(shelf / "one" / "audit.json", text)
    pair = {"report": ["one/audit.json", "deep/two/audit.json"]}
    for path in ("/reports", "/compare"):
        page = client.get(path, params=pair).text
        assert "is \u22124.8 points (\u22125.4 to \u22124.2)" in page


def test_two_reports_stand_side_by_side(client, shelf):
    pair = {"report": ["one/audit.json", "deep/two/audit.json"]}
    page = client.get("/compare", params=pair).text
    assert "By gender" in page and "Second" in page
    assert page.count("female") >= 1 and "30 of" not in page
    for wrong in ([], ["one/audit.json"], ["one/audit.json"] * 3):
        assert client.get("/compare", params={"report": wrong}).status_code == 400


def test_hostile_text_is_text_on_every_page(client, reports):
    result = audit(AUDITED, spec(title=HOSTILE, question=HOSTILE))
    text = result.model_dump_json().replace("female", json.dumps(HOSTILE)[1:-1])
    (reports / "a").mkdir(parents=True)
    (reports / "a" / "audit.json").write_text(text)
    (reports / "b").mkdir()
    (reports / "b" / "audit.json").write_text(text)
    pair = {"report": ["a/audit.json", "b/audit.json"]}
    for path in ("/reports", "/compare"):
        page = client.get(path, params=pair).text
        assert "<img src=x" not in page and "&lt;img src=x" in page
        assert "<script>alert" not in page


# --- audits --------------------------------------------------------------------------------


def start(client, name="scores.csv", content=CSV, path="/api/audits", **fields):
    files = [("scores", (name, content))]
    return client.post(path, files=files, data=fields, follow_redirects=False)


def wait(client, job: str) -> dict:
    """Ask until an audit is over; it is what the page does."""
    states = []
    while True:
        state = client.get(f"/api/audits/{job}").json()
        states.append(state["state"])
        if state["state"] in ("done", "failed"):
            order = ["waiting", "running", "done", "failed"]
            assert states == sorted(states, key=order.index)
            return state


def test_an_audit_from_a_csv_ends_in_a_report(client, reports):
    answer = start(client)
    assert answer.status_code == 202
    job = wait(client, answer.json()["id"])
    assert job["state"] == "done" and job["done"] == job["total"] > 3
    result = read_result(reports / job["report"])
    assert result.scores[0].n_real == 100 and result.name == "every-tag"
    assert (reports / job["report"]).with_name("report.html").is_file()
    assert client.get(f"/reports/{job['report']}").status_code == 200
    assert f"/reports/{job['report']}" in client.get(f"/audits/{job['id']}").text


def test_an_audit_from_parquet_with_other_names_and_a_specification(client, reports):
    table = pa.table({"image": ["a", "b"] * 50, "truth": ["real", "ai"] * 50})
    table = table.set_column(0, "image", pa.array([f"{i}.png" for i in range(100)]))
    table = table.append_column("score", pa.array([0.2, 0.9] * 50))
    table = table.append_column("glasses", pa.array(["yes", "no"] * 50))
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    yaml = "name: mine\ntitle: Mine\nquestion: Who?\nattributes: [glasses]\n"
    columns = "label=truth\n p_ai = score \n"
    answer = start(client, "my scores.parquet", buffer.getvalue(), yaml=yaml, columns=columns)
    job = wait(client, answer.json()["id"])
    assert job["state"] == "done", job
    assert read_result(reports / job["report"]).title == "Mine"
    assert re.fullmatch(r"mine-[\w-]+/audit\.json", job["report"])


def test_the_page_leads_to_the_progress(client):
    page = client.get("/audits").text
    assert 'value="utkface-demographics"' in page and "every-tag" in page
    answer = start(client, path="/audits")
    assert answer.status_code == 303
    job = answer.headers["location"].rpartition("/")[2]
    wait(client, job)
    part = client.get(f"/audits/{job}", headers={"x-faceaudit-fragment": "1"}).text
    assert 'data-state="done"' in part and "<html" not in part


@pytest.mark.parametrize(
    ("name", "content", "fields", "why"),
    [
        ("s.txt", CSV, {}, "s.txt: scores are a .csv or a .parquet"),
        ("s.csv", "a,b\n1,2\n", {}, "s.csv: column 'image' is missing"),
        ("s.csv", "", {}, "s.csv: not a readable table"),
        ("s.parquet", b"PAR1nonsense", {}, "s.parquet: not a readable table"),
        ("s.csv", CSV.replace("0.5", "5"), {}, "s.csv: "),
        ("s.csv", CSV, {"columns": "label"}, "not of the form NAME=COLUMN"),
        ("s.csv", CSV, {"columns": "label=truth"}, "no column 'truth'"),
        ("s.csv", CSV, {"yaml": "name: [", "spec": "x"}, "your specification: "),
        ("s.csv", CSV, {"spec": "../../etc/passwd"}, "there is no such specification"),
        ("s.csv", CSV, {"spec": "/etc/passwd"}, "there is no such specification"),
    ],
)
def test_bad_input_is_one_line_that_names_the_file(client, name, content, fields, why):
    answer = start(client, name, content, **fields)
    assert answer.status_code == 422 and why in answer.json()["error"]
    assert "/tmp" not in answer.json()["error"]
    page = start(client, name, content, path="/audits", **fields)
    assert page.status_code == 422 and "That did not work" in page.text


def test_an_audit_that_cannot_be_made_says_why(client):
    answer = start(client, spec="utkface-demographics")
    job = wait(client, answer.json()["id"])
    assert job["state"] == "failed" and "asks for the tag" in job["problem"]
    assert "asks for the tag" in client.get(f"/audits/{job['id']}").text


def test_no_file_is_said_and_an_unknown_audit_too(client):
    assert client.post("/api/audits", data={}, files=[("x", ("", b""))]).status_code == 400
    assert client.get("/api/audits/none").status_code == 404
    assert client.get("/audits/none").status_code == 404


def test_a_table_of_absurdly_many_rows_is_refused_before_it_is_read(client, monkeypatch):
    monkeypatch.setattr(audits, "MAX_ROWS", 100)
    buffer = io.BytesIO()
    pq.write_table(pa.table({"image": ["a"] * 101}), buffer)
    answer = start(client, "s.parquet", buffer.getvalue())
    assert answer.status_code == 422 and "101 rows" in answer.json()["error"]


def test_an_uploaded_table_leaves_nothing_behind(client, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    wait(client, start(client).json()["id"])
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_table_cannot_make_a_report_show_pictures_of_this_machine(client, reports, tmp_path):
    from faceaudit.known_roots import remember_root
    from faceaudit.schema import DatasetInfo
    from faceaudit.tables import write_table
    from tests.web.drawn_web import picture

    (tmp_path / "private").mkdir()
    for i in range(490):
        (tmp_path / "private" / f"{i}.jpg").write_bytes(picture())
    info = AUDITED.info.model_copy(deep=True)
    for name in info.datasets:
        remember_root(name, tmp_path / "private")
        info.datasets[name] = DatasetInfo(indexed=490, root=str(tmp_path / "private"))
    table = write_table(tmp_path / "s.parquet", AUDITED.table, info)
    job = wait(client, start(client, "s.parquet", table.read_bytes()).json()["id"])
    assert job["state"] == "done"
    for file in (reports / job["report"]).parent.iterdir():
        text = file.read_text("utf-8")
        assert "data:image/jpeg" not in text and str(tmp_path) not in text


def test_audits_wait_their_turn_and_not_too_many(client, monkeypatch):
    running, release = threading.Event(), threading.Event()

    def slow(scores, spec, on_check):
        on_check("A slow check", 3, 7)
        running.set()
        release.wait()
        return audit(scores, spec)

    monkeypatch.setattr(audits, "audit", slow)
    first = start(client).json()["id"]
    running.wait()
    state = client.get(f"/api/audits/{first}").json()
    assert (state["state"], state["step"]) == ("running", "A slow check")
    assert (state["done"], state["total"]) == (3, 7)
    page = client.get(f"/audits/{first}").text
    assert "A slow check" in page and 'max="7" value="3"' in page
    waiting = [start(client).json()["id"] for _ in range(audits.MAX_WAITING)]
    assert client.get(f"/api/audits/{waiting[0]}").json()["state"] == "waiting"
    assert start(client).status_code == 422
    release.set()
    assert {wait(client, job)["state"] for job in (first, *waiting)} == {"done"}


# --- the description of the interface ------------------------------------------------------


def test_the_openapi_description_fits_the_routes_and_itself(client):
    described = client.get("/api/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    routes = {
        (route.path_format, method) for route in api.router.routes for method in route.methods
    }
    operations = {
        (path, method.upper()) for path, methods in described["paths"].items() for method in methods
    }
    assert operations == routes
    schemas = described["components"]["schemas"]
    for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(described)):
        assert name in schemas
    judging = described["paths"]["/api/judge"]["post"]["description"]
    assert f"{MAX_PICTURES} pictures of up to {MAX_PICTURE_BYTES // 1_000_000} MB" in judging
    page = client.get("/api").text
    assert all(path in page for path, _ in operations)
    assert all(f'id="{name}"' in page for name, schema in schemas.items() if "properties" in schema)


def test_the_example_names_the_address_that_was_asked(client):
    page = client.get("/api", headers={"host": "localhost:8731"}).text
    assert "http://localhost:8731/api/judge" in page


def test_answers_have_the_fields_that_are_described(client):
    from tests.web.drawn_web import picture, send

    schemas = client.get("/api/openapi.json").json()["components"]["schemas"]
    (judged,) = send(client, ("a.png", picture("PNG")))
    assert set(judged) == set(schemas["Judgement"]["properties"])
    assert set(judged["verdicts"][0]) == set(schemas["Prediction"]["properties"])
    assert set(client.get("/api/models").json()[0]) == set(schemas["ModelSummary"]["properties"])
