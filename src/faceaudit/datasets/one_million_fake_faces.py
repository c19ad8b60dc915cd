"""1 Million Fake Faces: StyleGAN faces of 2018, without tags."""

from __future__ import annotations

from faceaudit.datasets.description import Dataset, Reader, Tagged


class OneMillionFakeFacesReader(Reader):
    """Takes every image."""

    def read(self, path: str) -> Tagged:
        """Return the label; there are no tags."""
        return Tagged("ai", {})


DATASET = Dataset(
    id="one-million-fake-faces",
    title="1 Million Fake Faces",
    label="ai",
    published=1_000_000,
    licence="none stated",
    home="https://archive.org/details/1mFakeFaces",
    layout="any folders of images, or one of its archives as it came",
    reader=OneMillionFakeFacesReader,
)
