"""The explorer: its numbers are an audit's, and its pictures are those that were scored."""

from __future__ import annotations

import html
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from faceaudit import bundled
from faceaudit.cli import main
from faceaudit.error_rates import ERROR_RATES
from faceaudit.known_roots import remember_root
from faceaudit.runner import audit
from faceaudit.schema import ModelInfo, ScoresInfo
from faceaudit.spec import Spec
from faceaudit.tables import read_scores, write_table
from faceaudit.web import explore
from tests.web.drawn_web import HOSTILE, scored_samples

TOKEN = "correct horse battery staple"
Get = Callable[..., Any]


@pytest.fixture(autouse=True)
def _own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def drawn(reports: Path) -> Path:
    """Scores with all that an audit minds: persons, missing tags and scores, seen images."""
    rng = np.random.default_rng(5)
    n = 3_000
    blank = rng.random(n) < 0.1
    status = np.where(rng.random(n) < 0.03, "unreadable", "ok")
    table = pa.table(
        {
            "image": [f"{i}.jpg" for i in range(n)],
            "label": np.where(rng.random(n) < 0.4, "ai", "real"),
            "dataset": rng.choice(["street", "studio"], n),
            "p_ai": pa.array(rng.random(n).astype(np.float32), mask=status != "ok"),
            "status": status,
            "in_training": rng.random(n) < 0.2,
            "person": (np.arange(n) // 4).astype(str),
            "gender": pa.array(rng.choice(["female", "male"], n), mask=blank),
            "glasses": rng.choice(["none", "reading", "goggles"], n, p=[0.69, 0.3, 0.01]),
            "age": rng.integers(1, 90, n),
        }
    )
    info = ScoresInfo(model=ModelInfo(id="drawn", threshold=0.6))
    return write_table(reports / "scores.parquet", table, info)


@pytest.fixture
def get(client: TestClient) -> Get:
    def get(path: str = "/api/explore", **query: Any) -> Any:
        answer = client.get(path, params={"table": "scores.parquet"} | query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return get


def forest_of(result, check: str, tags: str, rate: str) -> dict[str, tuple[object, ...]]:
    """An audit's rates of the groups that have images: group -> n, events, value, low, high."""
    (found,) = (
        detail
        for one in result.checks
        for detail in one.details
        if one.id == check and detail.kind == "forest" and detail.attribute == tags
        if ERROR_RATES[rate].short in detail.measure
    )
    return {
        row.group: (row.n, row.events, row.value, row.low, row.high, row.note) for row in found.rows
    } | {"all images": (found.reference,)}


@pytest.mark.parametrize("rate", ERROR_RATES)
@pytest.mark.parametrize("threshold", [None, 0.37])
@pytest.mark.parametrize("tags", [["gender"], ["gender", "glasses"]])
def test_its_numbers_are_those_of_an_audit(drawn, get, rate, threshold, tags):
    spec = Spec(
        name="n",
        title="t",
        question="q",
        rows="dataset in ['street'] and (age >= 30)",
        attributes=tags,
        intersections=[tags] if len(tags) > 1 else [],
        threshold=threshold,
    )
    result = audit(read_scores(drawn), spec)
    check = "intersections" if len(tags) > 1 else "group-error-rates"
    expected = forest_of(result, check, " × ".join(tags), rate)
    chosen = {} if threshold is None else {"threshold": threshold}
    found = get(tag=tags, rate=rate, only="dataset:street", where="age >= 30", **chosen)
    assert found["expression"] == spec.rows and found["view"]["threshold"] == (threshold or 0.6)
    rows = {
        row["group"]: tuple(row[of] for of in ("n", "events", "value", "low", "high", "note"))
        for row in found["forest"]["rows"]
    } | {"all images": (found["forest"]["reference"],)}
    assert len(rows) >= 3 and rows.items() <= expected.items()
    assert any(row[-1] for row in rows.values()) or tags == ["gender"]
    assert found["rows"]["used"] == result.scores[0].rows.used < found["rows"]["read"] == 3_000
    gaps = [
        of.model_dump(mode="json", exclude={"check"})
        for of in next(one for one in result.checks if one.id == check).findings
        if of.rate == rate and of.tags == tags
    ]
    if len(tags) == 1:  # of two tags the audit asks more, and shares its confidence
        assert [{k: v for k, v in found["gap"].items() if k != "check"}] == gaps


def test_the_limit_lies_above_the_lowest_rate_of_the_groups_that_are_large_enough(drawn, get):
    forest = get(tag="glasses", rate="fpr")["forest"]
    rates = {row["group"]: row for row in forest["rows"]}
    assert 0 < rates["goggles"]["n"] < 30 and "small" in rates["goggles"]["note"]
    lowest = min(rates[group]["value"] for group in ("none", "reading"))
    assert forest["limit"] == pytest.approx(lowest + 0.05)


def test_several_values_of_a_tag_count_together_and_several_tags_at_once(drawn, get):
    only = ["gender:female", "glasses:none", "gender:male"]
    found = get(only=only)
    assert found["expression"] == "gender in ['female', 'male'] and glasses in ['none']"


def test_images_of_a_group_are_all_there_once_the_gravest_first(drawn, get):
    row = next(r for r in get(tag="gender", rate="fnr")["forest"]["rows"] if r["group"] == "male")
    asked = {"tag": "gender", "rate": "fnr", "group": "male", "path": "/api/explore/images"}
    first = get(**asked)
    pages = [get(**asked, page=page) for page in range(1, first["pages"] + 1)]
    wrong, right = ([one for page in pages for one in page[of]] for of in ("wrong", "right"))
    assert (len(wrong), len(wrong) + len(right)) == (row["events"], row["n"])
    assert (first["n_wrong"], first["n_right"]) == (len(wrong), len(right))
    assert len({one["image"] for one in wrong + right}) == row["n"]
    scores = [one["p_ai"] for one in wrong + right]
    assert scores == sorted(scores) and wrong[-1]["p_ai"] < 0.6 <= right[0]["p_ai"]
    table = {r["image"]: r for r in read_scores(drawn).table.to_pylist()}
    assert {(table[o["image"]]["label"], table[o["image"]]["gender"]) for o in wrong + right} == {
        ("ai", "male")
    }
    assert all(len(page["wrong"]) <= explore.PER_PAGE for page in pages)


def test_a_page_beyond_the_last_is_the_last(drawn, get):
    query = {"tag": "gender", "group": "female"}
    last = get("/api/explore/images", **query)["pages"]
    assert get("/api/explore/images", page=last + 7, **query) == get(
        "/api/explore/images", page=last, **query
    )


def test_a_wrong_address_leaves_fields_without_a_value(drawn, client):
    page = client.get("/explore?tag=nonsense").text
    assert 'id="threshold"' in page and "None" not in page


def test_photographs_with_the_highest_score_come_first(drawn, get):
    found = get("/api/explore/images", tag="gender", rate="fpr", group="female")
    scores = [one["p_ai"] for one in found["wrong"]]
    assert scores == sorted(scores, reverse=True) and scores[0] > 0.9


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"where": "gendr == 'male'"}, "did you mean gender?"),
        ({"where": "age >= 30) or (age < 5"}, "not an expression"),
        ({"where": "__import__('os')"}, "is not a comparison"),
        ({"where": "age > 900"}, "no row satisfies"),
        ({"only": "gender:mail"}, "there is no such tag and value"),
        ({"only": "p_ai:0.5"}, "there is no such tag and value"),
        ({"where": "label == 'ai'", "rate": "fpr"}, "no real photograph among these rows"),
        ({"tag": "age"}, "there is no tag 'age' that makes a few groups"),
        ({"tag": ["gender", "glasses", "dataset"]}, "tag: "),
        ({"threshold": "2"}, "threshold: "),
        ({"threshold": "nan"}, "threshold: "),
        ({"rate": "accuracy"}, "rate: "),
        ({"where": "a" * 2_000}, "where: "),
        ({"page": "0"}, "page: "),
    ],
)
def test_what_is_not_understood_is_said_in_one_line(drawn, client, query, said):
    query = {"table": "scores.parquet", "tag": "gender", **query}
    answer = client.get("/api/explore", params=query)
    assert answer.status_code == 422 and said in answer.json()["error"]
    assert str(drawn.parent) not in answer.text
    shown = client.get("/explore", params=query)
    assert shown.status_code == 422 and said in html.unescape(shown.text)
    assert '<form id="view"' in shown.text


def test_too_many_groups_are_refused(reports, client, monkeypatch, drawn):
    monkeypatch.setattr(explore, "MOST_GROUPS", 5)
    answer = client.get("/api/explore?table=scores.parquet&tag=gender&tag=glasses")
    assert answer.status_code == 422 and "6 groups; 5 are the most" in answer.json()["error"]


@pytest.mark.parametrize("path", ["/explore", "/api/explore", "/api/explore/images"])
@pytest.mark.parametrize("table", ["../scores.parquet", "/etc/passwd", "nothing", "audit.json"])
def test_only_tables_that_the_server_knows_are_opened(drawn, client, path, table):
    assert client.get(path, params={"table": table, "group": "male"}).status_code == 404


def test_which_tables_there_are(application, drawn, reports, tmp_path):
    (reports / "deeper").mkdir()
    shutil.copy(drawn, reports / "deeper" / "scores.parquet")
    outside = Path(shutil.copy(drawn, tmp_path / "mine.parquet"))
    (reports / "linked").mkdir()
    (reports / "linked" / "scores.parquet").symlink_to(outside)
    with TestClient(application(scores=[outside]), base_url="http://127.0.0.1") as client:
        names = client.get("/api/tables").json()
        assert names == [
            str(outside),
            "deeper/scores.parquet",
            "scores.parquet",
            *(f"bundled:{name}" for name in bundled.recorded_names()),
        ]
        assert client.get("/api/explore").json()["view"]["table"] == str(outside)
    few = read_scores(drawn)
    write_table(reports / "scores.parquet", few.table.slice(0, 100), few.info)
    largest = max((bundled.recorded_scores(name) for name in bundled.recorded_names()), key=size)
    deeper = reports / "deeper" / "scores.parquet"
    with TestClient(application(), base_url="http://127.0.0.1") as client:
        opened = client.get("/api/explore").json()["view"]["table"]
    assert opened == (
        "deeper/scores.parquet" if size(deeper) > size(largest) else f"bundled:{largest.stem}"
    )


def size(path):
    return path.stat().st_size


def test_a_table_is_read_once_until_it_changes_and_one_is_kept(
    drawn, get, client, reports, monkeypatch
):
    reads = []
    real = explore.apart
    monkeypatch.setattr(explore, "apart", lambda *given: reads.append(given) or real(*given))
    for threshold in (0.1, 0.2, 0.3):
        get(threshold=threshold)
    assert len(reads) == 1
    scores = read_scores(drawn)
    write_table(drawn, scores.table.slice(0, 100), scores.info)
    assert get()["rows"]["read"] == 100 and len(reads) == 2
    get(table="bundled:with-ffhq")
    get()
    assert len(reads) == 4  # the other had taken its place
    kept = client.app.state.tables._kept[1]
    assert kept.name == "scores.parquet" and "attention" not in kept.scores.table.column_names


def test_a_damaged_table_is_told_without_its_place(client, reports):
    reports.mkdir()
    (reports / "scores.csv").write_text("image,label\na,real\n")
    answer = client.get("/api/explore?table=scores.csv")
    assert answer.status_code == 422 and answer.json()["error"].startswith("scores.csv: column")
    assert client.get("/explore?table=scores.csv").status_code == 422


# --- pictures ------------------------------------------------------------------------------


def long_hair(client: TestClient) -> dict[str, Any]:
    query = {"table": "scores.parquet", "tag": "hair", "group": "long"}
    return client.get("/api/explore/images", params=query).json()


def test_pictures_are_read_from_the_indexed_folder_and_kept_nowhere(client, reports, tmp_path):
    scored_samples(reports)
    before = sorted(tmp_path.rglob("*"))
    found = long_hair(client)
    assert [len(found[of]) for of in ("wrong", "right")] == [6, 10] and found["lacking"] is None
    for one in found["wrong"] + found["right"]:
        answer = client.get(one["picture"])
        assert answer.status_code == 200 and answer.content[:2] == b"\xff\xd8"
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["cache-control"] == "no-store"
    assert sorted(tmp_path.rglob("*")) == before


def test_a_picture_that_was_replaced_is_not_shown(client, reports, tmp_path):
    path = scored_samples(reports)
    folder = Path(shutil.copytree(bundled.samples_folder(), tmp_path / "copy"))
    (tmp_path / "state" / "faceaudit" / "roots.jsonl").unlink()
    remember_root(bundled.SAMPLES, folder)
    first = read_scores(path).table["image"][5].as_py()
    shutil.copy(folder / read_scores(path).table["image"][20].as_py(), folder / first)
    wrong = long_hair(client)["wrong"]
    assert wrong[0]["image"] == first and wrong[0]["picture"] is None
    assert all(one["picture"] for one in wrong[1:])
    key = {"table": "scores.parquet", "dataset": bundled.SAMPLES, "image": first}
    assert client.get("/explore/picture", params=key).status_code == 404


@pytest.mark.parametrize("image", ["manifest.csv", "../samples/manifest.csv", "/etc/passwd", ""])
def test_no_file_is_shown_that_is_not_in_the_table(client, reports, image):
    scored_samples(reports)
    key = {"table": "scores.parquet", "dataset": bundled.SAMPLES, "image": image}
    assert client.get("/explore/picture", params=key).status_code == 404


def test_a_table_that_names_a_file_outside_the_folder_does_not_show_it(client, reports, tmp_path):
    path = scored_samples(reports)
    scores = read_scores(path)
    names = scores.table["image"].to_pylist()
    secret = Path(shutil.copy(bundled.samples_folder() / names[0], tmp_path / "secret.jpg"))
    names[0] = f"../{'../' * 20}{secret.relative_to('/')}"
    table = scores.table.set_column(
        scores.table.column_names.index("image"), "image", pa.array(names)
    )
    write_table(path, table, scores.info)
    key = {"table": "scores.parquet", "dataset": bundled.SAMPLES, "image": names[0]}
    assert client.get("/explore/picture", params=key).status_code == 404


def test_without_known_roots_there_are_file_names(client, reports, tmp_path):
    scored_samples(reports)
    (tmp_path / "state" / "faceaudit" / "roots.jsonl").unlink()
    found = long_hair(client)
    assert "no images of 'bundled-samples' were indexed" in found["lacking"]
    page = client.get("/explore?table=scores.parquet&tag=hair&group=long").text
    assert "/explore/picture" not in page and found["wrong"][0]["image"] in page


def test_no_images_forbids_pictures(application, reports):
    scored_samples(reports)
    with TestClient(application(images=False), base_url="http://127.0.0.1") as client:
        found = long_hair(client)
        assert "--no-images" in found["lacking"]
        assert all(one["picture"] is None for one in found["wrong"] + found["right"])
        image = found["wrong"][0]["image"]
        key = {"table": "scores.parquet", "dataset": bundled.SAMPLES, "image": image}
        assert client.get("/explore/picture", params=key).status_code == 404


def test_the_command_line_forbids_pictures(monkeypatch):
    given = {}
    monkeypatch.setattr("faceaudit.web.serve", lambda **options: given.update(options))
    for arguments, images in ([], True), (["--no-images"], False):
        assert CliRunner().invoke(main, ["serve", *arguments]).exit_code == 0
        assert given["images"] is images


# --- the page ------------------------------------------------------------------------------


def test_the_page_stands_in_its_address_and_needs_no_script(client, reports):
    scored_samples(reports)
    query = "table=scores.parquet&tag=hair&rate=fnr&threshold=0.255&group=long"
    page = client.get(f"/explore?{query}").text
    assert '<option value="fnr" selected>' in page and 'value="0.255"' in page
    assert "long</bdi>: 1 of 16 AI-generated faces called real" in page
    assert page.count("<img") == 13  # one wrong, and twelve of those right
    assert "page=2" in page
    assert client.get(f"/explore?{query}&page=2").text.count("<img") == 3


def test_hostile_names_are_text(client, reports):
    scored_samples(reports)
    answer = client.get("/explore", params={"table": "scores.parquet", "tag": "shirt"})
    assert answer.status_code == 200
    assert "<img src=x" not in answer.text and "</script>\u202e" not in answer.text
    table = client.app.state.tables.open("scores.parquet")
    forest = explore.explore(table, explore.View(tag=["shirt"])).forest
    assert any(row.group == HOSTILE for row in forest.rows)
    drawn = json.loads(explore.figure(forest, ERROR_RATES["fnr"]))
    shown = [*drawn["layout"]["yaxis"]["ticktext"], *drawn["data"][0]["hovertext"]]
    assert "<img" not in json.dumps(shown).replace("<br>", "").replace("<b>", "")


def test_the_figure_has_what_the_table_has(drawn, get, client):
    table = client.app.state.tables.open("scores.parquet")
    forest = explore.explore(table, explore.View(tag=["glasses"], rate="fpr")).forest
    (points,) = json.loads(explore.figure(forest, ERROR_RATES["fpr"]))["data"]
    for i, row in enumerate(forest.rows):
        assert points["customdata"][i] == row.group and points["x"][i] == row.value
        assert points["x"][i] - points["error_x"]["arrayminus"][i] == pytest.approx(row.low)
        assert points["x"][i] + points["error_x"]["array"][i] == pytest.approx(row.high)
        assert f"{row.events} of {row.n}" in points["hovertext"][i].replace(",", "")
        assert points["marker"]["symbol"][i] == ("circle-open" if row.n < 30 else "circle")


def test_its_policy_lets_no_script_in_but_our_own(client):
    answer = client.get("/explore")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.count("<script") == answer.text.count("<script src=") == 3
    assert " style=" not in answer.text and "<style" not in answer.text


def test_plotly_comes_from_its_package(client):
    from plotly.offline import get_plotlyjs

    answer = client.get("/static/plotly.js")
    assert answer.text == get_plotlyjs() and "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("path", ["/explore", "/explore/picture", "/api/explore", "/api/tables"])
def test_it_asks_for_the_token_and_minds_the_host(application, path):
    with TestClient(application(token=TOKEN), base_url="http://127.0.0.1") as client:
        answer = client.get(path, follow_redirects=False)
        assert answer.status_code in (303, 401) and b"bundled" not in answer.content
        foreign = client.get(path, headers={"host": "evil.example"})
        assert foreign.status_code == 421


def test_the_interface_describes_it(client):
    paths = client.get("/api/openapi.json").json()["paths"]
    for path in ("/api/explore", "/api/explore/images"):
        named = {one["name"] for one in paths[path]["get"]["parameters"]}
        assert named == set(explore.View.model_fields)
