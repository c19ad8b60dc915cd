"""How far a picture lies from the training pictures, in what the classifier sees of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceaudit.errors import FaceAuditError, in_one_line
from faceaudit.files import atomic_file
from faceaudit.model.inference import Rows, few_at_once, hooked
from faceaudit.model.preprocess import Floats, Pixels
from faceaudit.model.records import FAMILIARITY_FILE, InputRecord

if TYPE_CHECKING:
    from torch import Tensor, nn

#: Training pictures that are looked at; more would change the axes little.
SAMPLE = 2_000
#: Axes along which is measured; fewer where there are few pictures to know their spread from.
AXES = 64
_PICTURES_AN_AXIS = 10
#: Share of the validation pictures that are called familiar.
FAMILIAR = 0.99


@dataclass(frozen=True)
class Familiarity:
    """Where the training pictures lie in a classifier's features, and how near is familiar.

    A picture's distance is Mahalanobis's [1]_ on the first principal components [2]_ of the
    training pictures' features: the root of the sum of its squared coordinates, each in
    standard deviations of the training pictures. Both labels together count as one cloud.

    Attributes
    ----------
    centre : ndarray of float32, shape (d,)
        Mean features of the training pictures.
    axes : ndarray of float32, shape (q, d)
        Principal components, each divided by the training pictures' standard deviation on it.
    limit : float
        Distance that `FAMILIAR` of the validation pictures do not exceed.
    n_validation : int
        Number of validation pictures that the limit rests on.

    References
    ----------
    .. [1] K. Lee, K. Lee, H. Lee and J. Shin, "A simple unified framework for detecting
       out-of-distribution samples and adversarial attacks", NeurIPS 2018.
    .. [2] R. Kamoi and K. Kobayashi, "Why is the Mahalanobis distance effective for anomaly
       detection?", 2020, arXiv:2003.00402.
    """

    centre: Floats
    axes: Floats
    limit: float
    n_validation: int

    def refuse_nonsense(self) -> None:
        """Raise ValueError unless the shapes fit each other and every number is one."""
        if self.centre.ndim != 1 or self.axes.ndim != 2 or self.axes.shape[1] != len(self.centre):
            raise ValueError(f"a centre of {self.centre.shape} and axes of {self.axes.shape}")
        numbers = (self.centre, self.axes, self.limit)
        if not all(np.isfinite(of).all() for of in numbers) or self.limit < 0:
            raise ValueError("a centre, axis or limit is no number")

    def distance(self, features: Floats) -> Floats:
        """Return the distance, shape (n,), of pictures with these features, shape (n, d)."""
        return np.asarray(np.linalg.norm((features - self.centre) @ self.axes.T, axis=1))


class FeatureExtractor:
    """Gives what a network in evaluation mode sees half-way: the features of its middle layer.

    The last layer's would be nearer to hand, but training leaves in them little besides the
    call: whatever else is odd about a picture has gone by then (``docs/web.md`` has numbers).
    """

    def __init__(self, network: nn.Module, record: InputRecord) -> None:
        self._record, self._network = record, network
        self._layer = _middle_layer(network, record.size)

    def __call__(self, pixels: Pixels, rows: Rows | None = None) -> Floats:
        """Return the features of pictures, or of those of some rows, shape (n, d).

        They are what enters the middle layer, averaged over the places of the picture.
        """
        import torch

        features: list[Tensor] = []

        def keep(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            entering = inputs[0]
            if isinstance(layer, torch.nn.Conv2d):  # (n, d, height, width)
                features.append(entering.flatten(2).mean(2))
            else:  # (n, …, d), or windows of each picture, one picture's after the other's.
                features.append(entering.reshape(len(few), -1, entering.shape[-1]).mean(1))

        with torch.inference_mode(), hooked([self._layer], keep):
            for few in few_at_once(pixels, rows):
                self._network(self._record.inputs(few))
        together: Floats = torch.cat(features).cpu().numpy()
        return together


def _middle_layer(network: nn.Module, size: int) -> nn.Module:
    """Return the convolution or linear layer that a picture passes half-way."""
    import torch

    passed: list[nn.Module] = []
    kinds = (torch.nn.Conv2d, torch.nn.Linear)
    layers = [module for module in network.modules() if isinstance(module, kinds)]
    with torch.inference_mode(), hooked(layers, lambda layer, *_: passed.append(layer)):
        network(torch.zeros(1, 3, size, size))
    return passed[(len(passed) - 1) // 2]


def learn_familiarity(
    network: nn.Module,
    record: InputRecord,
    pixels: Pixels,
    training: Rows,
    validation: Rows,
    seed: int,
) -> Familiarity:
    """Learn from a trained network's own pictures which pictures are familiar to it.

    Parameters
    ----------
    network : torch.nn.Module
        With the weights that are saved, in evaluation mode.
    record : InputRecord
    pixels : ndarray of uint8, shape (n, size, size, 3)
        May be a memory map; a few at a time are copied out of it.
    training, validation : ndarray of int
        Rows that the network learned from, and rows that were held out.
    seed : int
        Draws the sample.
    """
    extract = FeatureExtractor(network, record)
    chosen = np.sort(np.random.default_rng(seed).permutation(training)[:SAMPLE])
    features = extract(pixels, chosen)
    unlimited = Familiarity(features.mean(0), _axes(features), np.inf, len(validation))
    distances = unlimited.distance(extract(pixels, validation))
    limit = np.quantile(distances, FAMILIAR, method="higher")
    return dataclasses.replace(unlimited, limit=float(limit))


def _axes(features: Floats) -> Floats:
    """Return the principal components of standardised features, see `Familiarity.axes`."""
    spread = features.std(0)
    scale = np.where(spread > 0, spread, 1)
    _, singular, components = np.linalg.svd(
        (features - features.mean(0)) / scale, full_matrices=False
    )
    deviation = singular / np.sqrt(len(features))
    kept = np.arange(len(deviation)) < min(AXES, max(1, len(features) // _PICTURES_AN_AXIS))
    kept &= deviation > 1e-4 * deviation[0]  # below that it is rounding
    return np.asarray(components[kept] / deviation[kept, None] / scale, np.float32)


def write_familiarity(folder: Path, familiarity: Familiarity, weights_sha256: str) -> None:
    """Write `FAMILIARITY_FILE` into a model directory whose weights have that hash."""
    from safetensors.numpy import save_file

    metadata = {
        "limit": repr(familiarity.limit),
        "n_validation": str(familiarity.n_validation),
        "weights_sha256": weights_sha256,
    }
    tensors = {"centre": familiarity.centre, "axes": familiarity.axes}
    with atomic_file(folder / FAMILIARITY_FILE) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def read_familiarity(folder: Path, weights_sha256: str) -> Familiarity | None:
    """Read `FAMILIARITY_FILE` of a model directory; None if there is none for these weights.

    Raises
    ------
    FaceAuditError
        If the file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / FAMILIARITY_FILE
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="np") as file:
            stored = file.metadata() or {}
            familiarity = Familiarity(
                file.get_tensor("centre"),
                file.get_tensor("axes"),
                float(stored["limit"]),
                int(stored["n_validation"]),
            )
            made_for = stored["weights_sha256"]
        familiarity.refuse_nonsense()
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise FaceAuditError(
            f"{path}: damaged ({in_one_line(error)}); delete it, and nothing is said "
            "about pictures unlike the training pictures"
        ) from None
    return familiarity if made_for == weights_sha256 else None
