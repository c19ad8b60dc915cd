"""Data sets: one module a published set, from its layout on disk to manifest rows."""
