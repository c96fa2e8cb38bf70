#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes python_safetensors.safetensors, which tests/io/safetensors.cpp reads: pip install safetensors torch."""

from pathlib import Path

import torch
from safetensors.torch import save_file

tensors = {
    "0.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3) / 4 - 0.5,
    "0.bias": torch.tensor([1e-30, -3.5], dtype=torch.float32),
    "double": torch.tensor([[0.1], [1 / 3]], dtype=torch.float64),
    # A subnormal number, the smallest normal one, the largest, and what is no number.
    "half": torch.tensor([2.0**-24, -(2.0**-14), 65504.0, float("inf"), float("nan")], dtype=torch.float16),
    "brain": torch.tensor([1.0, -2.5, 3.0e38], dtype=torch.bfloat16),
    "long": torch.tensor([-(2**40), 7], dtype=torch.int64),
    "int": torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32),
    "bytes": torch.tensor([0, 255], dtype=torch.uint8),
    "scalar": torch.tensor(0.25),
    "nothing": torch.zeros(0, 4),
    'Zürich "\t\\ 😀': torch.ones(1, 1, 1, 1),
}
metadata = {"format": "pt", "note": 'line 1\nline 2: "ß😀"'}
save_file(tensors, Path(__file__).with_suffix(".safetensors"), metadata)
