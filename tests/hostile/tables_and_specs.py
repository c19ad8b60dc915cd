"""Seeded mutations of tables, specifications, results and row expressions."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

SPEC = """name: t
title: T
question: Q
attributes: [gender, race]
intersections: [[gender, race]]
rows: label in ['real', 'ai']
limits: {fpr_gap: 0.3}
"""
#: What a cell, key or value may be turned into.
ODD = (
    *("", "\0", "\x1b[2J", "\ud800", "\u202e", "=1+1", "a" * 5_000, "NaN", "inf", "-1"),
    *("99999999999999999999", "1e999", "2001-13-45", "!!int x", "[" * 300, "null", "'", '"', ","),
    *("&a [*a]", "*b", "{a: {a: {a: 1}}}", "!!python/object:os.system x", "? x", "gender"),
)
WORDS = (
    *("image", "label", "age", "p_ai", "ok", "race", "nope", "and", "or", "not", "in", "is"),
    *(
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        "==",
        "!=",
        "<",
        ">",
        "<=",
        ">=",
        "'x'",
        "'1'",
        "'\ud800'",
    ),
    *("1", "-1", "1e999", "1.5", "True", "None", "99999999999999999999", "'", "\\", "lambda", ":"),
    *("1j", "b'x'", "f'{age}'", "...", "*", "**", "+", "-", "~", "&", "|", "^", ".", "\n", "\0"),
    *("#", "é", "女", "0x1f", "await", "yield", "[1, 'x']", "not " * 400, "(" * 150, "9" * 30),
)
EXPRESSIONS = ("race == 'x' and age >= 40", "not ok or label in ['real', 'ai']", "p_ai > 0.5")
VALUES = (None, "", 0, -1, 1.5, True, [], {}, "x", [[1]], {"a": 1}, 1e308, "\0\x1b[2J", "fpr")


def table(rows: int = 60) -> pa.Table:
    draw = random.Random(0)
    return pa.table(
        {
            "image": [f"{i}.png" for i in range(rows)],
            "label": [("real", "ai")[i % 2] for i in range(rows)],
            "p_ai": [round(draw.random(), 4) for _ in range(rows)],
            "dataset": [f"d{i % 3}" for i in range(rows)],
            "gender": [draw.choice("fm") for _ in range(rows)],
            "race": [draw.choice("xyz") for _ in range(rows)],
            "age": [draw.randint(1, 90) for _ in range(rows)],
            "ok": [draw.random() < 0.5 for _ in range(rows)],
        }
    )


def expressions(seed: int, n: int) -> Iterator[str]:
    """Half are words in a row, half are sound expressions with a few letters changed."""
    draw = random.Random(seed)
    for i in range(n):
        if i % 2:
            yield " ".join(draw.choice(WORDS) for _ in range(draw.randint(1, 9)))
            continue
        text = list(draw.choice(EXPRESSIONS))
        for _ in range(draw.randint(1, 4)):
            at = draw.randrange(len(text) + 1)
            text[at : at + draw.randint(0, 2)] = [draw.choice((*WORDS, chr(draw.randrange(0x300))))]
        yield "".join(text)


def spec(draw: random.Random) -> str:
    """Return a specification with a few things wrong."""
    text = SPEC
    for _ in range(draw.randint(1, 3)):
        words = text.split(" ")
        at = draw.randrange(len(words))
        words[at] = draw.choice((draw.choice(ODD), words[at][::-1], words[at] * 3, ""))
        text = " ".join(words)
    return text


def write_table(draw: random.Random, folder: Path) -> Path:
    """Write a table with odd cells, columns of odd types, or damaged bytes."""
    given, kind = table(), draw.choice(("csv", "csv", "parquet", "parquet", "jsonl"))
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(given.num_columns)
        name, cells = given.column_names[at], given.column(at).to_pylist()
        match draw.randrange(5):
            case 0:
                cells = [str(cell) for cell in cells]
                cells[draw.randrange(len(cells))] = draw.choice(ODD).replace("\ud800", "?")
            case 1:
                cells = [None] * len(cells)
            case 2:
                cells = (
                    [[cell] for cell in cells]
                    if kind == "parquet"
                    else [i for i, _ in enumerate(cells)]
                )
            case 3:
                name = draw.choice(ODD).replace("\ud800", "?")[:50]
            case 4:
                cells = [draw.choice((0, 1, None)) for _ in cells]
        given = given.set_column(at, name, pa.array(cells))
    path = folder / f"t.{kind}"
    if kind == "parquet":
        stated = {b"faceaudit": draw.choice((b"[" * 100_000, b"{}", b'{"kind":"scores"}', b"\xff"))}
        given = given.replace_schema_metadata(stated) if draw.random() < 0.2 else given
        pq.write_table(given, path)
    elif kind == "csv":
        pa_csv.write_csv(given, path)
    else:
        path.write_text("".join(f"{json.dumps(row)}\n" for row in given.to_pylist()))
    if draw.random() < 0.3:
        content = bytearray(path.read_bytes())
        for _ in range(draw.randint(1, 8)):
            content[draw.randrange(len(content))] = draw.randrange(256)
        path.write_bytes(content[: draw.choice((None, None, draw.randrange(len(content))))])
    return path


def damaged(result: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """Return a result in which one or two places are deleted, replaced, or of another length."""
    result = copy.deepcopy(result)
    for _ in range(draw.randint(1, 2)):
        inside: Any = result
        while True:
            keys = [*inside] if isinstance(inside, dict) else [*range(len(inside))]
            if not keys:
                break
            key = draw.choice(keys)
            if not isinstance(inside[key], dict | list) or draw.random() < 0.15:
                match draw.randrange(3):
                    case 0:
                        del inside[key]
                    case 1:
                        inside[key] = draw.choice(VALUES)
                    case 2 if isinstance(inside, list):
                        inside.append(inside[key])
                break
            inside = inside[key]
    return result
