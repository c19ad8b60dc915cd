"""Reading what comes from elsewhere: any file as a table, any column as what it means.

A file becomes a table (`formats`), its columns text, numbers or booleans (`columns`), its labels
and scores ours (`meaning`), tags of another table are joined to it (`tagging`, `matching`), and
the whole becomes scores (`adoption`). `validation` names the first cell that breaks the schema,
`file_kinds` what a file is that was given in another's place.
"""
