"""Small ONNX graphs that tests draw themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TYPES = {
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "uint8": TensorProto.UINT8,
}


def write_graph(
    path: Path,
    *,
    shape=("n", 3, 32, 32),
    kind="float32",
    classes=2,
    last=None,
    output="logits",
    extra_outputs=(),
    metadata=(),
    seed=0,
    external=False,
) -> Path:
    """Write a convolution, a rectifier, the mean of each channel and a layer of weights.

    `last` is an operator such as ``Softmax``; `extra_outputs` are names, whose values are those of
    the output itself, or of the channels' means for ``features``.
    """
    rng = np.random.default_rng(seed)
    weights = {
        "kernel": rng.normal(0, 0.5, (8, 3, 3, 3)).astype(np.float32),
        "bias": rng.normal(0, 0.5, 8).astype(np.float32),
        "head": rng.normal(0, 1.5, (8, classes)).astype(np.float32),
        "head_bias": rng.normal(0, 0.1, classes).astype(np.float32),
    }
    nodes, current = [], "pictures"

    def add(operator, inputs, name, **attributes):
        nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    if kind != "float32":
        current = add("Cast", [current], "floats", to=TensorProto.FLOAT)
    if kind == "uint8":
        weights["grey"], weights["contrast"] = np.float32([115]), np.float32([57])
        current = add("Sub", [current, "grey"], "differences")
        current = add("Div", [current, "contrast"], "normalised")
    if shape[3] == 3:
        current = add("Transpose", [current], "first", perm=[0, 3, 1, 2])
    current = add("Conv", [current, "kernel", "bias"], "filtered")
    current = add("Relu", [current], "rectified")
    current = add("GlobalAveragePool", [current], "pooled")
    features = add("Flatten", [current], "features")
    current = add("Gemm", [features, "head", "head_bias"], "margins")
    current = add(last or "Identity", [current], output)
    for name in extra_outputs:
        if name != "features":
            add("Identity", [current], name)
    given = helper.make_tensor_value_info("pictures", TYPES[kind], shape)
    found = [
        helper.make_tensor_value_info(
            name, TensorProto.FLOAT, [shape[0], 8 if name == "features" else classes]
        )
        for name in (output, *extra_outputs)
    ]
    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "drawn", [given], found, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, dict(metadata))
    options = {"save_as_external_data": True, "location": f"{path.name}.data"} if external else {}
    onnx.save_model(model, path, size_threshold=0, **options)
    return path
