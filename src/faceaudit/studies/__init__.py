"""Studies: the published experiments, as training runs that can be stopped and continued.

An audit asks of one classifier; a study trains several that differ in one thing, over several
seeds, and says how much that one thing does beyond chance and beyond the seed.
"""
