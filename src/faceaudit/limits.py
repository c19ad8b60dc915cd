"""How much is taken of what is brought in. A message that refuses more names its limit."""

from __future__ import annotations

#: Bytes of a table in memory, or of what is kept of one that is read a part at a time. A file of a
#: few kilobytes can hold a billion equal cells.
TABLE_BYTES = 1_000_000_000
#: Bytes that reading a table may take beside what is taken, whatever its file says of itself.
READING_BYTES = 6 * TABLE_BYTES
#: Rows of a table.
ROWS = 10_000_000
#: Rows of a table that is read a part at a time, as an audit reads Parquet.
AUDIT_ROWS = 20_000_000
#: Bytes of one cell: a path, a tag, a map of attention. A column with a longer one is not read.
CELL_BYTES = 4_096
#: So many tags that nobody named are read, the first of a table.
UNNAMED_TAGS = 100
#: Groups of a tag, or of a combination of tags; and of all that an audit compares, together.
GROUPS = 1_000
ALL_GROUPS = 2_000
#: Combinations of the values of some tags, those that no image has among them.
CELLS = 1_000_000
#: Data sets of a table: every check that goes by them goes through all.
DATASETS = 200
#: Tags, and combinations of tags, that an audit compares.
GROUPINGS = 100
#: Bytes of a file of text: a result with all its thumbnails, the JSON of a model.
TEXT_BYTES = 200_000_000
#: Letters of a specification, and values in it once its aliases are followed.
SPEC_LETTERS = 100_000
SPEC_VALUES = 20_000
#: Brackets within brackets, of a specification and of JSON lines.
DEPTH = 100
#: Letters of a row expression.
EXPRESSION_LETTERS = 10_000
#: Letters of a message.
MESSAGE_LETTERS = 2_000
