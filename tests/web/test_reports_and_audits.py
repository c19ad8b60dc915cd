"""Reports: listed, opened, compared. Audits: started, followed, refused."""

from __future__ import annotations

import asyncio
import io
import json
import multiprocessing
import os
import re
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from faceaudit.result import Result, read_result, write_result
from faceaudit.runner import audit
from faceaudit.spec import Spec
from faceaudit.web import apart, api, audits, held_tables
from faceaudit.web.uploads import MAX_PICTURE_BYTES, MAX_PICTURES
from tests.web.drawn_web import (
    AUDITED,
    HOSTILE,
    faulty,
    greedy,
    held_up_audit,
    killed,
)

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


def rows(client, sort: str = "") -> list[str]:
    """The folders of the reports in the order of the list."""
    page = client.get("/reports", params={"sort": sort}).text
    return re.findall(r'<a href="/reports/([^"?]+)/audit.json">', page)


def test_the_list_tells_the_rate_that_was_asked_and_what_all_share_once(client, shelf):
    page = client.get("/reports").text
    assert "42 of 290 real photographs called AI-generated" in page
    assert page.count("brightness") == 1 and "All of brightness." in page
    other = audited().model_copy(deep=True)
    other.scores[0].name = "darkness"
    write_result(shelf / "three" / "audit.json", other)
    page = client.get("/reports").text
    assert "All of" not in page and "darkness" in page and page.count("brightness") == 2


def test_the_list_is_sorted_by_what_the_address_says(client, shelf):
    newest = audited("Later").model_copy(update={"created": "2999-01-01T00:00:00+00:00"})
    newest.answer.overall[0].events = 0
    write_result(shelf / "later" / "audit.json", newest)
    assert rows(client, "title") == ["one", "later", "deep/two"]
    assert rows(client, "-title") == ["deep/two", "later", "one"]
    assert rows(client, "-created")[0] == rows(client, "rate")[0] == "later"
    assert rows(client, "nonsense") == rows(client)
    page = client.get("/reports?sort=-title").text
    assert page.count("aria-sort") == 1 and 'aria-sort="descending"' in page
    (shelf / "later" / "audit.json").write_text("{")  # changed since it was read
    assert rows(client, "title") == ["one", "deep/two"]


def test_a_served_report_leads_to_the_list_and_its_neighbours(client, shelf):
    from faceaudit.report.html import render_html

    order = rows(client)
    page = client.get(f"/reports/{order[0]}/audit.json").text
    way = re.search(r'<nav class="way".*?</nav>', page, re.S)[0]
    assert 'href="/reports"' in way and f'href="/reports/{order[1]}/audit.json"' in way
    assert 'class="before"' not in way
    assert f"/reports/{order[0]}/audit.json" in client.get(f"/reports/{order[1]}/audit.json").text
    assert 'class="way"' not in render_html(audited())


def test_unrelated_reports_are_warned_of(client, shelf):
    pair = {"report": ["one/audit.json", "deep/two/audit.json"]}
    assert "Different" not in client.get("/compare", params=pair).text
    other = audited().model_copy(deep=True)
    other.scores[0].datasets = {"elsewhere": other.scores[0].datasets["street"]}
    other.question = "Another one?"
    write_result(shelf / "deep" / "two" / "audit.json", other)
    page = client.get("/compare", params=pair).text
    assert "Different images: the first rests on" in page and "elsewhere (290 real" in page
    assert "Different questions: the first asks" in page and "“Another one?”" in page


def test_of_a_comparison_both_rates_are_listed(client, shelf):
    result = audited()
    rates = [one.model_copy(update={"first": 0}) for one in result.answer.overall]
    answer = result.answer.model_copy(update={"overall": rates})
    write_result(shelf / "one" / "audit.json", result.model_copy(update={"answer": answer}))
    assert "0.0\N{NARROW NO-BREAK SPACE}% → 14.5" in client.get("/reports").text


def test_reports_are_listed_with_what_the_interface_tells(client, shelf):
    (shelf / "bad").mkdir()
    (shelf / "bad" / "audit.json").write_text("{")
    page = client.get("/reports").text
    assert "By gender" in page and "Second" in page and "bad/audit.json" in page
    listed = {one["path"]: one for one in client.get("/api/reports").json()}
    assert set(listed) == {"one/audit.json", "deep/two/audit.json", "bad/audit.json"}
    assert listed["one/audit.json"]["title"] == "By gender"
    assert listed["one/audit.json"]["verdict"] == audited().verdict
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
    page = client.get("/compare", params=pair).text
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


def hold(client, content=CSV, name="scores.csv") -> str:
    """Upload a table on the page; returns where it is settled how to read it."""
    answer = start(client, name, content, path="/audits")
    assert answer.status_code == 303
    return answer.headers["location"]


#: A table whose every column has another name, with codes for labels and scores in percent.
FOREIGN = "file,truth,score,glasses\n" + "".join(
    f"{i}.jpg,{i % 2},{(i % 10) * 10},{'yes' if i % 3 else 'NA'}\n" for i in range(200)
)
SETTLED = {"means": ["real 0", "ai 1"], "score_is": "percent", "missing": "NA", "tags": "chosen"}


def test_a_table_is_settled_on_a_page_and_the_page_leads_to_the_progress(client, reports):
    address = hold(client)
    page = client.get(address).text
    assert 'value="utkface-demographics"' in page and "every-tag" in page
    assert re.search(r'value="real real" selected.*?value="ai ai" selected', page, re.S)
    answer = client.post(address, data={"tags": "chosen", "tag": "gender"}, follow_redirects=False)
    assert answer.status_code == 303
    job = wait(client, answer.headers["location"].rpartition("/")[2])
    part = client.get(f"/audits/{job['id']}", headers={"x-faceaudit-fragment": "1"}).text
    assert 'data-state="done"' in part and "<html" not in part
    assert read_result(reports / job["report"]).spec["attributes"] == ["gender"]


def test_columns_are_proposed_and_labels_are_never_guessed(client, reports):
    address = hold(client, FOREIGN)
    page = client.get(address).text
    for column in ("file", "truth", "score"):
        assert f'<option value="{column}" selected>' in page
    assert "Say what the label “0” means." in page and "Start the audit" not in page
    assert '<option value="percent" selected>' in page  # the scores go to 90
    settled = {"means": ["real 0", "ai 1"]}
    page = client.get(address, params=settled).text
    assert "Start the audit" in page and "write NA above as a word for a missing value" in page
    choices = SETTLED | {"tag": "glasses", "rate": "fpr", "limit": "7,5", "threshold": "0.4"}
    answer = client.post(address, data=choices, follow_redirects=False)
    assert answer.status_code == 422 and "Choose at least one tag." in answer.text
    choices |= {"missing": ""}
    answer = client.post(address, data=choices, follow_redirects=False)
    result = read_result(reports / wait(client, answer.headers["location"][8:])["report"])
    assert (result.spec["limits"], result.spec["threshold"], result.spec["rate"]) == (
        {"fpr_gap": 0.075, "fnr_gap": None},
        0.4,
        "fpr",
    )
    assert result.scores[0].n_ai == 100


def test_the_page_reads_as_the_command_line_does(client, reports, tmp_path):
    from faceaudit.api import audit as command

    (tmp_path / "scores.csv").write_text(FOREIGN)
    (tmp_path / "spec.yaml").write_text(
        "name: mine\ntitle: Mine\nquestion: Who?\nattributes: [glasses]\n"
    )
    mapping = {"image": "file", "label": "truth", "p_ai": "score"}
    command(
        [tmp_path / "scores.csv"],
        tmp_path / "spec.yaml",
        tmp_path / "out",
        mapping=mapping,
        ai_label=["1"],
        score_is="percent",
        images=False,
    )
    theirs = read_result(tmp_path / "out" / "audit.json")
    address = hold(client, FOREIGN)
    choices = {"means": ["real 0", "ai 1"], "score_is": "percent"}
    yaml = (tmp_path / "spec.yaml").read_text()
    answer = client.post(address, data=choices | {"yaml": yaml}, follow_redirects=False)
    ours = read_result(reports / wait(client, answer.headers["location"][8:])["report"])
    assert ours.verdict == theirs.verdict
    for one, other in zip(ours.checks, theirs.checks, strict=True):
        assert one.model_dump() == other.model_dump()


@pytest.mark.parametrize(
    ("ages", "tag", "groups"),
    [
        (("20-29", "more than 70"), "age_band", {"20-29", "70+"}),
        (("young", "old"), "age_group", {"young", "old"}),
    ],
)
def test_ages_in_words_are_groups(client, reports, ages, tag, groups):
    rows = (f"{i}.jpg,{'ai' if i % 2 else 'real'},0.{i % 9},{ages[i % 4 // 2]}" for i in range(99))
    address = hold(client, "\n".join(["image,label,p_ai,age", *rows, "x.jpg,ai,0.5,?"]))
    assert "as a word for a missing value" in client.get(address).text
    page = client.get(address, params={"missing": "?"}).text
    assert f'value="{tag}" checked' in page and '<span class="read-as">tag</span>' in page
    choices = {"missing": "?", "tags": "chosen", "tag": tag}
    answer = client.post(address, data=choices, follow_redirects=False)
    result = read_result(reports / wait(client, answer.headers["location"][8:])["report"])
    assert {row.group for row in result.checks[0].details[0].rows} == groups


def test_a_refusal_keeps_the_upload_and_the_choices(client):
    address = hold(client)
    answer = client.post(address, data={"tags": "chosen", "tag": "gender", "limit": "x y"})
    assert answer.status_code == 422
    assert "Limit: “x y” is not a number from 0 to 100." in answer.text
    assert 'value="x y"' in answer.text
    answer = client.post(address, data={"spec": "utkface-demographics"})  # asks for other tags
    job = wait(client, str(answer.url).rpartition("/")[2])
    assert job["state"] == "failed" and "form" not in job
    page = client.get(f"/audits/{job['id']}").text
    back = re.search(r'href="(/audits/tables/[^"]+)">Correct it', page)[1].replace("&amp;", "&")
    assert '<option value="utkface-demographics" selected>' in client.get(back).text


@pytest.mark.parametrize(
    ("content", "choices"),
    [
        (CSV.replace("0.5", "7.5"), {"score_is": "probability"}),
        (CSV.replace("0.5", "five"), {}),
        ("image,label,p_ai,age\n" + "".join(f"{i},real,0,{i} years\n" for i in range(99)), {}),
        (CSV.replace("gender", "status"), {}),
        (CSV.replace("real", "0").replace(",ai,", ",1,"), {"means": ["real 0", "real 1"]}),
        (CSV, {"label": "gender"}),
        (CSV, {"label": "image"}),
        (CSV, {"label": "p_ai"}),
        ("a,b\n1,2\n", {}),
    ],
)
def test_refusals_name_no_option_of_the_command_line(client, content, choices):
    page = client.get(hold(client, content), params=choices).text
    told = re.search(r'class="unsettled".*?</div>', page, re.S)
    assert told and "Start the audit" not in page
    assert not re.search(r"(?<=\s)--\w", page)


def test_photographs_with_the_higher_scores_are_pointed_out(client):
    page = client.get(
        hold(client, CSV.replace(",real,", ",x,").replace(",ai,", ",real,").replace(",x,", ",ai,"))
    ).text
    assert "Photographs have the higher scores." in page
    assert "Photographs have the higher scores." not in client.get(hold(client)).text


def test_held_tables_are_dropped_in_time_and_by_size(client, monkeypatch):
    address = hold(client)
    assert client.post(f"{address}/leave").status_code == 204
    assert client.get(address).status_code == 200  # loaded again
    monkeypatch.setattr(held_tables, "LEFT_SECONDS", -1.0)
    client.post(f"{address}/leave")
    gone = client.get(address)
    assert gone.status_code == 404 and "choose the file again" in gone.text
    monkeypatch.setattr(held_tables, "MAX_HELD_BYTES", 2 * len(CSV))
    first, second, third = (hold(client) for _ in range(3))
    assert [client.get(one).status_code for one in (first, second, third)] == [404, 200, 200]


def test_memory_is_given_back_without_anybody_asking(monkeypatch):
    monkeypatch.setattr(held_tables, "HELD_SECONDS", 0.0)

    async def hold_and_wait() -> None:
        tables = held_tables.HeldTables()
        facts = held_tables.TableFacts("s.csv", 0, {}, [])
        tables.hold(held_tables.UploadedTable("s.csv", CSV.encode()), facts)
        while tables._held:
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(hold_and_wait(), 60))


@pytest.mark.parametrize(
    ("name", "content", "fields", "why"),
    [
        ("s.txt", CSV, {}, "s.txt: scores are a .csv or a .parquet"),
        ("s.csv", "a,b\n1,2\n", {}, "s.csv: columns 'image', 'label', 'p_ai' are missing"),
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


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("s.txt", CSV, "s.txt: scores are a .csv or a .parquet"),
        ("s.csv", "", "s.csv: not a readable table"),
        ("s.parquet", b"PAR1nonsense", "s.parquet: not a readable table"),
    ],
)
def test_a_file_that_is_no_table_is_refused_where_it_was_chosen(client, name, content, why):
    page = start(client, name, content, path="/audits")
    assert page.status_code == 422 and why in page.text.replace("S.", "s.")
    assert 'id="scores"' in page.text and "/tmp" not in page.text


def test_an_audit_that_cannot_be_made_says_why(client):
    answer = start(client, spec="utkface-demographics")
    job = wait(client, answer.json()["id"])
    assert job["state"] == "failed" and "asks for the tag" in job["problem"]
    assert "asks for the tag" in client.get(f"/audits/{job['id']}").text


def test_no_file_is_said_and_an_unknown_audit_too(client):
    assert client.post("/api/audits", data={}, files=[("x", ("", b""))]).status_code == 400
    assert client.get("/api/audits/none").status_code == 404
    assert client.get("/audits/none").status_code == 404


@pytest.mark.parametrize(
    ("rows", "columns", "told"),
    [(held_tables.MAX_ROWS + 1, 1, "5,000,001 rows"), (1, held_tables.MAX_COLUMNS + 1, "201 col")],
)
def test_a_table_of_absurd_size_is_refused_before_it_is_read(client, rows, columns, told):
    cells = pa.DictionaryArray.from_arrays(pa.nulls(rows, pa.int32()).fill_null(0), ["a"])
    pq.write_table(pa.table({f"c{i}": cells for i in range(columns)}), buffer := io.BytesIO())
    for path in ("/audits", "/api/audits"):
        answer = start(client, "s.parquet", buffer.getvalue(), path=path)
        assert answer.status_code == 422 and told in answer.text


def test_an_uploaded_table_leaves_nothing_behind(client, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    wait(client, start(client).json()["id"])
    client.get(hold(client))
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


@pytest.fixture
def held_up(reports, monkeypatch):
    """Audits tell of one check and then wait; call this to let them go on."""
    reports.mkdir()
    os.mkfifo(gate := reports / "gate")
    monkeypatch.setattr(audits, "audit_apart", held_up_audit)

    def release():
        with gate.open("w"):  # meets the one that waits
            gate.unlink()

    return release


def at_work(client, job):
    while client.get(f"/api/audits/{job}").json()["total"] != 7:
        time.sleep(0.02)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_audits_wait_their_turn_and_not_too_many(client, held_up):
    first = start(client).json()["id"]
    at_work(client, first)
    state = client.get(f"/api/audits/{first}").json()
    assert (state["state"], state["step"]) == ("running", "A slow check")
    assert (state["done"], state["total"]) == (3, 7)
    page = client.get(f"/audits/{first}").text
    assert "A slow check" in page and 'max="7" value="3"' in page
    waiting = [start(client).json()["id"] for _ in range(audits.MAX_WAITING)]
    assert client.get(f"/api/audits/{waiting[0]}").json()["state"] == "waiting"
    assert start(client).status_code == 422
    held_up()
    assert {wait(client, job)["state"] for job in (first, *waiting)} == {"done"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_an_audit_can_be_stopped_and_the_next_begins(client, held_up, reports):
    first, second, third = (start(client).json()["id"] for _ in range(3))
    at_work(client, first)
    assert f'action="/audits/{first}/stop"' in client.get(f"/audits/{first}").text
    for job in (first, second):
        answer = client.post(f"/audits/{job}/stop", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/audits/{job}")
        assert wait(client, job)["problem"] == "It was stopped."
    at_work(client, third)
    held_up()
    assert wait(client, third)["state"] == "done"
    client.post(f"/audits/{third}/stop")
    assert wait(client, third)["state"] == "done"
    assert len(list(reports.iterdir())) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_an_audit_that_takes_too_long_is_ended(client, held_up, monkeypatch):
    monkeypatch.setattr(audits, "LIMITS", replace(audits.LIMITS, seconds=0.0))
    job = wait(client, start(client).json()["id"])
    assert job["state"] == "failed" and "longer than" in job["problem"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_server_that_ends_leaves_no_audit_at_work(application, held_up):
    with TestClient(application(), base_url="http://127.0.0.1:8000") as client:
        at_work(client, start(client).json()["id"])
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(("ends", "told"), [(killed, apart.KILLED), (faulty, audits.FAULT)])
def test_an_audit_that_breaks_off_says_why(client, monkeypatch, ends, told):
    monkeypatch.setattr(audits, "audit_apart", ends)
    job = wait(client, start(client).json()["id"])
    assert (job["state"], job["problem"]) == ("failed", told)


def test_an_audit_that_cannot_be_begun_does_not_keep_its_page_waiting(client, monkeypatch):
    monkeypatch.setattr(audits, "audit_apart", lambda *_: None)  # which no process can be handed
    job = wait(client, start(client).json()["id"])
    assert (job["state"], job["problem"]) == ("failed", audits.FAULT)


def test_an_audit_that_asks_for_more_memory_says_so(client, monkeypatch):
    monkeypatch.setattr(audits, "audit_apart", greedy)
    job = wait(client, start(client).json()["id"])
    assert job["state"] == "failed" and "more than" in job["problem"]


def test_a_result_that_a_link_brings_in_from_outside_is_not_listed(client, shelf, tmp_path):
    write_result(tmp_path / "outside" / "audit.json", audited("Private"))
    (shelf / "linked").symlink_to(tmp_path / "outside")
    (shelf / "also").mkdir()
    (shelf / "also" / "audit.json").symlink_to(tmp_path / "outside" / "audit.json")
    assert "Private" not in client.get("/reports").text
    assert client.get("/reports/also/audit.json").status_code == 404


def test_links_that_lead_nowhere_and_pipes_hide_no_other_report(client, shelf):
    listed = [one["path"] for one in client.get("/api/reports").json()]
    for name in ("itself", "nowhere", "pipe"):
        (shelf / name).mkdir()
    (shelf / "itself" / "audit.json").symlink_to("audit.json")
    (shelf / "nowhere" / "audit.json").symlink_to("gone.json")
    os.mkfifo(shelf / "pipe" / "audit.json")
    (shelf / "itself" / "scores.parquet").symlink_to("scores.parquet")
    assert [one["path"] for one in client.get("/api/reports").json()] == listed
    assert client.get("/api/tables").status_code == 200
    for name in ("itself", "nowhere", "pipe"):
        assert client.get(f"/reports/{name}/audit.json").status_code == 404


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
