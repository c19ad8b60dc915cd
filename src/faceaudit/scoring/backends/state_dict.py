"""Weights of a timm or torchvision network from elsewhere, with what describes them beside."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from faceaudit.errors import FaceAuditError
from faceaudit.files import sha256_of
from faceaudit.model.architecture import check_weights, require_model_extra
from faceaudit.model.checkpoint import load_network
from faceaudit.model.records import RECORD_FILE
from faceaudit.schema import ModelInfo
from faceaudit.scoring.backends.torch_program import kind_of_program
from faceaudit.scoring.description import Description, read_description
from faceaudit.scoring.network import TorchNetwork
from faceaudit.scoring.options import ModelOptions
from faceaudit.scoring.outputs import Outputs

if TYPE_CHECKING:
    from torch import nn

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt")


class StateDict(TorchNetwork):
    """A state dict that a ``model.json`` or timm's ``config.json`` describes; see `Description`."""

    def __init__(self, path: Path, description: Description, options: ModelOptions) -> None:
        self._path, self._description, self._options = path, description, options
        self.preprocessing = description.preprocess
        self.outputs = Outputs(str(path), options, description.classes, description.score_is)
        self.name = path.resolve().parent.name if path.stem == "model" else path.stem
        self.info = ModelInfo(
            id=self.name,
            sha256=sha256_of(path),
            architecture=f"{description.architecture} ({description.library})",
            threshold=description.threshold,
            threshold_rule="said beside the weights",
            preprocessing=description.preprocess.record(),
        )

    @classmethod
    def open(cls, model: str, options: ModelOptions) -> StateDict | None:
        path = Path(model)
        folder = path if path.is_dir() else path.parent
        description = read_description(folder)
        if path.is_dir() and description is not None:
            path = folder / description.weights
        if description is None or path.name != description.weights:
            weights = path.is_file() and path.suffix in SUFFIXES and not kind_of_program(path)
            if weights and not (folder / RECORD_FILE).is_file():
                raise FaceAuditError(
                    f"{path}: nothing says which network these weights are of; 'faceaudit model "
                    f"describe {path}' writes a {RECORD_FILE} beside them to fill in"
                )
            return None
        options.refuse(path, "preprocess", why=f"{folder / RECORD_FILE} says it")
        check_weights(path, options.trust_pickle)
        require_model_extra("score")
        return cls(path, description, options)

    @cached_property
    def network(self) -> nn.Module:
        said = self._description
        network, _, note = load_network(
            self._path, said.network, max(said.preprocess.size), self._options.trust_pickle
        )
        self.outputs.notes += [note] if note else []
        return network

    @property
    def notes(self) -> list[str]:  # type: ignore[override]
        return self.outputs.notes_of(self)


DETECTOR = StateDict
