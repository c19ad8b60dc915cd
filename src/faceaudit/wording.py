"""Numbers and groups in words, the same in every check."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

LIMIT_NOTE = "a chosen limit, not a legal test"


def percent(share: float) -> str:
    """Write a share of images with one decimal; what is not quite none or all is not rounded to it.

    >>> percent(0.1234), percent(0.0001), percent(0.9999)
    ('12.3 %', 'under 0.1 %', 'over 99.9 %')
    """
    if 0 < share < 0.0005:
        return "under 0.1 %"
    if 0.9995 <= share < 1:
        return "over 99.9 %"
    return f"{100 * share:.1f} %"


def natural_frequency(events: int, n: int) -> str:
    """Write a share of images as one speaks of it.

    >>> natural_frequency(565, 8468), natural_frequency(482, 1860), natural_frequency(2, 3)
    ('1 in 15', '1 in 4', '2 in 3')
    >>> natural_frequency(0, 9), natural_frequency(532, 540), natural_frequency(9, 9)
    ('none', 'all but 1 in 68', 'all')
    """
    if events in (0, n):
        return "all" if events else "none"
    if 10 * events < n:
        return f"1 in {n / events:,.0f}"
    if 10 * (n - events) < n:
        return f"all but {natural_frequency(n - events, n)}"
    some = Fraction(events, n).limit_denominator(10)
    return f"{some.numerator} in {some.denominator}"


def points(difference: float) -> str:
    """Write a difference of two shares in percentage points.

    >>> points(0.0712)
    '7.1 points'
    """
    return f"{_hundred(difference)} points"


def percent_range(low: float, high: float, confidence: float | None = None) -> str:
    """Write the two ends of an interval of a share, and which interval that is.

    >>> percent_range(0.01, 0.052), percent_range(0.01, 0.052, 0.95)
    ('1.0 to 5.2 %', '95 % interval 1.0 to 5.2 %')
    """
    return f"{_title(confidence)}{100 * low:.1f} to {100 * high:.1f} %"


def points_range(low: float, high: float, confidence: float | None = None) -> str:
    """Write the two ends of an interval of a difference of shares.

    >>> points_range(-0.01, 0.052), points_range(-0.0004, -0.0102)
    ('-1.0 to 5.2 points', '0.0 to -1.0 points')
    """
    return f"{_title(confidence)}{_hundred(low)} to {_hundred(high)} points"


def _hundred(share: float) -> str:
    # Nothing is less than nothing: no "-0.0".
    return (
        f"{100 * share:.1f}".replace("-0.0", "0.0") if abs(share) < 0.01 else f"{100 * share:.1f}"
    )


def counted(n: int, one: str, many: str | None = None) -> str:
    """Write a number of things, in the singular for one.

    >>> counted(1, "photograph"), counted(1200, "photograph")
    ('1 photograph', '1,200 photographs')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """Write about how long something takes.

    >>> duration(0.2), duration(95), duration(3600), duration(7200)
    ('1 second', '2 minutes', '60 minutes', '2.0 hours')
    """
    if seconds < 90:
        return counted(max(round(seconds), 1), "second")
    if seconds < 5400:
        return counted(round(seconds / 60), "minute")
    return f"{seconds / 3600:.1f} hours"


def out_of(some: int, n: int, one: str, verbs: tuple[str, str] = ("is", "are")) -> str:
    """Write some of a number of things, with their verb.

    >>> out_of(1, 2, "group"), out_of(0, 1, "group"), out_of(2, 9, "gap", ("has", "have"))
    ('1 of 2 groups is', '0 of 1 group is', '2 of 9 gaps have')
    """
    return f"{some:,} of {counted(n, one)} {verbs[0] if 1 in (some, n) else verbs[1]}"


def capitalised(text: str) -> str:
    """Begin a sentence or a heading; the rest stays as it is.

    >>> capitalised("real photographs by AI")
    'Real photographs by AI'
    """
    return text[:1].upper() + text[1:]


def tag_title(attribute: str) -> str:
    """Write a tag's name for a heading.

    >>> tag_title("age_band")
    'age band'
    """
    return "data set" if attribute == "dataset" else attribute.replace("_", " ")


def attributes_title(attributes: Sequence[str]) -> str:
    """Write the tags that make the groups.

    >>> attributes_title(["race", "age_band"])
    'race × age band'
    """
    return " × ".join(tag_title(attribute) for attribute in attributes)


def group_title(attributes: Sequence[str], group: Sequence[str]) -> str:
    """Name a group within a sentence.

    >>> group_title(["race", "gender"], ["Black", "female"])
    "race 'Black' and gender 'female'"
    """
    # The name of a slice has quotation marks of its own.
    marks = ['"' if "'" in value else "'" for value in group]
    return " and ".join(
        f"{tag_title(attribute)} {mark}{value}{mark}"
        for attribute, value, mark in zip(attributes, group, marks, strict=True)
    )


def missing_note(missing: int, attributes: Sequence[str]) -> str | None:
    """Say how many images are in no group because a tag is not known; None if there is none.

    >>> missing_note(1, ["race"])
    '1 image has no tag for race and is in no group here.'
    """
    if missing == 0:
        return None
    verb, there = ("has", "is") if missing == 1 else ("have", "are")
    tags = " or ".join(tag_title(attribute) for attribute in attributes)
    return f"{counted(missing, 'image')} {verb} no tag for {tags} and {there} in no group here."


def times(ratio: float) -> str:
    """Write a ratio of two rates.

    >>> times(1.234), times(163.4)
    ('1.23 times', '163 times')
    """
    return f"{_ratio(ratio)} times"


def times_range(low: float, high: float, confidence: float | None = None) -> str:
    """Write the two ends of an interval of a ratio; the upper one may be infinite.

    >>> times_range(0.95, 1.3), times_range(3.21, float("inf"))
    ('0.95 to 1.30 times', '3.21 times or more')
    """
    ends = "times or more" if high == float("inf") else f"to {_ratio(high)} times"
    return f"{_title(confidence)}{_ratio(low)} {ends}"


def _ratio(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}"


def interval_title(confidence: float) -> str:
    """Name an interval by its confidence.

    >>> interval_title(0.95)
    '95 % interval'
    """
    return f"{round(100 * round(confidence, 5), 2):g} % interval"


def _title(confidence: float | None) -> str:
    return "" if confidence is None else f"{interval_title(confidence)} "


#: What moves a terminal's cursor or turns the order of letters, and halves of letters.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Write what a terminal would obey, and not show, as its code.

    >>> printable("a\\x1b[2J\\x00"), printable("naïve – 女性")
    ('a\\\\x1b[2J\\\\x00', 'naïve – 女性')
    """
    return _UNPRINTABLE.sub(lambda of: of[0].encode("unicode_escape").decode(), text)


#: As of a store; a `Path` has taken one of the two slashes. One letter is a drive of Windows.
_ADDRESS = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}:/[^\s\"'<>]*[^\s\"'<>:;,.)\]]")


def without_secrets(text: str) -> str:
    """Leave of the addresses in a text the places alone.

    >>> without_secrets("(https://me:pw@host/a?token=1): not there")
    '(https://host/a): not there'
    """
    return _ADDRESS.sub(lambda found: place_alone(found[0]), text)


def place_alone(address: str) -> str:
    """Return an address without passwords and queries.

    >>> place_alone("abfs://container@account/a?sig=1")
    'abfs://container@account/a'
    """
    scheme, _, rest = address.partition(":")
    web = scheme.lower() in ("http", "https")
    bare = re.split(r"[?#]" if web else r"\?", rest.lstrip("/"))[0]
    server, slash, path = bare.partition("/")
    user, _, host = server.rpartition("@")
    if not web and ":" not in user:  # it is a part of the place
        host = server
    return f"{scheme}:{rest[: len(rest) - len(rest.lstrip('/'))]}{host}{slash}{path}"


def cut(text: str, most: int) -> str:
    """Cut a text in its middle: what is wrong stands first in a message, the remedy last.

    >>> cut("a specification is a mapping of keys", 21)
    'a specificatio … keys'
    """
    if len(text) <= most:
        return text
    head = 3 * most // 4 - 1
    return f"{text[:head]} … {text[head + 3 - most :]}"
