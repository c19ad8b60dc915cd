"""What of faceaudit is installed, what of it is broken, and how to mend that.

Packages are looked up and not imported, so that it works where they are broken; but for torch,
which alone knows on what it computes.
"""

from __future__ import annotations

import importlib
import importlib.util
import platform
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from faceaudit.errors import FaceAuditError, in_one_line, install_line
from faceaudit.known_roots import state_file
from faceaudit.plugins import Door

if TYPE_CHECKING:
    from packaging.requirements import Requirement

OURS = "faceaudit"
#: What everything else rests on.
CORE = "core"
#: What comes with the package: files in its folder.
BUNDLED = {
    "models": "bundled/models/*/model.safetensors",
    "tables of recorded scores": "bundled/scores/*.parquet",
    "sample faces": "bundled/samples/*.jpg",
    "populations": "bundled/population/*.csv",
}
#: Where what plug-ins add is put together: module and function.
_TOGETHER: dict[Door, tuple[str, str]] = {
    "checks": ("faceaudit.checks", "all_checks"),
    "datasets": ("faceaudit.datasets", "all_datasets"),
    "tags": ("faceaudit.tags.base", "all_tags"),
    "reports": ("faceaudit.report.base", "all_formats"),
}


@dataclass(frozen=True)
class Packages:
    """The packages of an extra, or of the core."""

    #: Of the extra.
    name: str
    #: Broken is what is there and cannot be used as it is.
    status: Literal["installed", "not installed", "broken"]
    #: Package -> version; None where it is not installed.
    versions: dict[str, str | None]
    problems: list[str]
    #: What installs or mends it.
    install: str


@dataclass(frozen=True)
class Plugin:
    """What another package adds, and what is wrong with it."""

    door: Door
    name: str
    package: str
    entry: str
    problem: str | None


@dataclass(frozen=True)
class Diagnosis:
    """What `examine` found; `problems` are of what is installed."""

    version: str
    python: str
    folder: str
    packages: list[Packages]
    plugins: list[Plugin]
    bundled: dict[str, int]
    #: What networks are trained and computed on; None without torch.
    device: str | None
    state: str
    problems: list[str]


def examine() -> Diagnosis:
    """Look at the core, each extra, plug-ins, and what comes with the package."""
    packages, version, problems = [], "not installed", []
    try:
        ours = distribution(OURS)
        version, packages = ours.version, list(_packages(ours))
        problems += [problem for of in packages for problem in of.problems]
    except PackageNotFoundError:
        problems.append(f"faceaudit runs from its source and is not installed: {install_line()}")
    except ImportError as error:
        problems.append(f"{in_one_line(error)}: pip install packaging")
    plugins = list(_plugins())
    problems += [
        f"the plug-in '{of.name}' of {of.package} ({of.entry}) cannot be loaded: {of.problem}; "
        "mend or uninstall it"
        for of in plugins
        if of.problem
    ] or _misfits({of.door for of in plugins})
    here = Path(__file__).parent
    bundled = {what: len(list(here.glob(files))) for what, files in BUNDLED.items()}
    problems += [
        f"no {what} are in {here}; install faceaudit again" for what, n in bundled.items() if not n
    ]
    device = None
    if importlib.util.find_spec("torch") is not None:
        try:
            from faceaudit.model.devices import PROCESSOR, accelerator, called

            device = called(accelerator() or PROCESSOR)
        except Exception as error:  # libraries of another system, drivers …
            problems.append(
                f"torch cannot be loaded ({in_one_line(error)}): {install_line('model')}"
            )
    try:
        state = str(state_file().parent)
    except OSError as error:
        state = f"nowhere ({error})"
    return Diagnosis(
        version=version,
        python=f"{platform.python_version()} ({sys.executable})",
        folder=str(here),
        packages=packages,
        plugins=plugins,
        bundled=bundled,
        device=device,
        state=state,
        problems=list(dict.fromkeys(problems)),
    )


def _packages(ours: Distribution) -> Iterator[Packages]:
    """Tell of the core and then of each extra what is there."""
    from packaging.requirements import Requirement

    wanted = [Requirement(text) for text in ours.requires or ()]
    core = _that_hold(wanted, "")
    for extra in ("", *(ours.metadata.get_all("Provides-Extra") or ())):
        needed = [of for of in _that_hold(wanted, extra) if not extra or of not in core]
        versions = {of.name: _version(of.name) for of in needed}
        problems = [problem for of in needed if versions[of.name] for problem in _problems(of)]
        lacking = [name for name, version in versions.items() if version is None]
        if not extra:
            problems += [f"{name} is not installed, and nothing works without" for name in lacking]
        yield Packages(
            extra or CORE,
            "broken" if problems else "not installed" if lacking else "installed",
            versions,
            problems,
            install_line(extra),
        )


def _that_hold(wanted: list[Requirement], extra: str) -> list[Requirement]:
    """Keep what is needed on this machine for an extra, or for none."""
    return [
        of
        for of in wanted
        if of.name != OURS and (of.marker is None or of.marker.evaluate({"extra": extra}))
    ]


def _version(package: str) -> str | None:
    try:
        return distribution(package).version or "unknown"
    except PackageNotFoundError:
        return None
    except KeyError:  # removed by halves
        return "unknown"


def _problems(needed: Requirement) -> Iterator[str]:
    """Say what is wrong with a package that is installed: itself, or what it rests on."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.version import InvalidVersion, Version

    try:
        its = [Requirement(text) for text in distribution(needed.name).requires or ()]
        for by, of in ((OURS, needed), *((needed.name, of) for of in _that_hold(its, ""))):
            version = _version(of.name)
            if version is None:
                yield f"{by} needs {of.name}, which is not installed"
            elif not of.specifier.contains(Version(version), prereleases=True):
                yield f"{by} needs {of.name}{of.specifier}, and {version} is installed"
        if needed.name == "torchvision":
            # Two builds do not fit each other either, as one for CUDA and one for no GPU.
            builds = [Version(_version(name) or "0").local for name in ("torch", "torchvision")]
            if None not in builds and builds[0] != builds[1]:
                yield f"torch is built for {builds[0]} and torchvision for {builds[1]}"
    except (InvalidRequirement, InvalidVersion) as error:
        yield f"{needed.name} is damaged ({in_one_line(error)})"


def _plugins() -> Iterator[Plugin]:
    """Load whatever other packages add."""
    for door in get_args(Door):
        for entry in entry_points(group=f"{OURS}.{door}"):
            problem = None
            try:
                entry.load()
            except Exception as error:
                problem = in_one_line(error)
            package = entry.dist.name if entry.dist else "a package"
            yield Plugin(door, entry.name, package, entry.value, problem)


def _misfits(doors: Collection[Door]) -> list[str]:
    """Put what plug-ins add, all of which can be loaded, beside our own; say what does not fit."""
    problems = []
    for door, (module, together) in _TOGETHER.items():
        if door in doors:
            try:
                getattr(importlib.import_module(module), together)()
            except FaceAuditError as error:
                problems.append(str(error))
    return problems
