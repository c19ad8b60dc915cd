"""ONNX graphs, run by onnxruntime: a file, or a folder of optimum. Needs no torch."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from faceaudit.datasets.sources import leads_out
from faceaudit.errors import (
    FaceAuditError,
    MissingExtraError,
    all_at_once,
    in_one_line,
    no_number,
    validated,
)
from faceaudit.files import sha256_of, text_of
from faceaudit.model.fast_inference import AGREES
from faceaudit.model.preprocess import Floats
from faceaudit.reading.json_text import parse_json
from faceaudit.schema import ModelInfo
from faceaudit.scoring.detectors import Detector
from faceaudit.scoring.network import Network
from faceaudit.scoring.options import ModelOptions
from faceaudit.scoring.outputs import Outputs
from faceaudit.scoring.preprocessing import (
    NORMALISATIONS,
    Preprocessing,
    fields_of,
    from_words,
    parse,
    said_beside,
    said_by_user,
)

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, NodeArg

PREFIX = "onnx:"
#: What a folder's graph is called.
GRAPH = "model.onnx"
TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}
#: What computes on accelerators, and what has it do so in 32 bits.
ACCELERATORS = {"CUDAExecutionProvider": {"use_tf32": "0"}, "CoreMLExecutionProvider": {}}
#: Types of weights, as `onnx.TensorProto` numbers them: of 32, 16 and 64 bits, and bfloat16.
_FLOATS = (1, 10, 11, 16)
#: What an output is called that is read where there are several, the first first.
OUTPUTS = ("logits", "probs", "probabilities")
#: Keys of a graph's metadata under which the classes may stand.
CLASSES = ("id2label", "names", "classes")


class OnnxFile(Network):
    """A graph with one input, pictures, whose size, layout and type it says itself.

    The rest comes from its metadata, or from ``config.json`` and ``preprocessor_config.json``
    beside it: ``id2label`` (or ``names``, ``classes``), ``preprocess`` (what ``--preprocess``
    takes), ``score_is``, ``threshold``, ``unsure``. What is said nowhere is asked for.
    """

    def __init__(self, path: Path, options: ModelOptions) -> None:
        self._path, self._session = path, _session(path)
        said: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        self._input = _input(self._session, path)
        self._type = TYPES[self._input.type]
        self.at_once, known = _shape(self._input, path)
        if self._type is np.uint8:  # such a graph brings pixels into its range itself
            known["mean"], known["std"] = NORMALISATIONS["none"]
        self.any_size = "size" not in known
        if "preprocess" in said:
            told = _preprocess(_literal(said["preprocess"]), f"{path}: metadata")
            _refuse_contradiction(told, known, path)
            known = told | known
        self.asked = said_by_user(options)
        classes = _classes(said, path)
        output = _output(self._session, classes, path)
        self._output = output.name
        self.outputs = Outputs(str(path), options, classes, _score_is(said, path))
        self.preprocessing, _ = all_at_once(
            str(path),
            lambda: parse(said_beside(path, options), known, str(path)),
            lambda: self.outputs.expect(width) if (width := _width(output)) else None,
        )
        self.name = path.stem if path.name != GRAPH else path.resolve().parent.name
        given: dict[str, Any] = {
            "id": self.name,
            "sha256": _sha256(path),
            "architecture": "an ONNX graph",
            "preprocessing": self.preprocessing.record(),
        }
        for field in {"threshold", "unsure"} & said.keys():
            given[field] = _literal(said[field])
            given |= {"threshold_rule": "named by the graph"} if field == "threshold" else {}
        self.info = validated(ModelInfo, given, f"{path}: metadata: ")

    @classmethod
    def open(cls, model: str, options: ModelOptions) -> Detector | None:
        path = Path(model.removeprefix(PREFIX))
        path = path / GRAPH if path.is_dir() and (path / GRAPH).is_file() else path
        if not model.startswith(PREFIX) and (path.suffix != ".onnx" or not path.is_file()):
            return None
        if not path.is_file():
            raise FaceAuditError(f"{path}: no such file, and no folder with a {GRAPH}")
        if any(importlib.util.find_spec(of) is None for of in ("onnx", "onnxruntime")):
            raise MissingExtraError(f"score {path.name}", "onnx")
        return cls(path, options)

    @property
    def notes(self) -> list[str]:  # type: ignore[override]
        several = len(self._session.get_outputs()) > 1
        read = [f"Of the outputs of the graph, '{self._output}' was read."] if several else []
        return read + self.outputs.notes

    def run(self, inputs: Floats) -> npt.NDArray[np.floating]:
        given = np.rint(inputs) if self._type is np.uint8 else inputs
        try:
            (found,) = self._session.run(
                [self._output], {self._input.name: given.astype(self._type)}
            )
        except Exception as error:  # onnxruntime's errors have no common base
            raise FaceAuditError(
                f"{self.name}: onnxruntime cannot run it on an input of shape {inputs.shape} "
                f"({in_one_line(error):.200}); see --preprocess"
            ) from None
        return np.asarray(found)

    def hasten(self) -> str | None:
        import onnxruntime

        inputs, session = self.drawn_inputs(), self._session
        for provider in ACCELERATORS.keys() & {*onnxruntime.get_available_providers()}:
            with suppress(FaceAuditError):
                exact = self.run(inputs)
                self._session = _session(self._path, [(provider, ACCELERATORS[provider])])
                # Without its drivers onnxruntime takes the processor.
                there = provider in self._session.get_providers()
                if there and np.abs(self.run(inputs) - exact).max() <= AGREES:
                    kind = provider.removesuffix("ExecutionProvider")
                    return f"ONNX Runtime {onnxruntime.__version__} on {kind}, 32 bits"
            self._session = session
        return None


def _session(path: Path, providers: Sequence[Any] = ("CPUExecutionProvider",)) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Else its threads spin while pictures are decoded, on the processors that are to do that.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(path, options, providers=[*providers])
    except Exception as error:  # onnxruntime's errors have no common base
        raise FaceAuditError(
            f"{path}: onnxruntime cannot read it ({in_one_line(error):.200})"
        ) from None


def _input(session: InferenceSession, path: Path) -> NodeArg:
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in TYPES or len(inputs[0].shape) != 4:
        raise FaceAuditError(
            f"{path}: takes {_listed(inputs)}; one input of pictures is needed, of four dimensions "
            f"and type {', '.join(TYPES)}. Call it in a function: python:FILE.py:FUNCTION"
        )
    return inputs[0]


def _shape(given: NodeArg, path: Path) -> tuple[int, dict[str, Any]]:
    """Return how many pictures it takes at once, 0 for any number, and the fields it fixes."""
    sides = [side if isinstance(side, int) and side > 0 else 0 for side in given.shape]
    known: dict[str, Any] = {}
    if sides[1] == 3 or (sides[1] == 0 and sides[3] != 3):
        channels, size = sides[1], (sides[2], sides[3])
        known["layout"] = "channels-first"
    else:
        channels, size = sides[3], (sides[1], sides[2])
        known["layout"] = "channels-last"
    if channels == 0:  # it does not say where they are
        known = {}
    elif channels != 3:
        raise FaceAuditError(f"{path}: takes {_listed([given])}; pictures have 3 channels here")
    if all(size):
        known["size"] = size
    return sides[0], known


def _output(session: InferenceSession, classes: Sequence[str] | None, path: Path) -> NodeArg:
    """Return the output that has one number a picture, or one for each class."""
    outputs = session.get_outputs()
    fitting = [one for one in outputs if _fits(one, classes)]
    by_name = [one for name in OUTPUTS for one in fitting if one.name == name]
    found = fitting if len(fitting) == 1 else by_name[:1]
    if not found:
        raise FaceAuditError(
            f"{path}: gives {_listed(outputs)}, and nothing says which of them is a number for "
            "each class; call it in a function: python:FILE.py:FUNCTION"
        )
    return found[0]


def _fits(output: NodeArg, classes: Sequence[str] | None) -> bool:
    width = _width(output)
    wanted = width is None or classes is None or width == len(classes)
    return output.type in TYPES and len(output.shape or []) < 3 and wanted


def _width(output: NodeArg) -> int | None:
    """Return how many numbers it says that it has for each picture, if it says that."""
    shape = output.shape or []
    return shape[1] if len(shape) == 2 and isinstance(shape[1], int) else None


def _listed(nodes: Sequence[NodeArg]) -> str:
    return ", ".join(
        f"'{node.name}' of {node.type} ({', '.join(map(str, node.shape))})" for node in nodes
    )


def _classes(said: dict[str, str], path: Path) -> list[str] | None:
    """Return the names of the classes in the order of the outputs, if any file says them."""
    beside = path.parent / "config.json"
    named: Any = None
    for key in CLASSES:
        if named is None and key in said:
            named = _literal(said[key])
    if named is None and beside.is_file():
        try:
            named = parse_json(text_of(beside)).get("id2label")
        except (OSError, ValueError, AttributeError):
            raise FaceAuditError(f"{beside}: not the JSON of a model; mend or remove it") from None
    if isinstance(named, str):
        named = [name.strip() for name in named.split(",")]
    if isinstance(named, dict) and sorted(map(str, named)) == sorted(map(str, range(len(named)))):
        by_number = {int(number): name for number, name in named.items()}
        named = [by_number[i] for i in range(len(by_number))]
    if named is not None and not isinstance(named, list | tuple):
        raise FaceAuditError(f"{path}: the names of its classes are neither a list nor numbered")
    return None if named is None else [str(name) for name in named]


def _preprocess(said: Any, source: str) -> dict[str, Any]:
    """Return the fields that the metadata says."""
    if isinstance(said, str):
        return from_words(said, f"{source}: preprocess: ")
    return fields_of(said, source)


def _refuse_contradiction(told: dict[str, Any], known: dict[str, Any], path: Path) -> None:
    """Refuse metadata that say of the input what the graph itself says otherwise."""
    usual = {"mean": (0, 0, 0), "std": (1, 1, 1), "size": (1, 1)}
    for field in sorted(told.keys() & known.keys()):
        # Both as they are read.
        say, is_ = (
            getattr(validated(Preprocessing, usual | {field: of[field]}, f"{path}: "), field)
            for of in (told, known)
        )
        if say != is_:
            raise FaceAuditError(
                f"{path}: metadata: preprocess: {field} {say}, but the graph itself takes {is_}; "
                "correct the metadata"
            )


def _score_is(said: dict[str, str], path: Path) -> Any:
    """Return what the metadata says that the numbers are."""
    known = (None, "probability", "logit", "percent", "p-real")
    if (found := said.get("score_is")) not in known:
        raise FaceAuditError(f"{path}: metadata: score_is: {found!r} is none of {known[1:]}")
    return found


def _literal(text: str) -> Any:
    """Read JSON, or what Python writes; else it is the text itself."""
    for read in (parse_json, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return text


def _sha256(path: Path) -> str:
    """Hash the graph, and with it the files of weights that it names."""
    hashes = [sha256_of(of) for of in _files(path)]
    return hashlib.sha256(" ".join(hashes).encode()).hexdigest() if hashes[1:] else hashes[0]


def _files(path: Path) -> list[Path]:
    """Return the graph and the files of weights beside it; all weights must be numbers."""
    import onnx

    model = onnx.load(path, load_external_data=False)
    others: set[str] = set()
    for tensor in (of for part in (model.graph, *model.functions) for of in _tensors(part)):
        if beside := {of.key: of.value for of in tensor.external_data}:
            others.add(name := beside["location"])
            # onnxruntime sees to that for those alone that it needs, and not in all versions.
            if leads_out(name) or not (path.parent / name).is_file():
                raise FaceAuditError(
                    f"{path}: names '{name}' for the weights of '{tensor.name}', which is no file "
                    "beside it; save the graph and its weights in one folder"
                )
            # By hand: onnx follows no links, of which a hub's cache consists.
            with (path.parent / name).open("rb") as file:
                file.seek(int(beside.get("offset", 0)))
                tensor.raw_data = file.read(int(beside.get("length", -1)))
            tensor.data_location = tensor.DEFAULT
        if tensor.data_type in _FLOATS and np.isnan(onnx.numpy_helper.to_array(tensor)).any():
            raise FaceAuditError(no_number(path, tensor.name))
        tensor.ClearField("raw_data")
    return [path, *(path.parent / name for name in sorted(others))]


def _tensors(graph: Any) -> Iterator[Any]:
    """Every tensor of a graph, among them the constants of its nodes and of graphs in those."""
    yield from getattr(graph, "initializer", ())
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)


DETECTOR = OnnxFile
