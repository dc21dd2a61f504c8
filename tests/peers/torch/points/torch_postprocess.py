#!/usr/bin/env python3
"""Post-processing of heatmaps and descriptor maps as the public implementations do it, in NumPy and PyTorch.

torch_postprocess.py CASES.npz
Holds, for each convention, "CONVENTION|map" [hc,wc,d], "|points" [n,3], "|descriptors" [n,d]; and for each case of
detection "CASE|heatmap" [h,w], "|options" (kind, size, border, top_k, subpixel, threshold), "|points" [n,3].
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F


def grid_sample(d, x, y, corners):
    """d [hc,wc,c]; x, y in -1..1"""
    grid = torch.stack((x, y), -1)[None, None]
    out = F.grid_sample(d.permute(2, 0, 1)[None], grid, mode='bilinear', align_corners=corners)
    return F.normalize(out[0, :, 0].T, dim=1)


def corners(d, x, y):  # superpoint_v1's demonstration: x / (W / 2) - 1, the sampler of PyTorch up to 1.2
    h, w = 8 * d.shape[0], 8 * d.shape[1]
    return grid_sample(d, x / (w / 2) - 1, y / (h / 2) - 1, True)


def half(d, x, y):  # the same call under newer versions
    h, w = 8 * d.shape[0], 8 * d.shape[1]
    return grid_sample(d, x / (w / 2) - 1, y / (h / 2) - 1, False)


def superglue(d, x, y):
    s, (hc, wc) = 8, d.shape[:2]
    x = (x - s / 2 + 0.5) / (wc * s - s / 2 - 0.5) * 2 - 1
    y = (y - s / 2 + 0.5) / (hc * s - s / 2 - 0.5) * 2 - 1
    return grid_sample(d, x, y, True)


def by_cells(d, u, v):  # clamped
    u, v = u.clamp(0, d.shape[1] - 1), v.clamp(0, d.shape[0] - 1)
    x0, y0 = u.floor().long(), v.floor().long()
    x1, y1 = (x0 + 1).clamp(max=d.shape[1] - 1), (y0 + 1).clamp(max=d.shape[0] - 1)
    fx, fy = (u - x0)[:, None], (v - y0)[:, None]
    out = (d[y0, x0] * (1 - fx) + d[y0, x1] * fx) * (1 - fy) + (d[y1, x0] * (1 - fx) + d[y1, x1] * fx) * fy
    return F.normalize(out, dim=1)


SAMPLERS = {
    'centres': lambda d, x, y: by_cells(d, (x + 0.5) / 8 - 0.5, (y + 0.5) / 8 - 0.5),
    'corners': corners,
    'half': half,
    'superglue': superglue,
    'legacy': lambda d, x, y: by_cells(d, x / 8, y / 8),
    'loss': lambda d, x, y: by_cells(d, (x - 4) / 8, (y - 4) / 8),
}


def overlap(b, dx, dy):
    """Intersection over union of two boxes of size b, as the sources' box suppression has it."""
    inner = max(0, b - abs(dx)) * max(0, b - abs(dy))
    return inner / (2 * b * b - inner)


def soft_argmax(heat, x, y):
    """pytorch-superpoint: the softmax of the logarithms of a 5x5 patch, normalised, times the coordinates."""
    patch = np.pad(heat, 2)[y:y + 5, x:x + 5]
    logs = torch.log(torch.tensor(patch / patch.sum()))
    p = torch.softmax(logs.flatten(), 0).reshape(5, 5).numpy()
    ys, xs = np.mgrid[-2:3, -2:3]
    return x + np.clip((p * xs).sum(), -1, 1), y + np.clip((p * ys).sum(), -1, 1)


def detect(heat, kind, size, border, top_k, subpixel, threshold):
    h, w = heat.shape
    ys, xs = np.nonzero(heat > threshold)
    points = [(-heat[y, x], y, x) for y, x in zip(ys, xs) if border <= y < h - border and border <= x < w - border]
    kept = []
    for score, y, x in sorted(points):
        if kind == 0 and any(abs(x - a) <= size and abs(y - b) <= size for a, b, _ in kept):
            continue
        if kind == 1 and any(overlap(size, x - a, y - b) > 0.1 for a, b, _ in kept):
            continue
        kept.append((x, y, -score))
    kept = kept[:int(top_k)] if top_k else kept
    return np.array([(*(soft_argmax(heat, x, y) if subpixel else (x, y)), s) for x, y, s in kept]).reshape(-1, 3)


def main():
    cases, failures = np.load(sys.argv[1]), 0
    for name in sorted({k.split('|')[0] for k in cases}):
        get = lambda part: torch.tensor(cases[f'{name}|{part}'], dtype=torch.float64)
        got = get('descriptors') if name in SAMPLERS else get('points')
        if name in SAMPLERS:
            points = get('points')
            want = SAMPLERS[name](get('map'), points[:, 0], points[:, 1])
        else:
            want = torch.tensor(detect(get('heatmap').numpy(), *cases[f'{name}|options'].tolist()))
        if got.shape != want.shape or not (got - want).abs().max() < 2e-5:
            how = f'{tuple(got.shape)} for {tuple(want.shape)}' if got.shape != want.shape else (got - want).abs().max()
            print(f'{name}: differs: {how}')
            failures += 1
    sys.exit(failures > 0)


main()
