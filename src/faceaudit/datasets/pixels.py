"""What a picture's pixels say of its delivery: sharpness, noise, brightness, border, background."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from faceaudit.pictures import open_picture, turn
from faceaudit.stats import FloatArray

#: Sharpness and noise are measured on the middle of a picture, of this side at most.
MIDDLE = 1024
#: Side of the blocks that JPEG saves; a smaller picture is not measured.
BLOCK = 8


class PixelFacts(NamedTuple):
    """What is measured on the luma (0 to 255) of a picture of its own size; None: cannot be.

    `laplacian_sd` is the standard deviation of the Laplacian, larger where the picture is
    sharper; `high_frequency` the share of the energy of the cosine transform of its 8 × 8 blocks,
    without their means, that lies in the upper half of the frequencies; `noise_sd` the noise by
    Immerkær's mask; `mean_luma` the brightness; `border_sd` and `corners_sd` the standard
    deviation within the outermost twentieth, and within the two upper corners of a quarter of
    either side, which show the background of a portrait: 0 is one even grey.

    References
    ----------
    Pertuz, Puig & García (2013), Pattern Recognition 46, 1415–1432, for the Laplacian; Immerkær
    (1996), Computer Vision and Image Understanding 64, 300–302, for the noise.
    """

    laplacian_sd: float | None = None
    high_frequency: float | None = None
    noise_sd: float | None = None
    mean_luma: float | None = None
    border_sd: float | None = None
    corners_sd: float | None = None


def measure(content: bytes) -> PixelFacts:
    """Measure the pixels of a file; none is known of one that cannot be decoded, or is tiny."""
    try:
        with open_picture(content) as image:
            image.draft("L", image.size)  # of a JPEG file: without its colours, at its own size
            luma = np.asarray(image.convert("L"))
            turn(image)
            upright = np.asarray(image.convert("L"))
    except Exception:  # decoders raise nearly anything on damaged files
        return PixelFacts()
    height, width = luma.shape
    if min(height, width) < BLOCK:
        return PixelFacts()
    edge = max(1, min(height, width) // 20)
    within = np.zeros(luma.shape, bool)
    within[edge:-edge, edge:-edge] = True
    across = upright.shape[1] // 4
    top = upright[: len(upright) // 4]
    corners = top[:, :across].var(), top[:, -across:].var()
    border, background = luma[~within].std(), np.sqrt(np.mean(corners))
    return PixelFacts(*_frequencies(luma), *map(float, (luma.mean(), border, background)))


def _frequencies(luma: np.ndarray) -> tuple[float, float | None, float]:
    """Measure sharpness, the share of high frequencies (None of one even grey), and noise."""
    from scipy.fft import dctn

    # On JPEG's own grid, which begins in the upper left corner.
    top, left = ((max(side - MIDDLE, 0) // 2) // BLOCK * BLOCK for side in luma.shape)
    middle: FloatArray = luma[top : top + MIDDLE, left : left + MIDDLE].astype(np.float32)
    down = middle[:-2] - 2 * middle[1:-1] + middle[2:]
    across = middle[:, :-2] - 2 * middle[:, 1:-1] + middle[:, 2:]
    laplacian = down[:, 1:-1] + across[1:-1]
    mask = down[:, :-2] - 2 * down[:, 1:-1] + down[:, 2:]
    noise = np.sqrt(np.pi / 2) / 6 * np.abs(mask).mean()
    rows, columns = (side // BLOCK for side in middle.shape)
    blocks = middle[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    energy = (dctn(blocks, axes=(1, 3), norm="ortho") ** 2).sum(axis=(0, 2))
    energy[0, 0] = 0.0
    frequency = np.add.outer(np.arange(BLOCK), np.arange(BLOCK))
    total = float(energy.sum())
    high = float(energy[frequency >= BLOCK].sum()) / total if total else None
    return float(laplacian.std()), high, float(noise)
