"""Inference: rates, intervals, gaps, tests and verdicts, all computed from counts."""
