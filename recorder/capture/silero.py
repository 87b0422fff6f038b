"""silero's 16 kHz model of speech, worked out by numpy from the weights in the package silero-vad.

The network is the package's tinygrad_model.py. onnxruntime gives the same numbers and takes 50 MB
for them, a tenth of a small board's memory. Importing the package would want torch.
"""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WINDOW = 512
_CONTEXT = 64
_FRAME, _STEP, _BINS = 256, 128, 129
_UNITS = 128
_STRIDES = (1, 2, 2, 1)
_GRAPH, _INITIALIZER, _DIMS, _NAME, _RAW = 7, 5, 1, 8, 9
"""Field numbers in onnx.proto3."""
Array = NDArray[np.float32]


def _number(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(field number, value) of a protobuf message of numbers and length-delimited fields."""
    at = 0
    while at < len(data):
        key, at = _number(data, at)
        number, at = _number(data, at)
        if key & 7 == 2:
            yield key >> 3, data[at : at + number]
            at += number
        else:
            yield key >> 3, number


def _inside(data: memoryview, number: int) -> Iterator[memoryview]:
    return (v for n, v in _fields(data) if n == number and isinstance(v, memoryview))


def weights() -> dict[str, Array]:
    """The model's tensors by name. FileNotFoundError where the package is not installed."""
    spec = importlib.util.find_spec("silero_vad")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("silero-vad is not installed")
    model = Path(spec.submodule_search_locations[0]) / "data" / "silero_vad_16k_op15.onnx"
    found = {}
    for graph in _inside(memoryview(model.read_bytes()), _GRAPH):
        for tensor in _inside(graph, _INITIALIZER):
            shape = [v for n, v in _fields(tensor) if n == _DIMS and isinstance(v, int)]
            name = bytes(next(_inside(tensor, _NAME))).decode()
            raw = np.frombuffer(next(_inside(tensor, _RAW)), "<f4")
            found[name.removeprefix("model.")] = raw.reshape(shape).astype(np.float32)
    return found


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)), np.float32)


class Silero:
    """``judge`` windows one after another; ``reset`` where the sound was interrupted."""

    def __init__(self) -> None:
        kept = weights()
        self._stft = kept["stft.forward_basis_buffer"][:, 0]
        self._layers = []
        for number, stride in enumerate(_STRIDES):
            name = f"encoder.{number}.reparam_conv"
            bias = kept[f"{name}.bias"]
            # One matrix over a column, its left and its right neighbour, one below the other.
            matrix = kept[f"{name}.weight"].transpose(0, 2, 1).reshape(len(bias), -1)
            self._layers.append((np.ascontiguousarray(matrix), bias[:, np.newaxis], stride))
        rnn = "decoder.rnn"
        self._cell = np.hstack((kept[f"{rnn}.weight_ih"], kept[f"{rnn}.weight_hh"]))
        self._cell_bias = kept[f"{rnn}.bias_ih"] + kept[f"{rnn}.bias_hh"]
        self._last = kept["decoder.decoder.2.weight"].reshape(-1)
        self._last_bias = kept["decoder.decoder.2.bias"]
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self._context: Array = np.zeros(_CONTEXT, np.float32)
        self._hidden: Array = np.zeros(_UNITS, np.float32)
        self._memory: Array = np.zeros(_UNITS, np.float32)

    def judge(self, window: Array) -> float:
        """The probability that people speak in the next ``WINDOW`` samples."""
        x = self._spectrum(np.concatenate((self._context, window)))
        self._context = window[-_CONTEXT:]
        for matrix, bias, stride in self._layers:
            rows, columns = x.shape
            padded = np.zeros((rows, columns + 2), np.float32)
            padded[:, 1:-1] = x
            sides = [padded[:, side : side + columns : stride] for side in range(3)]
            x = np.maximum(matrix @ np.concatenate(sides) + bias, 0)
        gates = self._cell @ np.concatenate((x[:, 0], self._hidden)) + self._cell_bias
        take, keep, new, show = gates.reshape(4, _UNITS)
        self._memory = _sigmoid(keep) * self._memory + _sigmoid(take) * np.tanh(new)
        self._hidden = _sigmoid(show) * np.tanh(self._memory)
        return float(_sigmoid(self._last @ np.maximum(self._hidden, 0) + self._last_bias)[0])

    def _spectrum(self, samples: Array) -> Array:
        mirrored = np.concatenate((samples, samples[-2 : -2 - _CONTEXT : -1]))
        frames = [mirrored[at : at + _FRAME] for at in range(0, WINDOW, _STEP)]
        both = self._stft @ np.stack(frames, axis=1)
        return np.asarray(np.hypot(both[:_BINS], both[_BINS:]), np.float32)
