"""Networks from elsewhere: prepared pictures in, numbers out, and both have to be said."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from copy import copy
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from faceaudit.errors import FaceAuditError
from faceaudit.model.fast_inference import drawings, on_accelerator
from faceaudit.model.inference import outputs_of
from faceaudit.model.preprocess import Floats, Pixels
from faceaudit.scoring.detectors import Detector
from faceaudit.scoring.outputs import Outputs
from faceaudit.scoring.preprocessing import Preprocessing
from faceaudit.wording import counted


class Network(Detector):
    """A network behind `Preprocessing` and `Outputs`; a backend adds how it is run.

    Attributes
    ----------
    preprocessing : Preprocessing
    outputs : Outputs
    at_once : int
        How many pictures it takes, no more and no fewer; 0 if any number.
    asked : bool
        Its user says how pictures are prepared, and not its own files.
    any_size : bool
        It takes pictures of any size.
    """

    preprocessing: Preprocessing
    outputs: Outputs
    at_once: int = 0
    asked: bool = False
    any_size: bool = False

    @abstractmethod
    def run(self, inputs: Floats) -> npt.NDArray[np.floating]:
        """Return the raw output, shape (n, …), of n inputs as `Preprocessing.inputs` makes them."""

    @property
    def notes(self) -> list[str]:  # type: ignore[override]
        """How its outputs were understood."""
        return self.outputs.notes

    def pixels(self, image: Image.Image) -> Pixels:
        """Resize a picture."""
        return self.preprocessing.pixels(image)

    def p_ai(self, pixels: Pixels) -> Floats:
        """Run the network, on as many pictures at once as it takes."""
        inputs = self.preprocessing.inputs(pixels)
        if not self.at_once:
            return self.outputs.p_ai(self._run(inputs))
        # The last ones are filled up.
        missing = -len(inputs) % self.at_once
        filled = np.concatenate([inputs, np.repeat(inputs[-1:], missing, axis=0)])
        parts = np.split(filled, len(filled) // self.at_once)
        return self.outputs.p_ai(np.concatenate([self._run(part) for part in parts])[: len(inputs)])

    def _run(self, inputs: Floats) -> npt.NDArray[np.floating]:
        """Run it, and see that each picture has its own row of the output."""
        raw = np.asarray(self.run(inputs))
        if raw.shape[:1] != (len(inputs),):
            raise FaceAuditError(
                f"{self.name}: gives an output of shape {raw.shape} for "
                f"{counted(len(inputs), 'picture')}; a row for each is needed"
            )
        return raw

    def drawn_inputs(self) -> Floats:
        """Return inputs of drawn pictures, as many as it takes at once."""
        inputs = self.preprocessing.inputs(prepared_drawings(self))
        return np.resize(inputs, (self.at_once or len(inputs), *inputs.shape[1:]))

    def alternatives(self) -> Mapping[str, Detector]:
        """Prepare pictures in other common ways, if its user says in which."""
        if not self.asked:
            return {}
        others = self.preprocessing.alternatives(self.any_size)
        return {said: self._prepared_by(other) for said, other in others.items()}

    def _prepared_by(self, preprocessing: Preprocessing) -> Self:
        other = copy(self)
        other.preprocessing = preprocessing
        return other


class TorchNetwork(Network):
    """One that torch computes.

    Attributes
    ----------
    network : torch.nn.Module
        In evaluation mode; takes and gives tensors of the processor.
    """

    network: Any

    def run(self, inputs: Floats) -> Floats:
        """Run it."""
        return outputs_of(self.network, inputs, together=self.at_once > 0)

    def hasten(self) -> str | None:
        """Have it computed on an accelerator."""
        self.network, called = on_accelerator(self.network, self.drawn_inputs())
        return called


def prepared_drawings(detector: Detector) -> Any:
    """Draw pictures and prepare them as a detector does."""
    return np.stack([detector.pixels(Image.fromarray(one)) for one in drawings(256)])
