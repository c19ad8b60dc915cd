"""1 Million Fake Faces: StyleGAN faces of 2018, without tags."""

from __future__ import annotations

from faceaudit.datasets.base import Dataset, Tagged


class OneMillionFakeFaces(Dataset):
    """Takes every image."""

    id = "one-million-fake-faces"
    title = "1 Million Fake Faces"
    label = "ai"
    published = 1_000_000
    licence = "CC BY-NC 4.0, as announced with the set"
    home = "https://archive.org/details/1mFakeFaces"
    layout = "1m_faces_00/9G6G661H8A.jpg and so on, or one of its archives as it came"

    def read(self, path: str) -> Tagged:
        return Tagged("ai", {})


DATASET = OneMillionFakeFaces
