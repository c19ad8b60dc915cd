"""The versions that `make setup` takes are allowed by, and cover, what pyproject.toml asks for."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]


def test_every_dependency_has_a_version_within_its_bounds():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    taken = {canonicalize_name(name): version for name, version in pins.items()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    installed = ("model", "onnx", "hf", "landmarks", "web", "dev")  # by make setup
    asked = [*project["dependencies"], *(one for name in installed for one in extras[name])]
    for requirement in map(Requirement, asked):
        assert taken[canonicalize_name(requirement.name)] in requirement.specifier, requirement


def test_the_page_on_security_names_the_limits():
    from faceaudit import limits

    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    table = page.partition("## Tables and specifications")[2].partition("\n## ")[0]
    for said in (
        f"{limits.TABLE_BYTES // 10**9} GB, {limits.ROWS // 10**6} million rows",
        f"of it, {limits.AUDIT_ROWS // 10**6} million rows",
        f"{limits.CELL_BYTES:,} bytes",
        f"{limits.GROUPS:,}; of an audit together {limits.ALL_GROUPS:,}",
        f"| {limits.DATASETS} |",
        f"| {limits.GROUPINGS} each",
        f"the first {limits.UNNAMED_TAGS} ",
        f"{limits.SPEC_LETTERS:,} letters, {limits.SPEC_VALUES:,} values",
        f"{limits.EXPRESSION_LETTERS:,} letters",
        f"{limits.MESSAGE_LETTERS:,} letters",
    ):
        assert said in table, said
