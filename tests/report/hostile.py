"""The invented audit full of text that no page should run."""

from __future__ import annotations

from typing import Any

from faceaudit.result import Result
from tests.report.invented import audit, comparison

HOSTILE = (
    '</script><script>window.pwned=1</script><img src=x onerror="window.pwned=2">'
    "'\"&amp;{{ 7 * 7 }}|*_`[x](javascript:alert(1)) \u202eעברית\u202c 😀 =1+1 "
) + "long" * 125
#: Fields whose values are chosen by faceaudit, not by people.
FIXED = {
    "kind", "status", "check", "label", "thumbnail", "layer", "scale", "x_scale", "sha256",
    "created", "part",
}  # fmt: skip


def hostile() -> Result:
    """The invented audit with hostile text in every place where people choose the text."""

    def spoil(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            free = name in {
                "tags",
                "datasets",
                "tag_sources",
                "series",
                "n",
                "versions",
                "unscored",
                "by",
            }
            return {
                (HOSTILE + key if free else key): spoil(item, key) for key, item in value.items()
            }
        if isinstance(value, list):
            return [spoil(item, name if isinstance(item, str) else "") for item in value]
        return HOSTILE + value if isinstance(value, str) and name not in FIXED else value

    content = audit(groups=9, thumbnails=4).model_dump()
    for check in content["checks"]:
        # Slopes are a comparison's; here they stand beside all others.
        check["id"] = f'{check["id"]}" onclick="window.pwned=3'
    content["checks"][0]["details"] += comparison().model_dump()["checks"][0]["details"]
    ids = {check["id"] for check in content["checks"]}
    spoiled = spoil(content)
    for check, name in zip(spoiled["checks"], sorted(ids), strict=True):
        check["id"] = name
    return Result.model_validate(spoiled)
