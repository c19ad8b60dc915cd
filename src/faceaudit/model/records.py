"""What a model directory records of its classifier: ``model.json``, and the names of its files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from faceaudit.errors import FaceAuditError, describe
from faceaudit.files import text_of
from faceaudit.model.preprocess import RESIZE_RULE, Pixels
from faceaudit.reading.file_kinds import refusal
from faceaudit.reading.json_text import parse_json
from faceaudit.schema import ModelInfo

if TYPE_CHECKING:
    from torch import Tensor

    from faceaudit.model.architecture import Architecture

WEIGHTS_FILE = "model.safetensors"
RECORD_FILE = "model.json"
IMAGES_FILE = "training_images.parquet"
FAMILIARITY_FILE = "familiarity.safetensors"

#: So many hexadecimal digits of a file's SHA-256 say which image was trained on: 64 bits, so
#: that two of a million images share them by chance once in some thirty million model directories.
HASH_DIGITS = 16


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class InputRecord(_Strict):
    """How a picture becomes the network's input."""

    size: int = Field(ge=8, le=4096)
    mean: list[float] = Field(min_length=3, max_length=3)
    std: list[Annotated[float, Field(gt=0)]] = Field(min_length=3, max_length=3)
    resize: str = RESIZE_RULE

    def inputs(self, pixels: Pixels) -> Tensor:
        """Turn n pictures of the right size into the network's input, channels last in memory."""
        import torch

        mean, std = torch.tensor(self.mean), torch.tensor(self.std)
        scale = 1 / (255 * std)
        return torch.addcmul(-mean / std, torch.from_numpy(pixels).float(), scale).permute(
            0, 3, 1, 2
        )


class ValidationRecord(_Strict):
    """What the model did on the training images that were held out; positive is AI-generated."""

    real_called_real: int = Field(ge=0)
    real_called_ai: int = Field(ge=0)
    ai_called_real: int = Field(ge=0)
    ai_called_ai: int = Field(ge=0)
    loss: float


class TopLoss(_Strict):
    """A validation image on which the model was most wrong."""

    image: str
    dataset: str
    label: Literal["real", "ai"]
    p_ai: float
    loss: float


class TrainingRecord(_Strict):
    """How the model came to be."""

    #: Name of each training manifest and the SHA-256 of its file.
    manifests: dict[str, str]
    #: data set -> label -> number of images, both sides of the split together.
    images: dict[str, dict[str, int]]
    n_training: int
    n_validation: int
    #: Files left out, by reason.
    left_out: dict[str, int] = Field(default_factory=dict)
    initial_weights: str
    epochs: int
    frozen_epochs: int
    #: Smallest share of a picture's side that a crop kept, if each was sent at random before the
    #: network saw it.
    equal_delivery: float | None = None
    #: ``sources`` or a tag: within each label its values were drawn equally often.
    balance: str | None = None
    #: ``group-dro``: the groups that were balanced count by how much loss they have.
    objective: str = "erm"
    batch_size: int
    learning_rate: float
    seed: int
    precision: str
    #: What the network learned on.
    device: str = "cpu"
    threads: int
    #: That trained together, each on its part of every batch.
    processes: int = 1
    seconds: float
    validation: ValidationRecord
    #: The same images, each sent once at random; only with `equal_delivery`.
    validation_delivered: ValidationRecord | None = None
    top_losses: list[TopLoss]


class ModelRecord(_Strict):
    """What ``model.json`` holds."""

    record_version: Literal[1] = 1
    id: str
    architecture: str
    library: Literal["timm", "torchvision"]
    classes: tuple[Literal["real"], Literal["ai"]] = ("real", "ai")
    input: InputRecord
    threshold: float = Field(ge=0, le=1)
    threshold_rule: str
    #: SHA-256 of the weights that this describes; absent of what was written before it was noted.
    weights_sha256: str | None = None
    #: Absent for a model that was trained elsewhere.
    training: TrainingRecord | None = None
    versions: dict[str, str] = Field(default_factory=dict)

    @property
    def network(self) -> Architecture:
        """The network, if its library knows it."""
        from faceaudit.model.architecture import find_architecture

        place = "torchvision:" if self.library == "torchvision" else ""
        return find_architecture(f"{place}{self.architecture}")

    def info(self, sha256: str) -> ModelInfo:
        """Say which classifier this is, whose weights have that hash, for its scores' metadata."""
        return ModelInfo(
            id=self.id,
            sha256=sha256,
            architecture=f"{self.architecture} ({self.library})",
            threshold=self.threshold,
            threshold_rule=self.threshold_rule,
            training_manifests=self.training.manifests if self.training else {},
            preprocessing=self.input.model_dump(),
        )


def is_record(folder: Path) -> bool:
    """Tell whether a folder has a ``model.json``, be it damaged, that describes no other file."""
    path = folder / RECORD_FILE
    try:
        return "weights" not in parse_json(text_of(path))
    except (ValueError, TypeError):
        return True
    except OSError:
        return path.is_file()


def read_record(folder: Path | str) -> ModelRecord:
    """Read ``model.json`` of a model directory; needs no torch.

    Raises
    ------
    FaceAuditError
        If the file is missing, damaged or of another version.
    """
    path = Path(folder) / RECORD_FILE
    try:
        text = text_of(path)
    except FileNotFoundError:
        why = f"no model directory (there is no {RECORD_FILE} in it)"
        raise refusal(folder, why, "model") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FaceAuditError(f"{path}: cannot be read ({error})") from None
    try:
        return ModelRecord.model_validate_json(text)
    except ValidationError as error:
        raise FaceAuditError(f"{path}: not a model record (version 1): {describe(error)}") from None
