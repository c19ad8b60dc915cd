"""Imports run down only: no circle among the modules, and none from a lower layer to a higher."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import faceaudit

ROOT = Path(faceaudit.__file__).parent
#: From top to bottom; a module belongs to the longest name that it begins with.
LAYERS = (
    ("__main__", "cli", "cli_completion", "cli_shared", "cli_studies"),
    ("demo", "terminal", "web", "studies"),
    ("screen",),
    ("api",),
    ("notebook",),
    ("comparison", "pairing", "report", "figures"),
    (
        "answer",
        "catalogue",
        "decision",
        "doctor",
        "draft",
        "given",
        "limitations",
        "model_selection",
        "plan",
        "reproduction",
        "runner",
    ),
    ("checks", "mitigation"),
    ("scoring",),
    ("model", "thumbnails", "bundled"),
    ("datasets", "variants"),
    ("selection", "stats", "layout"),
    ("tables", "row_filter", "result", "spec"),
    ("image_names",),
    ("tags", "reading", "schema"),
    (
        "errors",
        "files",
        "frames",
        "known_roots",
        "memory_limit",
        "packaged",
        "metric_frames",
        "one_or_many",
        "pictures",
        "plugins",
        "python_words",
        "read_ahead",
        "unfinished",
        "wording",
        "worker_process",
    ),
    ("error_rates", "limits"),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def imports() -> dict[str, set[str]]:
    """Every module, by its name below the package, and which others it imports, wherever."""
    paths = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        paths[".".join(part for part in parts if part != "__init__")] = path
    found: dict[str, set[str]] = {}
    for module, path in paths.items():
        names = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                # 'from package import module', or 'from module import name'.
                given = [f"{node.module}.{alias.name}" for alias in node.names]
                names |= {
                    n if n.removeprefix("faceaudit.") in paths else node.module for n in given
                }
            elif isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
        ours = {name.removeprefix("faceaudit.") for name in names if name.startswith("faceaudit.")}
        found[module] = ours - {module}
    return found


def level(module: str) -> int:
    parts = module.split(".")
    return next(
        LEVEL[name] for end in range(len(parts), 0, -1) if (name := ".".join(parts[:end])) in LEVEL
    )


def test_no_module_imports_itself_by_way_of_others():
    TopologicalSorter(imports()).prepare()  # raises where there is a circle


def test_imports_run_down_only():
    up = [
        f"{module} imports {other}"
        for module, others in imports().items()
        for other in others
        if module and level(module) > level(other)
    ]
    assert up == []
