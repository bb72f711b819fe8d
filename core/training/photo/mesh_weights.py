"""MediaPipe's face mesh network as a start for ours: the weights of its trunk, out of the file that its wheel brings.

Apache License 2.0, as the wheel itself, which finds faces for the engine anyway.
"""

from collections.abc import Iterator
from pathlib import Path

import mediapipe
import numpy as np
import tflite
import torch
from torch import nn

from ...capture.face_trunk import FaceTrunk

_FILE = "modules/face_landmark/face_landmark_with_attention.tflite"
_TYPES = {tflite.TensorType.FLOAT32: np.float32, tflite.TensorType.FLOAT16: np.float16}


@torch.no_grad()
def start_from_mesh(trunk: FaceTrunk, path: Path | None = None) -> None:
    """Give `trunk`, which has the layout of MediaPipe's, its weights; by default those of the installed wheel."""
    constants = _constants(path or Path(mediapipe.__file__).parent / _FILE)
    # Modules are registered in the order of execution, which is that of the file.
    for layer in trunk.modules():
        if isinstance(layer, nn.Conv2d | nn.PReLU):
            kind, values = next(constants)
            if kind == "depthwise":
                layer.weight.copy_(torch.tensor(values[0]).permute(3, 0, 1, 2))
            elif kind == "convolution":
                layer.weight.copy_(torch.tensor(values[0]).permute(0, 3, 1, 2))
            else:
                layer.weight.copy_(torch.tensor(values[0]).flatten())
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                layer.bias.copy_(torch.tensor(values[1]))


def _constants(path: Path) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Kind and weights of every convolution and activation, in the order of execution."""
    model = tflite.Model.GetRootAsModel(path.read_bytes(), 0)
    graph = model.Subgraphs(0)
    codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
    kinds = {
        tflite.BuiltinOperator.CONV_2D: "convolution",
        tflite.BuiltinOperator.DEPTHWISE_CONV_2D: "depthwise",
        tflite.BuiltinOperator.PRELU: "activation",
    }
    stored: dict[int, int] = {}
    for k in range(graph.OperatorsLength()):
        operator = graph.Operators(k)
        code = codes[operator.OpcodeIndex()]
        builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if builtin == tflite.BuiltinOperator.DEQUANTIZE:
            stored[operator.Outputs(0)] = operator.Inputs(0)
        elif builtin in kinds:
            weights = [_values(model, graph.Tensors(stored.get(int(i), int(i)))) for i in operator.InputsAsNumpy()[1:]]
            yield kinds[builtin], weights


def _values(model: tflite.Model, tensor: tflite.Tensor) -> np.ndarray:
    stored = model.Buffers(tensor.Buffer()).DataAsNumpy()
    return np.frombuffer(stored.tobytes(), _TYPES[tensor.Type()]).reshape(tensor.ShapeAsNumpy()).astype(np.float32)
