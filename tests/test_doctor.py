"""The doctor finds what is missing and what is broken, and works where parts are."""

import json
import os
import subprocess
import sys
from pathlib import Path

import packaging.requirements  # before nothing but the fixture's packages is found
import packaging.version  # noqa: F401
import pytest

import faceaudit.checks
import faceaudit.doctor
from faceaudit.doctor import examine

OURS = """Requires-Dist: numpy>=1.26
Requires-Dist: torch>=2.4; extra == 'model'
Requires-Dist: torchvision>=0.19; extra == 'model'
Requires-Dist: plotly>=5.20; extra == 'notebook'
Requires-Dist: winonly>=1; sys_platform == 'nowhere' and extra == 'notebook'
Provides-Extra: model
Provides-Extra: notebook
"""
PLUGIN = """
from faceaudit.checks import Check, Product
CHECK = Check("called-ai", "", "", lambda data, options: Product("info", ""))
SAME = Check("power", "", "", lambda data, options: Product("info", ""))
"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A place where packages are installed, and no other."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    faceaudit.checks.all_checks.cache_clear()
    yield tmp_path
    sys.modules.pop("others", None)
    faceaudit.checks.all_checks.cache_clear()


def install(site, name, version, requires="", points=""):
    metadata = site / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir()
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (metadata / "METADATA").write_text(head + requires)
    (metadata / "entry_points.txt").write_text(points)


def whole(site):
    install(site, "faceaudit", "0.1.0", OURS)
    install(site, "numpy", "2.1")
    install(site, "torch", "2.5.1+cpu")
    install(site, "torchvision", "0.20.1+cpu", "Requires-Dist: torch==2.5.1\n")


def status(found):
    return {of.name: of.status for of in found.packages}


def test_an_extra_that_is_not_there_is_no_fault_and_its_line_is_given(site):
    whole(site)
    found = examine()
    assert found.problems == []
    assert status(found) == {"core": "installed", "model": "installed", "notebook": "not installed"}
    notebook = found.packages[2]
    assert notebook.versions == {"plotly": None}
    assert notebook.install == "pip install '.[notebook]' in a checkout of faceaudit"
    assert found.packages[1].versions == {"torch": "2.5.1+cpu", "torchvision": "0.20.1+cpu"}


@pytest.mark.parametrize(
    ("package", "version", "requires", "of", "problem"),
    [
        ("numpy", "1.20", "", "core", "faceaudit needs numpy>=1.26, and 1.20 is installed"),
        ("numpy", None, "", "core", "numpy is not installed, and nothing works without"),
        ("torch", "2.6", "", "model", "torchvision needs torch==2.5.1, and 2.6 is installed"),
        ("torch", "2.5.1+cu121", "", "model", "torch is built for cu121 and torchvision for cpu"),
        ("torch", "2.5.1", "Requires-Dist: sympy\n", "model", "torch needs sympy, which is not"),
        ("torch", "nonsense", "", "model", "torchvision is damaged (InvalidVersion"),
        ("torch", "2.5.1", "Requires-Dist: ???\n", "model", "torch is damaged (InvalidRequirement"),
    ],
)
def test_what_is_installed_and_does_not_fit_is_broken(
    site, package, version, requires, of, problem
):
    whole(site)
    (old,) = site.glob(f"{package}-*")
    (old / "METADATA").unlink()
    (old / "entry_points.txt").unlink()
    old.rmdir()
    if version:
        install(site, package, version, requires)
    found = examine()
    assert status(found)[of] == "broken"
    assert any(told.startswith(problem) for told in found.problems), found.problems


def test_a_package_that_was_removed_by_halves(site):
    whole(site)
    (old,) = site.glob("numpy-*")
    (old / "METADATA").write_text("")
    assert status(examine())["core"] == "broken"


def test_without_its_own_metadata_it_says_so(site):
    assert examine().problems == [
        "faceaudit runs from its source and is not installed: pip install . in a checkout of "
        "faceaudit"
    ]


@pytest.mark.parametrize(
    ("code", "object_", "problem"),
    [
        (PLUGIN, "CHECK", None),
        ("import nothing_of_the_kind", "CHECK", "ModuleNotFoundError: No module named"),
        (PLUGIN, "NONE", "AttributeError"),
        (PLUGIN, "SAME", "the CHECK of others (others:SAME) is called 'power'"),
        ("CHECK = 3", "CHECK", "the plug-in others (others:CHECK) is no CHECK: it has no id"),
    ],
)
def test_plug_ins_are_found_and_a_broken_one_is_blamed(site, code, object_, problem):
    whole(site)
    (site / "others.py").write_text(code)
    points = f"[faceaudit.checks]\nmine = others:{object_}\n"
    install(site, "others", "1.0", points=points)
    found = examine()
    (plugin,) = found.plugins
    assert (plugin.door, plugin.name, plugin.package) == ("checks", "mine", "others")
    if problem is None:
        assert found.problems == []
    else:
        (told,) = found.problems
        assert problem in told
        assert "others" in told


def test_data_that_does_not_come_with_it_is_missed(site, monkeypatch):
    whole(site)
    assert min(examine().bundled.values()) > 0
    monkeypatch.setitem(faceaudit.doctor.BUNDLED, "sample faces", "bundled/none/*.jpg")
    (told,) = examine().problems
    assert told.startswith("no sample faces are in ")


def test_the_command_works_beside_a_broken_tag_and_exits_with_2(tmp_path):
    """Importing nearly anything of ours fails then; the doctor says whose fault it is."""
    install(tmp_path, "others", "1.0", points="[faceaudit.tags]\nhat = others:TAG\n")
    (tmp_path / "others.py").write_text("1 / 0")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": path, "COLUMNS": "300"}

    def doctor(*options):
        command = [sys.executable, "-m", "faceaudit", "doctor", *options]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    done = doctor()
    assert done.returncode == 2, done.stderr
    problem = (
        "the plug-in 'hat' of others (others:TAG) cannot be loaded: ZeroDivisionError: division "
        "by zero; mend or uninstall it"
    )
    assert f"broken: {problem}\n" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    told = json.loads(doctor("--json").stdout)
    assert problem in told["problems"]
    assert Path(told["folder"]).name == "faceaudit"
