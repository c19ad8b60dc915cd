"""Tags: who is in the picture, in one vocabulary over all data sets."""
