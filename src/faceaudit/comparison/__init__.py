"""What is found where two classifiers judged the same images, and how it is told."""
