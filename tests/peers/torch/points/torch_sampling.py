#!/usr/bin/env python3
"""Checks ops around the networks against PyTorch: values and gradients of sum(y * weight).

torch_sampling.py CASES.npz
CASES holds CASE|NAME for each input, for the output y, the weight of its elements and the gradient d_NAME of an input.
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def sample(stride, padding):
    def run(map, points):
        size = torch.tensor([map.shape[2], map.shape[1]])
        grid = 2 * (points + 0.5) / (stride * size) - 1
        return nhwc(F.grid_sample(nchw(map), grid, mode='bilinear', padding_mode=padding, align_corners=False))
    return run


def gather(x, index):
    number = index[:, 0, :, 0].long()
    rows = torch.stack([part[i.clamp(0, len(part) - 1)] for part, i in zip(x[:, 0], number)])
    inside = (number >= 0) & (number < x.shape[2])
    return (rows * inside[:, :, None])[:, None]


def top(x):
    values, at = torch.topk(x.reshape(x.shape[0], -1), 20)
    w = x.shape[2]
    return torch.stack([at % w, torch.div(at, w, rounding_mode='floor'), values], 2)[:, None]


def blur(x):
    d = torch.arange(-3, 4)
    w = torch.exp(-0.5 * (d / 1.25) ** 2)
    w = w / w.sum()
    for axis in (1, 2):
        n = x.shape[axis]
        at = torch.arange(n)[:, None] + d[None]
        at = torch.where(at < 0, -1 - at, torch.where(at >= n, 2 * n - 1 - at, at))
        taps = x.index_select(axis, at.flatten()).unflatten(axis, (n, 7))
        x = (taps * w.reshape([7] + [1] * (3 - axis))).sum(axis + 1)
    return x


def per_channel(x, parameters):
    return torch.fake_quantize_per_channel_affine(x, parameters[0, 0, 0], parameters[0, 0, 1].int(), 3, 0, 255)


def per_tensor(x, parameters):
    return torch.fake_quantize_per_tensor_affine(x, float(parameters[0, 0, 0, 0]), 0, -7, 7)


def observed(kind, **options):
    def run(*batches):
        o = getattr(torch.ao.quantization, kind)(**options)
        for x in batches:
            o(x)
        return torch.stack([o.min_val.reshape(-1), o.max_val.reshape(-1)])[None, None]
    return run


RUN = {
    'sample': sample(1, 'zeros'), 'sample cells': sample(8, 'border'), 'gather': gather, 'top': top, 'blur': blur,
    'concat rows': lambda a, b: torch.cat([a, b], 1), 'concat columns': lambda a, b: torch.cat([a, b], 2),
    'concat channels': lambda a, b: torch.cat([a, b], 3), 'slice rows': lambda x: x[:, 1:4],
    'slice columns': lambda x: x[:, :, 2:7], 'transpose': lambda x: x.transpose(2, 3),
    'fake quantise per channel': per_channel, 'fake quantise per tensor': per_tensor,
    'observe': observed('MinMaxObserver'), 'observe averages': observed('MovingAverageMinMaxObserver',
                                                                         averaging_constant=0.5),
}

data, cases, failed = np.load(sys.argv[1]), {}, 0
for key in data:
    case, name = key.split('|')
    cases.setdefault(case, {})[name] = torch.tensor(data[key])
for case, have in cases.items():
    names = [n for n in have if n not in ('y', 'weight') and not n.startswith('d_')]
    inputs = [have[n].clone().requires_grad_('d_' + n in have) for n in names]
    y = RUN[case.split(', ')[0]](*inputs)
    errors = {'y': (y - have['y']).abs().max() / y.abs().max()}
    if 'weight' in have:
        (y * have['weight']).sum().backward()
        for name, x in zip(names, inputs):
            if x.grad is not None:
                errors['d_' + name] = (x.grad - have['d_' + name]).abs().max() / x.grad.abs().max()
    print(case + ':', ' '.join(f'{k} {float(v):.1e}' for k, v in errors.items()))
    failed += not all(float(v) < 2e-5 for v in errors.values())
if set(RUN) != {c.split(', ')[0] for c in cases}:
    sys.exit('not every case was run')
sys.exit(failed > 0)
