"""Reports: a result drawn for people and for machines. They draw, they never compute.

Every output format is one module with a ``REPORT``; see `faceaudit.report.base`.
"""
