"""The same pictures, changed before a classifier sees them: delivered otherwise, or edited."""

from __future__ import annotations

from collections.abc import Sequence

from faceaudit.errors import FaceAuditError
from faceaudit.variants import delivery
from faceaudit.variants.base import Variant, all_edits

__all__ = ["Variant", "all_edits", "asked_for"]


def asked_for(deliver: Sequence[str] = (), edit: Sequence[str] = ()) -> list[Variant]:
    """Return the variants that deliveries and edits name, each once.

    Parameters
    ----------
    deliver : sequence of str
        Each as `faceaudit.variants.delivery.deliveries` reads it.
    edit : sequence of str
        Names of edits, as of `all_edits`.

    Raises
    ------
    FaceAuditError
        If one is not known, with what is.
    """
    found = [one for text in deliver for one in delivery.deliveries(text)]
    edits = all_edits() if edit else {}
    for name in edit:
        if name not in edits:
            raise FaceAuditError(
                f"--edit {name}: there is no such edit; there are {', '.join(edits) or 'none'}"
            )
        found += edits[name].variants
    return list({one.name: one for one in found}.values())
