"""docs/ci.md: its files, put into a scratch repository, do what the page says."""

import os
import re
import stat
import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import product

import pytest
import yaml

from tests.documents import ROOT, write_files

PAGE = ROOT / "docs" / "ci.md"
#: Shares of real photographs of women and of men that are called AI-generated, before and now, and
#: images of each label, gender and age.
SCENARIOS = {
    "the same": (0.06, 0.06, 0.06, 0.06, 1_200),
    # Women are accused more often and men less: nothing changes over all images or by age.
    "women lose": (0.06, 0.06, 0.11, 0.01, 1_200),
    "too few": (0.06, 0.06, 0.06, 0.06, 50),
}


def scores(women: float, men: float, n: int) -> str:
    """Write a table; which images are called wrongly depends on the shares alone."""
    lines = ["image,label,p_ai,gender,age_band"]
    for label, (gender, share), age in product(
        ("real", "ai"), (("female", women), ("male", men)), ("20-29", "60-69")
    ):
        wrong = round(n * (share if label == "real" else 0.04))
        for i in range(n):
            called_ai = (i < wrong) == (label == "real")
            lines.append(
                f"{label}/{gender}/{age}/{i},{label},{0.9 if called_ai else 0.1},{gender},{age}"
            )
    return "\n".join(lines) + "\n"


@pytest.fixture
def repository(tmp_path):
    """Make a clone with the page's files and the scores of before, and say how commands run."""
    upstream, clone, bin_ = (tmp_path / name for name in ("upstream", "clone", "bin"))
    bin_.mkdir()
    python = f"exec {sys.executable!r}"
    for name, does in {
        "faceaudit": f'{python} -m faceaudit "$@"',
        # What is installed is the test's own; a real installation needs a network.
        "python": f'echo "python $*" >> {str(tmp_path / "installed")!r}',
    }.items():
        (bin_ / name).write_text(f"#!/bin/sh\n{does}\n")
        (bin_ / name).chmod(0o755)
    who = {
        f"GIT_{one}_{what}": "t@t.t"
        for one in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    environment = {
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT / "src"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GITHUB_BASE_REF": "main",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "RUNNER_TEMP": str(tmp_path),
        "OMP_NUM_THREADS": "1",
    } | who

    class Repository:
        folder = clone
        temporary = tmp_path

        def run(self, command, folder=clone, check=True, **more):
            return subprocess.run(
                ["bash", "-e", "-c", command],
                cwd=folder,
                env=environment | {key: str(value) for key, value in more.items()},
                capture_output=True,
                text=True,
                check=check,
            )

        def change(self, scenario):
            """Commit the scores of before to the main branch, and those of now to another one."""
            *before, women, men, n = SCENARIOS[scenario]
            self.run(f"git init -q -b main {str(upstream)!r}", tmp_path)
            write_files(PAGE, upstream)
            (upstream / "scores.csv").write_text(scores(*before, n))
            self.run("git add -A && git commit -qm before", upstream)
            self.run(f"git clone -q --depth=1 'file://{upstream}' {str(clone)!r}", tmp_path)
            self.run("git switch -qc change")
            (clone / "scores.csv").write_text(scores(women, men, n) + "\n")
            self.run("git commit -qam now")

    return Repository()


@pytest.mark.parametrize(
    ("scenario", "code", "annotated"),
    [
        ("the same", 0, ["notice title=faceaudit%3A gate::Passed: 10 of 10 verdicts pass."]),
        ("women lose", 1, ["error title=faceaudit%3A gender 'female'%2C FPR::Fail: +5.0 points ("]),
        # The group that may be the furthest beyond its margin leads.
        ("too few", 3, ["warning title=faceaudit%3A gender 'female'%2C FPR::Not enough evidence"]),
    ],
)
def test_the_workflow(repository, scenario, code, annotated):
    repository.change(scenario)
    workflow = yaml.safe_load((repository.folder / ".github/workflows/fairness.yml").read_text())
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    codes, printed = {}, {}
    for step in (step for step in job["steps"] if "run" in step):
        failed = any(codes.values())
        if failed and step.get("if") != "always()":
            continue
        done = repository.run(step["run"], check=False, **workflow["env"] | {"FACEAUDIT": ROOT})
        codes[step["name"]], printed[step["name"]] = done.returncode, done.stdout
        assert done.returncode == 0 or step["name"] == "Gate", done.stderr
    assert codes["Gate"] == code
    assert (repository.temporary / "installed").read_text() == f"python -m pip install {ROOT}\n"
    lines = printed["Gate"].splitlines()
    assert all(line.startswith("::") for line in lines)
    assert lines[0].startswith(f"::{annotated[0]}")
    summary = (repository.temporary / "summary.md").read_text()
    junit = ET.parse(repository.folder / "fairness/verdict.xml").getroot()
    if scenario == "women lose":
        # Nobody else is blamed, nowhere.
        assert len(lines) == 1
        assert summary.startswith("**Failed \\(exit 1\\)\\: gender 'female', FPR.** ")
        assert re.findall(r"^\| (?:Fail|Not enough).*?\| (.*?) \|", summary, re.M) == [
            "gender 'female', FPR"
        ]
        failing = [case.get("name") for case in junit if len(case)]
        assert failing == ["gender 'female', FPR"]
    if scenario == "too few":
        assert len(lines) == 10
        (everybody,) = [line for line in lines if "title=faceaudit%3A all images%2C FPR::" in line]
        assert everybody.startswith("::warning ") and "::Not enough evidence: " in everybody
        assert summary.startswith("**Undecided \\(exit 3\\)\\: ")
        assert junit.get("errors") == junit.get("tests") == "10"
    assert (repository.folder / "fairness/report.html").stat().st_size > 10_000


def test_the_recipe_for_gitlab_and_other_shells(repository):
    repository.change("women lose")
    (job,) = yaml.safe_load((repository.folder / ".gitlab-ci.yml").read_text()).values()
    *before, last = job["script"]
    for line in before:
        repository.run(line, FACEAUDIT=ROOT)
    done = repository.run(last, check=False)
    assert done.returncode == 1, done.stderr
    assert "Failed (exit 1): gender 'female', FPR." in done.stdout
    assert job["allow_failure"] == {"exit_codes": 3}
    assert (repository.folder / job["artifacts"]["reports"]["junit"]).is_file()


@pytest.mark.parametrize(("scenario", "kept"), [("women lose", False), ("too few", True)])
def test_the_hook(repository, scenario, kept):
    repository.change(scenario)
    hook = repository.folder / ".githooks" / "pre-commit"
    hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    repository.run("git config core.hooksPath .githooks && git reset -q --soft HEAD~1")
    head = repository.run("git rev-parse HEAD").stdout
    done = repository.run("git commit -qm now", check=False)
    assert (done.returncode == 0) is kept, done.stderr
    assert (repository.run("git rev-parse HEAD").stdout != head) is kept
    assert "gender 'female', FPR" in done.stdout + done.stderr
    # A commit of something else is none of its business.
    (repository.folder / "README").write_text("x")
    repository.run("git reset -q && git add README && git commit -qm readme", PYTHONPATH="nowhere")
