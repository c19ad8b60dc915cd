"""Image classifiers of Hugging Face: a folder as ``save_pretrained`` writes it, or a hub's name."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from faceaudit.errors import FaceAuditError, MissingExtraError, in_one_line
from faceaudit.files import sha256_of, text_of
from faceaudit.model.architecture import expect_numbers
from faceaudit.model.fast_inference import on_accelerator
from faceaudit.model.inference import outputs_of
from faceaudit.model.preprocess import Floats, Prepared
from faceaudit.pictures import as_seen
from faceaudit.reading.json_text import parse_json
from faceaudit.schema import ModelInfo
from faceaudit.scoring.detectors import Detector
from faceaudit.scoring.network import prepared_drawings
from faceaudit.scoring.options import ModelOptions
from faceaudit.scoring.outputs import Outputs

PREFIX = "hf:"
#: What says how a picture is prepared, of what an image processor writes.
_SAID = ("resample", "do_center_crop", "do_rescale", "do_normalize", "rescale_factor")


_HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")


class HuggingFace(Detector):
    """A model with its own image processor, which prepares the pictures that this package opened.

    No code of a model is run, and no pickle opened unless it is trusted. What is not a folder is
    looked for at the hub, which needs a network.
    """

    def __init__(self, source: str, options: ModelOptions) -> None:
        self._source, self._options = source, options
        folder = Path(source)
        config = _config(folder) if folder.is_dir() else {}
        if config.get("problem_type") == "multi_label_classification":
            raise FaceAuditError(
                f"{source}: gives a picture several labels, not one; call it in a function of your "
                "own: python:FILE.py:FUNCTION"
            )
        names = config.get("id2label") or {}
        if not isinstance(names, dict) or not all(str(key).isdigit() for key in names):
            raise FaceAuditError(
                f"{source}: id2label in config.json is not of the form {{'0': 'real', '1': 'fake'}}"
            )
        self._classes = [str(names[key]) for key in sorted(names, key=int)] or None
        self.name = folder.resolve().name
        self.info = ModelInfo(
            id=self.name,
            sha256=_sha256(folder),
            architecture=f"{', '.join(config.get('architectures') or ['?'])} (transformers)",
        )

    @classmethod
    def open(cls, model: str, options: ModelOptions) -> HuggingFace | None:
        named = model.startswith(PREFIX)
        source = model.removeprefix(PREFIX)
        folder = Path(source)
        if not named and not (_weights(folder) and "model_type" in _config(folder)):
            return None
        options.refuse(source, "preprocess", why="its image processor says it")
        for package in ("torch", "transformers"):
            if importlib.util.find_spec(package) is None:
                raise MissingExtraError("score", "hf")
        if folder.is_dir():
            files = _weights(folder)
            if not files or not (folder / "preprocessor_config.json").is_file():
                lack = "preprocessor_config.json" if files else "model.safetensors"
                raise FaceAuditError(
                    f"{source}: there is no {lack}; save model and image processor with "
                    "save_pretrained"
                )
            if files[0].suffix != ".safetensors" and not options.trust_pickle:
                raise FaceAuditError(
                    f"{files[0]}: a pickle can run any program when it is opened; save it with "
                    "safe_serialization=True, or add --trust-pickle if you know where it comes from"
                )
        elif not _HUB_NAME.fullmatch(source):
            raise FaceAuditError(f"{source}: no such folder, and no name as of the hub's models")
        return cls(source, options)

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        """Model and image processor."""
        from transformers import AutoImageProcessor, AutoModelForImageClassification
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        # Its retries are told in the one line that says that there is no network.
        logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
        # Without the latter it asks on the terminal whether to run a model's own code.
        given = {"local_files_only": Path(self._source).is_dir(), "trust_remote_code": False}
        safe = None if self._options.trust_pickle else True
        try:
            processor = AutoImageProcessor.from_pretrained(self._source, **given)
            model, loaded = AutoModelForImageClassification.from_pretrained(
                self._source, use_safetensors=safe, output_loading_info=True, **given
            )
        except Exception as error:  # no network, code of its own, damaged files …
            raise FaceAuditError(
                f"{self._source}: transformers cannot load it: {in_one_line(error)}"
            ) from None
        if lacking := sorted(loaded["missing_keys"]):
            raise FaceAuditError(
                f"{self._source}: its weights lack {', '.join(lacking[:3])}"
                f"{' …' if len(lacking) > 3 else ''}, which would be drawn at random; save the "
                "whole model with save_pretrained"
            )
        expect_numbers(model.state_dict(), self._source)
        labels = model.config.id2label
        if sorted(labels) != list(range(len(labels))):
            named = ", ".join(map(str, sorted(labels)))
            raise FaceAuditError(
                f"{self._source}: id2label in config.json names the outputs {named}; each from 0 "
                "on is needed"
            )
        self._classes = [str(labels[i]) for i in sorted(labels)]
        said = {k: str(v) for k, v in processor.to_dict().items() if k in _SAID and v is not None}
        shape = np.shape(self._prepared(processor, Image.new("RGB", (64, 48))))
        statistics = {
            ours: [float(value) for value in getattr(processor, theirs, None) or []]
            for ours, theirs in (("mean", "image_mean"), ("std", "image_std"))
        }
        self.info = self.info.model_copy(
            update={
                "architecture": f"{type(model).__name__} (transformers)",
                "preprocessing": {"size": int(max(shape[1:])), **statistics, **said},
            }
        )
        # As every other network it gives a tensor.
        model.register_forward_hook(lambda module, given, output: output.logits)
        return model.eval(), processor

    @cached_property
    def _outputs(self) -> Outputs:
        self._loaded  # noqa: B018 (of a hub's model it brings the classes)
        return Outputs(self._source, self._options, self._classes, "logit" if self._many else None)

    @property
    def _many(self) -> bool:
        return len(self._classes or ()) > 1

    @property
    def notes(self) -> list[str]:  # type: ignore[override]
        return self._outputs.notes_of(self)

    def pixels(self, image: Image.Image) -> Prepared:
        """Run the image processor; gives channels first."""
        return self._prepared(self._loaded[1], as_seen(image))

    def p_ai(self, pixels: Prepared) -> Floats:
        return self._outputs.p_ai(outputs_of(self._network, pixels))

    @cached_property
    def _network(self) -> Any:
        return self._loaded[0]

    def hasten(self) -> str | None:
        self._network, called = on_accelerator(self._network, prepared_drawings(self))
        return called

    @staticmethod
    def _prepared(processor: Any, image: Image.Image) -> Prepared:
        given = processor(images=image, return_tensors="pt")["pixel_values"]
        pixels: Prepared = given[0].numpy().astype(np.float32)
        return pixels


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = parse_json(text_of(folder / "config.json"))
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def _weights(folder: Path) -> list[Path]:
    """List the weights of a folder: safetensors, or else pickles."""
    for pattern in ("model*.safetensors", "pytorch_model*.bin"):
        if found := sorted(folder.glob(pattern)):
            return found
    return []


def _sha256(folder: Path) -> str | None:
    """Hash one file of weights, or of several their hashes."""
    hashes = [sha256_of(path) for path in _weights(folder)]
    if len(hashes) < 2:
        return hashes[0] if hashes else None
    return hashlib.sha256(" ".join(hashes).encode()).hexdigest()


DETECTOR = HuggingFace
