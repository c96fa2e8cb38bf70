#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Verifies that Python's safetensors package reads what nash writes: pip install safetensors torch, then

    python3 tests/golden/nash_safetensors.py

It reads nash_float.safetensors and nash_double.safetensors. tests/io/safetensors.cpp compares with them, byte by byte,
what nash writes. After an intended change of what it writes, run that test with NASH_UPDATE_GOLDEN=1 in the environment,
which writes both files anew, then this script.
"""

from pathlib import Path

import torch
from safetensors import safe_open

metadata = {"format": "nash", "note": 'line 1\nline 2: "ß😀"'}

for name, dtype in [("float", torch.float32), ("double", torch.float64)]:
    number = torch.finfo(dtype)
    smallest = number.smallest_normal * number.eps  # subnormal
    expected = {
        "0.weight": torch.tensor([[-0.5, -0.25, 0.0], [0.25, 0.5, 0.75]], dtype=dtype),
        "0.bias": torch.tensor([smallest, number.max, -0.0, -torch.inf, torch.nan], dtype=dtype),
        "third": torch.tensor(1.0, dtype=dtype) / 3,
        "nothing": torch.zeros((4, 0, 2), dtype=dtype),
        'Zürich "\t\\ 😀': torch.ones((1, 1, 1, 1), dtype=dtype),
    }
    path = Path(__file__).with_name(f"nash_{name}.safetensors")
    with safe_open(path, framework="pt") as file:
        assert file.metadata() == metadata, file.metadata()
        assert sorted(file.keys()) == sorted(expected), file.keys()
        for key, values in expected.items():
            read = file.get_tensor(key)
            assert read.dtype == values.dtype and read.shape == values.shape, (key, read)
            assert torch.allclose(read, values, rtol=0, atol=0, equal_nan=True), (key, read)
            assert torch.equal(read.signbit(), values.signbit()), (key, read)
    print(f"{path.name}: {len(expected)} tensors and {len(metadata)} metadata are as expected")
