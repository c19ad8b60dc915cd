"""faceaudit: whom does a detector of AI-generated faces get wrong, how sure are we, and why?

``import faceaudit as fa`` costs next to nothing: what is named here is imported when it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faceaudit.api import audit, card, check_same, compare, gate, read
    from faceaudit.datasets import index
    from faceaudit.scoring import score
    from faceaudit.spec import Spec

__all__ = ["Spec", "audit", "card", "check_same", "compare", "gate", "index", "read", "score"]

#: What is named otherwise where it is defined, or in another module than `faceaudit.api`. No
#: module of the package has one of these names: importing it would put it in their place.
_DEFINED = {
    "index": "faceaudit.datasets:index",
    "score": "faceaudit.scoring:score",
    "Spec": "faceaudit.spec:Spec",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'faceaudit' has no attribute '{name}'")
    module, _, defined = _DEFINED.get(name, f"faceaudit.api:{name}").partition(":")
    return getattr(importlib.import_module(module), defined)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
