"""How far a picture lies from the training pictures, in what the classifier sees of it."""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from faceaudit.errors import FaceAuditError
from faceaudit.files import whole_file
from faceaudit.model.inference import AT_ONCE, normalise

if TYPE_CHECKING:
    from torch import nn

    from faceaudit.model.checkpoint import InputRecord
    from faceaudit.model.preprocess import Pixels

Floats = npt.NDArray[np.float32]

FAMILIARITY_FILE = "familiarity.safetensors"
#: Training pictures that are kept to measure distances to: 0.66 MB for EfficientNet-Lite0.
SAMPLE = 256
#: Which of the nearest of them counts.
NEIGHBOUR = 1
#: Share of the validation pictures that are called familiar.
FAMILIAR = 0.99


@dataclass(frozen=True)
class Familiarity:
    """Features of some training pictures, and how near to them a familiar picture lies.

    Deep nearest neighbours [1]_: a picture's distance is that to the k-th nearest of the sample,
    between features of length 1.

    Attributes
    ----------
    sample : ndarray of float16, shape (m, d)
        Features of training pictures, each of length 1.
    limit : float
        Distance that `FAMILIAR` of the validation pictures do not exceed; from 0 to 2.
    neighbour : int
        k, from 1 to m.
    n_validation : int
        Number of validation pictures that the limit rests on.

    References
    ----------
    .. [1] Y. Sun, Y. Ming, X. Zhu and Y. Li, "Out-of-distribution detection with deep nearest
       neighbors", ICML 2022.
    """

    sample: npt.NDArray[np.float16]
    limit: float
    neighbour: int
    n_validation: int

    def distance(self, features: Floats) -> Floats:
        """Return each picture's distance from the training pictures.

        Parameters
        ----------
        features : ndarray of float32, shape (n, d)
            As `FeatureExtractor` gives them.

        Returns
        -------
        ndarray of float32, shape (n,)
            From 0 to 2; beyond `limit` a picture is unlike the training pictures.
        """
        from scipy.spatial.distance import cdist

        apart = cdist(features, self.sample)
        return np.partition(apart, self.neighbour - 1)[:, self.neighbour - 1].astype(np.float32)


class FeatureExtractor:
    """A network made ready to give what its last layer makes the verdict of.

    Parameters
    ----------
    network : torch.nn.Module
        Of any library; left as it is, a copy is used.
    record : InputRecord
    """

    def __init__(self, network: nn.Module, record: InputRecord) -> None:
        import torch

        self._record = record
        self._network = copy.deepcopy(network).eval().to(memory_format=torch.channels_last)
        self._head = _last_layer(self._network, record.size)

    def __call__(self, pixels: Pixels) -> Floats:
        """Return the features of pictures.

        Parameters
        ----------
        pixels : ndarray of uint8, shape (n, size, size, 3)

        Returns
        -------
        ndarray of float32, shape (n, d)
            Each of length 1, so that the contrast of a picture does not count as distance.
        """
        import torch

        given: list[torch.Tensor] = []
        hook = self._head.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
        try:
            with torch.inference_mode():
                for start in range(0, len(pixels), AT_ONCE):
                    few = torch.from_numpy(pixels[start : start + AT_ONCE])
                    self._network(normalise(few, self._record.mean, self._record.std))
        finally:
            hook.remove()
        features = torch.cat(given)
        # Some heads see every place of the picture, and are averaged after them.
        if isinstance(self._head, torch.nn.Conv2d):
            features = features.flatten(2).mean(2)
        elif features.ndim > 2:
            features = features.flatten(1, -2).mean(1)
        return torch.nn.functional.normalize(features, dim=1).numpy()


def _last_layer(network: nn.Module, size: int) -> nn.Module:
    """Return the last module with weights of its own that a picture passes."""
    import torch

    passed: list[nn.Module] = []
    hooks = [
        module.register_forward_pre_hook(lambda module, _: passed.append(module))
        for module in network.modules()
        if next(module.parameters(recurse=False), None) is not None
    ]
    try:
        with torch.inference_mode():
            network(torch.zeros(1, 3, size, size))
    finally:
        for hook in hooks:
            hook.remove()
    return passed[-1]


def learn_familiarity(
    network: nn.Module,
    record: InputRecord,
    pixels: Pixels,
    training: npt.NDArray[np.int64],
    validation: npt.NDArray[np.int64],
    seed: int,
) -> Familiarity:
    """Learn from a trained network's own pictures which pictures are familiar to it.

    Parameters
    ----------
    network : torch.nn.Module
        With the weights that are saved; left as it is.
    record : InputRecord
    pixels : ndarray of uint8, shape (n, size, size, 3)
        May be a memory map; a batch at a time is copied out of it.
    training, validation : ndarray of int
        Which of them the network learned from, and which were held out.
    seed : int
        Draws the sample, from a generator of its own.
    """
    extract = FeatureExtractor(network, record)
    chosen = np.random.default_rng(seed).permutation(training)[:SAMPLE]
    sample = extract(pixels[np.sort(chosen)]).astype(np.float16)
    unlimited = Familiarity(sample, np.inf, min(NEIGHBOUR, len(sample)), len(validation))
    distances = [
        unlimited.distance(extract(pixels[rows]))
        for rows in np.array_split(validation, -(-len(validation) // SAMPLE))
    ]
    limit = np.quantile(np.concatenate(distances), FAMILIAR, method="higher")
    return dataclasses.replace(unlimited, limit=float(limit))


def write_familiarity(folder: Path, familiarity: Familiarity, weights_sha256: str) -> None:
    """Write `FAMILIARITY_FILE` into a model directory whose weights have that hash."""
    from safetensors.numpy import save_file

    metadata = {
        "limit": repr(familiarity.limit),
        "neighbour": str(familiarity.neighbour),
        "n_validation": str(familiarity.n_validation),
        "weights_sha256": weights_sha256,
    }
    with whole_file(folder / FAMILIARITY_FILE) as temporary:
        save_file({"sample": familiarity.sample}, temporary, metadata=metadata)


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
                file.get_tensor("sample"),
                float(stored["limit"]),
                int(stored["neighbour"]),
                int(stored["n_validation"]),
            )
            made_for = stored["weights_sha256"]
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise FaceAuditError(
            f"{path}: damaged ({error}); delete it, and nothing is said about pictures unlike "
            "the training pictures"
        ) from None
    return familiarity if made_for == weights_sha256 else None
