"""What there is to choose from: what modules of ours offer, and what installed plug-ins add."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from typing import Any, Literal

from faceaudit.errors import FaceAuditError

Door = Literal["checks", "datasets", "tags", "detectors", "reports"]


def plugins(door: Door) -> Iterator[Any]:
    """Load what installed packages offer under the entry point ``faceaudit.<door>``.

    Raises
    ------
    FaceAuditError
        If one cannot be loaded.
    """
    for entry in entry_points(group=f"faceaudit.{door}"):
        try:
            yield entry.load()
        except Exception as error:
            package = entry.dist.name if entry.dist else "a package"
            raise FaceAuditError(
                f"the plug-in '{entry.name}' of {package} ({entry.value}) cannot be loaded: "
                f"{error}; mend or uninstall it"
            ) from error


def offers(
    door: Door, attribute: str, key: str, given: Iterable[Any] = (), folder: str | None = None
) -> dict[str, Any]:
    """Return by `key` what is given, what modules of ``faceaudit.<door>`` have, and plug-ins.

    A module offers its `attribute`, a plug-in what its entry point names. `folder` is where the
    modules are if not in one of the door's name.

    Raises
    ------
    FaceAuditError
        If a plug-in cannot be loaded, is of no use, or takes a name that is taken.
    """
    package = importlib.import_module(f"faceaudit.{folder or door}")
    found = {getattr(one, key): one for one in given}
    for module in pkgutil.iter_modules(package.__path__):
        own = importlib.import_module(f"{package.__name__}.{module.name}")
        if (offered := getattr(own, attribute, None)) is not None:
            found[getattr(offered, key)] = offered
    for added in plugins(door):
        name = getattr(added, key, None)
        if not isinstance(name, str):
            raise FaceAuditError(f"the plug-in {added!r} is no {attribute}: it has no {key}")
        if name in found:
            raise FaceAuditError(
                f"a plug-in's {attribute} is called '{name}', as another is; rename or uninstall it"
            )
        found[name] = added
    return found
