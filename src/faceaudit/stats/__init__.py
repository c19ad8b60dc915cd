"""Inference: rates, intervals, gaps, tests and verdicts, all computed from counts."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
