"""The file of a result: what it says of itself, and which versions of it are read."""

import json

import pytest

from faceaudit.errors import FaceAuditError
from faceaudit.result import RESULT_VERSION, Result, read_result, write_result
from faceaudit.runner import audit
from faceaudit.spec import Spec
from tests.drawn import drawn_scores


@pytest.fixture(scope="module")
def drawn() -> Result:
    spec = Spec(name="t", title="T", question="?", attributes=["group"])
    return audit(drawn_scores({"a": (50, 1), "b": (60, 9)}), spec)


def test_each_field_of_the_schema_is_described():
    schema = Result.model_json_schema()
    models = {"Result": schema} | schema["$defs"]
    silent = [
        f"{name}.{field}"
        for name, model in models.items()
        for field, content in model["properties"].items()
        if not content.get("description")
    ]
    assert not silent
    assert not [name for name, model in models.items() if not model.get("description")]


def test_result_survives_the_file(tmp_path, drawn):
    assert read_result(write_result(tmp_path / "audit.json", drawn)) == drawn
    (tmp_path / "bad.json").write_text('{"kind": "audit"}')
    with pytest.raises(FaceAuditError, match=r"bad\.json: not a result"):
        read_result(tmp_path / "bad.json")


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
def test_results_of_this_version_and_those_before_are_read(tmp_path, drawn, version):
    assert drawn.result_version == RESULT_VERSION
    content = json.loads(write_result(tmp_path / "audit.json", drawn).read_text("utf-8"))
    content["result_version"] = version
    if version < 4:
        del content["answer"]
        for check in content["checks"]:
            del check["part"]
            for found in check["findings"]:
                found["in_answer"] = True
    if version == 1:
        for old in content["checks"]:
            del old["verdicts"]
    (tmp_path / "audit.json").write_text(json.dumps(content), "utf-8")
    assert read_result(tmp_path / "audit.json").verdict == drawn.verdict


def test_a_curve_over_the_threshold_is_known_where_only_its_title_says_so(tmp_path, drawn):
    path = write_result(tmp_path / "audit.json", drawn)
    content = json.loads(path.read_text("utf-8"))
    curves = [d for c in content["checks"] for d in c["details"] if d["kind"] == "curve"]
    told = [curve.pop("x_is_threshold") for curve in curves]
    assert set(told) == {True, False}
    path.write_text(json.dumps(content), "utf-8")
    assert read_result(path) == drawn


@pytest.mark.parametrize("version", [0, -1, 6, 7, 99, "2", 2.5, True, None])
def test_a_result_of_another_version_is_refused(tmp_path, drawn, version):
    content = json.loads(write_result(tmp_path / "audit.json", drawn).read_text("utf-8"))
    # A later version may also have keys that this one does not know.
    content = {"later": 1} | content | {"result_version": version}
    (tmp_path / "audit.json").write_text(json.dumps(content), "utf-8")
    with pytest.raises(FaceAuditError, match=r"audit\.json: .*version") as refused:
        read_result(tmp_path / "audit.json")
    assert "later" not in str(refused.value)
    assert "\n" not in str(refused.value)
