"""The kinds of models that can be opened: one module each, see `scoring.detectors`."""
