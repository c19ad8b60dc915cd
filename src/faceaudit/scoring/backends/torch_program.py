"""Programs of PyTorch: those of TorchScript, and those that ``torch.export`` wrote."""

from __future__ import annotations

import warnings
import zipfile
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from faceaudit.errors import FaceAuditError, all_at_once, in_one_line
from faceaudit.files import sha256_of
from faceaudit.model.architecture import check_weights, expect_numbers, require_model_extra
from faceaudit.model.inference import outputs_of
from faceaudit.schema import ModelInfo
from faceaudit.scoring.network import TorchNetwork
from faceaudit.scoring.options import ModelOptions
from faceaudit.scoring.outputs import Outputs
from faceaudit.scoring.preprocessing import COMMON_SIZES, parse, said_beside, said_by_user

PREFIX = "torchscript:"
Kind = Literal["TorchScript", "torch.export"]


class TorchProgram(TorchNetwork):
    """A program of pictures in, numbers out. It says neither how they are prepared nor what it
    gives: that is said beside it or by its user."""

    def __init__(self, path: Path, kind: Kind, options: ModelOptions) -> None:
        self._path, self._kind = path, kind
        self.outputs = Outputs(str(path), options)
        known: dict[str, Any] = {"size": self._shape[2:]} if self._shape else {}
        self.preprocessing, _ = all_at_once(
            str(path),
            lambda: parse(said_beside(path, options), known, str(path)),
            lambda: self.outputs.expect(width) if (width := self._width()) else None,
        )
        self.asked, self.any_size = said_by_user(options), not known
        self.at_once = self._shape[0] if self._shape else 0
        self.name = path.stem
        self.info = ModelInfo(
            id=path.stem,
            sha256=sha256_of(path),
            architecture=f"a {kind} program",
            preprocessing=self.preprocessing.record(),
        )

    @classmethod
    def open(cls, model: str, options: ModelOptions) -> TorchProgram | None:
        path = Path(model.removeprefix(PREFIX))
        kind = kind_of_program(path)
        if kind is None:
            if model.startswith(PREFIX):
                raise FaceAuditError(
                    f"{path}: no TorchScript program and none of torch.export; write one with "
                    "torch.jit.save or torch.export.save"
                )
            return None
        check_weights(path, options.trust_pickle)
        require_model_extra("score")
        return cls(path, kind, options)

    @cached_property
    def _program(self) -> Any:
        import torch

        try:
            if self._kind == "torch.export":
                program = torch.export.load(self._path)
                tensors = {**program.state_dict, **program.constants}
            else:
                with warnings.catch_warnings():  # that TorchScript is deprecated is known
                    warnings.simplefilter("ignore", FutureWarning)
                    program = torch.jit.load(self._path, map_location="cpu").eval()
                tensors = program.state_dict()
            expect_numbers({k: v for k, v in tensors.items() if torch.is_tensor(v)}, self._path)
            return program
        except FaceAuditError:
            raise
        except Exception as error:  # a damaged or foreign program can fail in any way
            raise FaceAuditError(
                f"{self._path}: not a readable {self._kind} program ({in_one_line(error)})"
            ) from None

    @cached_property
    def _shape(self) -> tuple[int, ...] | None:
        """Shape of the input of an exported program; TorchScript does not say it."""
        if self._kind == "TorchScript":
            return None
        names = self._program.graph_signature.user_inputs
        nodes = [node for node in self._program.graph.nodes if node.name in names]
        shape = tuple(nodes[0].meta["val"].shape) if len(nodes) == 1 else ()
        if len(shape) != 4 or not all(isinstance(side, int) for side in shape[1:]):
            raise FaceAuditError(
                f"{self._path}: takes {len(nodes)} inputs, the first of shape {shape}; one of "
                "(pictures, 3, height, width) is needed"
            )
        # How many pictures at once may be left open.
        return (shape[0] if isinstance(shape[0], int) else 0, *shape[1:])

    def _width(self) -> int | None:
        """Return how many numbers it gives of a black picture, if it takes one of a common size."""
        n, *shape = self._shape or (1, 3, COMMON_SIZES[0], COMMON_SIZES[0])
        program = self.network
        try:
            given = outputs_of(program, np.zeros((n or 1, *shape), np.float32), together=True)
        except Exception:  # it is said as soon as a picture is prepared as it has to be
            return None
        return given.shape[1] if given.ndim == 2 else None

    @cached_property
    def network(self) -> Any:
        return self._program.module() if self._kind == "torch.export" else self._program

    @property
    def notes(self) -> list[str]:  # type: ignore[override]
        return self.outputs.notes_of(self)


def kind_of_program(path: Path) -> Kind | None:
    """Tell a program by the names in its archive; that of a state dict has others."""
    if not path.is_file() or not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        names = [name.partition("/")[2] or name for name in archive.namelist()]
    if any(name.startswith("code/") for name in names):
        return "TorchScript"
    exported = ("serialized_exported_program.json", "archive_format", "models/model.json")
    return "torch.export" if {*exported} & {*names} else None


DETECTOR = TorchProgram
