"""The forward pass of the LSTM in NumPy alone: the same numbers on every run.

Source: Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 9 (1997), with the
forget gate of Gers et al. (2000); gates and weights in Keras' order: input, forget, cell, output.
"""

import numpy as np
from numpy.typing import NDArray

from processors.models.weights import Weights

Floats = NDArray[np.float64]


class Network:
    """Answers one question: an LSTM over the last candles, then one layer with the features.

    The answer is linear in the LSTM's last state, the features, and ``tanh`` of a layer on both.
    """

    def __init__(self, weights: Weights, *, channels: int, features: int) -> None:
        """Build the network from weights by name, as `processors.training.lstm` makes them.

        Args:
            weights: Arrays of float32.
            channels: Numbers per candle.
            features: Numbers besides the candles.

        Raises:
            ValueError: A weight is missing, not finite, or of another shape.
        """
        units = weights["recurrent"].shape[0] if "recurrent" in weights else 0
        width = weights["hidden"].shape[-1] if "hidden" in weights else 0
        _check(weights, shapes_of(channels, features, units, width))
        self._mean, self._spread = (weights[n].astype(float) for n in ("mean", "spread"))
        halved = np.ones(4 * units) / 2  # sigmoid(z) = (tanh(z / 2) + 1) / 2: one tanh for all
        halved[2 * units : 3 * units] = 1.0
        self._kernel = weights["kernel"] * halved
        self._recurrent = weights["recurrent"] * halved
        self._bias = weights["bias"] * halved
        self._hidden, self._hidden_bias, self._out, self._out_bias = (
            weights[n].astype(float) for n in ("hidden", "hidden_bias", "out", "out_bias")
        )
        self._units = units

    def answer(self, candles: Floats, features: Floats) -> Floats:
        """Return the outputs, float64[2], for float64[candles, channels] and float64[features]."""
        known = (features - self._mean) / self._spread
        both = np.concatenate([self._last_state(candles), known])
        hidden = np.tanh(both @ self._hidden + self._hidden_bias)
        answer: Floats = np.concatenate([both, hidden]) @ self._out + self._out_bias
        return answer

    def _last_state(self, candles: Floats) -> Floats:
        n = self._units
        state, cell = np.zeros(n), np.zeros(n)
        for entered in candles @ self._kernel + self._bias:
            gates = np.tanh(entered + state @ self._recurrent)
            opened = (gates + 1.0) / 2
            cell = opened[n : 2 * n] * cell + opened[:n] * gates[2 * n : 3 * n]
            state = opened[3 * n :] * np.tanh(cell)
        return state


def shapes_of(channels: int, features: int, units: int, width: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each weight.

    Args:
        channels: Numbers per candle.
        features: Numbers besides the candles.
        units: Units of the LSTM.
        width: Units of the hidden layer.
    """
    return {
        "mean": (features,),
        "spread": (features,),
        "kernel": (channels, 4 * units),
        "recurrent": (units, 4 * units),
        "bias": (4 * units,),
        "hidden": (units + features, width),
        "hidden_bias": (width,),
        "out": (units + features + width, 2),
        "out_bias": (2,),
    }


def _check(weights: Weights, shapes: dict[str, tuple[int, ...]]) -> None:
    found = {name: array.shape for name, array in weights.items()}
    if found != shapes:
        raise ValueError(f"the weights are {found} instead of {shapes}")
    if not all(np.isfinite(array).all() for array in weights.values()):
        raise ValueError("a weight is not a finite number")
