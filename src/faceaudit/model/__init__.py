"""The classifier: preprocessing, architectures, training, checkpoints. Importing it is cheap."""
