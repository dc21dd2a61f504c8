#!/usr/bin/env python3
"""Changes of light by PyTorch, from the rows that the op reads, written anew from teacher.md 2.5 and the op's header.

torch_photometric.py CASES.npz
CASES holds, for each case, CASE|x [n,h,w,1] in 0..1, CASE|masks [n,h,w,1], CASE|rows [n,1,1,40] and CASE|y [n,h,w,1];
in the case "alone ..." image i has effect i only, with the others at amounts that do nothing.
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F


def philox(key, counter, words):
    """Words first..last of the stream: Philox 4x32-10 (Salmon et al., SC 2011, section 3.2)."""
    first, count = words
    blocks = np.arange(first // 4, (first + count) // 4 + 1, dtype=np.uint64)
    low = np.uint64(0xffffffff)
    c = [np.full_like(blocks, v) for v in counter] + [blocks & low]
    k = [int(v) for v in key]
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]), b & low,
             (a >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]), a & low]
        k = [(k[0] + 0x9E3779B9) & 0xffffffff, (k[1] + 0xBB67AE85) & 0xffffffff]
    return np.stack(c, 1).reshape(-1)[first % 4:][:count]


def word(row, i):
    return int(row[i]) << 16 | int(row[i + 1])


def stream(row, at, count):
    return philox([word(row, 20), word(row, 22)], [word(row, 24), word(row, 26), word(row, 28)], (at, count))


def taps(radius, scale, norm):
    d = torch.arange(-radius, radius + 1, dtype=torch.float64)
    w = torch.exp(-scale * d * d)
    assert abs(float(w.sum() * norm) - 1) < 1e-5, 'the weights of a blur do not add up to one'
    return w / w.sum()


def mirrored(n, steps):
    """Indices i + step for each i, folded at the frame without repeating it; as F.pad's reflect, but of any width."""
    at = (torch.arange(n)[:, None] + steps[None]).abs() % (2 * n - 2)
    return torch.where(at < n, at, 2 * n - 2 - at)


def line_blur(v, dx, dy, weights):
    radius = len(weights) // 2
    d = torch.arange(-radius, radius + 1)
    ys, xs = mirrored(v.shape[0], d * dy), mirrored(v.shape[1], d * dx)
    return sum(w * v[ys[:, i]][:, xs[:, i]] for i, w in enumerate(weights))


def contrast(v, row):
    centre = row[8] if row[8] >= 0 else v.mean()
    return (v - centre) * row[7] + centre


def speckle(v, row):
    u = stream(row, word(row, 30), v.numel()).reshape(v.shape)
    black = torch.from_numpy(u < word(row, 34))
    white = torch.from_numpy((u >= word(row, 34)) & (u < word(row, 36)))
    return torch.where(black, torch.zeros_like(v), torch.where(white, torch.ones_like(v), v))


def noise(v, row):
    u = torch.from_numpy(stream(row, word(row, 32), v.numel() + v.numel() % 2).astype(np.float64) / 2 ** 32)
    radius, angle = (-2 * torch.log1p(-u[0::2])).sqrt(), 2 * np.pi * u[1::2]
    normal = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], 1).reshape(-1)
    return v + row[18] * normal[:v.numel()].reshape(v.shape)


def shade(v, row, mask):
    w = taps(int(row[10]), row[11], row[12])
    if len(w) // 2 < min(v.shape):  # PyTorch's own padding and convolution
        r = len(w) // 2
        m = F.pad(mask[None, None], (r, r, r, r), mode='reflect')
        mask = F.conv2d(F.conv2d(m, w[None, None, None, :]), w[None, None, :, None])[0, 0]
    else:
        mask = line_blur(line_blur(mask, 1, 0, w), 0, 1, w)
    return v * (1 - row[9] * mask)


def motion(v, row):
    return line_blur(v, int(row[14]), int(row[15]), taps(int(row[13]), row[16], row[17]))


EFFECTS = [lambda v, row, mask: v + row[6], lambda v, row, mask: contrast(v, row), lambda v, row, mask: speckle(v, row),
           lambda v, row, mask: noise(v, row), shade, lambda v, row, mask: motion(v, row)]
MOTION = 5


def change(v, row, mask):
    for i in row[:6].astype(int):
        v = EFFECTS[i](v, row, mask)
        if i != MOTION:
            v = v.clamp(0, 1)
    return v


def main():
    cases, failures = np.load(sys.argv[1]), 0
    names = sorted({k.split('|')[0] for k in cases})
    assert names
    for name in names:
        x, masks, y = (torch.tensor(cases[f'{name}|{part}'][..., 0], dtype=torch.float64) for part in
                       ('x', 'masks', 'y'))
        rows = cases[f'{name}|rows'][:, 0, 0].astype(np.float64)
        for i, row in enumerate(rows):
            want = change(x[i], row, masks[i])
            worst, moved = float((y[i] - want).abs().max()), float((want - x[i]).abs().mean())
            if not worst < 2e-5:
                print(f'{name}, image {i}: {worst:.3g} apart')
                failures += 1
            if name.startswith('alone') and not moved > 1e-3:
                print(f'{name}, image {i}: nothing has changed')
                failures += 1
    sys.exit(failures > 0)


main()
