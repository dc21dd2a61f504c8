#!/usr/bin/env python3
"""Checks squeeze-and-excite against PyTorch: values and gradients of sum(y * weight).

torch_gate.py CASES.npz
CASES holds CASE|NAME for each input, for the output y, the weight of its elements and the gradient d_NAME of an input.
The layers are torchvision's SqueezeExcitation: pooling, two 1x1 convolutions with ReLU between them, hard sigmoid.
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F


def kernel(w):
    return w[0, 0].t()[:, :, None, None]


def squeeze_excite(x, w1, b1, w2, b2):
    x = x.permute(0, 3, 1, 2)
    s = F.relu(F.conv2d(F.adaptive_avg_pool2d(x, 1), kernel(w1), b1.flatten()))
    return (x * F.hardsigmoid(F.conv2d(s, kernel(w2), b2.flatten()))).permute(0, 2, 3, 1)


data, cases, failed = np.load(sys.argv[1]), {}, 0
for key in data:
    case, name = key.split('|')
    cases.setdefault(case, {})[name] = torch.tensor(data[key])
for case, have in cases.items():
    inputs = [have[n].clone().requires_grad_() for n in ('x', 'w1', 'b1', 'w2', 'b2')]
    y = squeeze_excite(*inputs)
    (y * have['weight']).sum().backward()
    errors = {'y': (y - have['y']).abs().max() / y.abs().max()}
    for name, x in zip(('x', 'w1', 'b1', 'w2', 'b2'), inputs):
        errors['d_' + name] = (x.grad - have['d_' + name]).abs().max() / x.grad.abs().max()
    print(case + ':', ' '.join(f'{k} {float(v):.1e}' for k, v in errors.items()))
    failed += not all(float(v) < 2e-5 for v in errors.values())
if len(cases) < 2:
    sys.exit('no cases')
sys.exit(failed > 0)
