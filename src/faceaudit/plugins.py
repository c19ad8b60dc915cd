"""What there is to choose from: what modules of ours offer, and what installed plug-ins add."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import Any, Literal

from faceaudit.errors import FaceAuditError, in_one_line

Door = Literal["checks", "datasets", "tags", "detectors", "reports", "variants", "mitigation"]


@contextmanager
def blamed(kind: str, name: str, module: str) -> Iterator[None]:
    """Say of whatever is raised in the block, in one line, whose fault it is.

    Raises
    ------
    FaceAuditError
        With the exception as its cause. One that is raised in the block passes.
    """
    try:
        yield
    except FaceAuditError:
        raise
    except Exception as error:
        raise FaceAuditError(
            f"the {kind} '{name}' (module {module}) failed: {in_one_line(error)}"
        ) from error


def plugins(door: Door) -> Iterator[tuple[str, Any]]:
    """Load what installed packages offer under the entry point ``faceaudit.<door>``.

    Before each it is said where it comes from: the package and the entry point.

    Raises
    ------
    FaceAuditError
        If one cannot be loaded.
    """
    for entry in entry_points(group=f"faceaudit.{door}"):
        package = entry.dist.name if entry.dist else "a package"
        try:
            yield f"{package} ({entry.value})", entry.load()
        except Exception as error:
            raise FaceAuditError(
                f"the plug-in '{entry.name}' of {package} ({entry.value}) cannot be loaded: "
                f"{in_one_line(error)}; mend or uninstall it"
            ) from error


def offers(
    door: Door,
    attribute: str,
    key: str,
    *,
    given: Iterable[Any] = (),
    folder: str | None = None,
    fault: Callable[[Any], str | None] = lambda offered: None,
) -> dict[str, Any]:
    """Return by `key` what is given, what modules of ``faceaudit.<door>`` have, and plug-ins.

    A module offers its `attribute`, a plug-in what its entry point names. `folder` is where the
    modules are if not in one of the door's name. `fault` says why an offer is of no use.

    Raises
    ------
    FaceAuditError
        If a plug-in cannot be loaded, is of no use, or takes a name that is taken.
    """
    package = importlib.import_module(f"faceaudit.{folder or door}")
    found = {getattr(one, key): one for one in given}
    modules = (
        importlib.import_module(f"{package.__name__}.{module.name}")
        for module in pkgutil.iter_modules(package.__path__)
    )
    own = [(one.__name__, getattr(one, attribute)) for one in modules if hasattr(one, attribute)]
    sources = dict.fromkeys(found, f"{package.__name__}.base")
    for source, offered in (*own, *plugins(door)):
        name = getattr(offered, key, None)
        wrong = fault(offered) if isinstance(name, str) else f"it has no {key}"
        if wrong:
            raise FaceAuditError(f"the plug-in {source} is no {attribute}: {wrong}")
        if name in found:
            raise FaceAuditError(
                f"the {attribute} of {source} is called '{name}', as that of {sources[name]} is; "
                "rename or uninstall one"
            )
        found[name], sources[name] = offered, source
    return found
