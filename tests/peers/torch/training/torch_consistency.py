#!/usr/bin/env python3
"""Checks the student's consistency loss against PyTorch: its value, and its gradients by autograd.

torch_consistency.py CASES.npz
CASES holds CASE|NAME for p, q (logits of I and I'), m, mq (their masks), use, use_q, the matrices to_input (pixels of I'
to I) and to_warped, options (huber, kl, direct, agreement, delta, positive, erosion, softmax target, temperature), and
the results loss, d_p and d_q.
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F


def warp(x, matrices):
    n, _, h, w = x.shape
    v, u = torch.meshgrid(torch.arange(h, dtype=x.dtype), torch.arange(w, dtype=x.dtype), indexing='ij')
    points = torch.stack([u, v, torch.ones_like(u)]).reshape(3, -1)
    moved = matrices.reshape(n, 3, 3) @ points
    grid = moved[:, :2] / moved[:, 2:]
    grid = torch.stack([2 * grid[:, 0] / (w - 1) - 1, 2 * grid[:, 1] / (h - 1) - 1], -1).reshape(n, h, w, 2)
    return F.grid_sample(x, grid, 'bilinear', 'zeros', align_corners=True)


def erode(mask, radius):
    """The least value within radius - 1/2 pixels; outside nothing erodes."""
    h, w = mask.shape[2:]
    padded, out = F.pad(mask, [radius] * 4, value=1.0), mask.clone()
    for y in range(-radius, radius + 1):
        for x in range(-radius, radius + 1):
            if x * x + y * y <= max(radius - 0.5, 0) ** 2:
                out = torch.minimum(out, padded[:, :, radius + y:radius + y + h, radius + x:radius + x + w])
    return out


def loss_of(p, q, m, mq, use, use_q, to_input, to_warped, options):
    w_huber, w_kl, w_direct, w_agree, delta, positive, erosion, softmax_target, temperature = options.tolist()
    there = erode((warp(torch.ones_like(p), to_input) > 0.999).to(p), int(erosion)) * use_q
    here = erode((warp(torch.ones_like(p), to_warped) > 0.999).to(p), int(erosion)) * use

    def huber(logits, target, mask, valid):
        weight = valid * (1 + positive * (mask - 0.1) / 0.8)
        each = F.huber_loss(torch.sigmoid(logits), target, reduction='none', delta=delta)
        return (each * weight).sum() / weight.sum()

    def kl(logits, mask, valid):
        log_p = F.log_softmax(logits.masked_fill(valid == 0, -torch.inf).flatten(1), 1)
        if softmax_target:
            t = F.softmax((mask / temperature).masked_fill(valid == 0, -torch.inf).flatten(1), 1)
        else:
            t = ((mask - 0.1).clamp(min=0) * valid).flatten(1)
            t = t / t.sum(1, keepdim=True)
        some = t > 0
        return F.kl_div(log_p.masked_fill(~some, 0), t, reduction='batchmean')

    forth, back = warp(p, to_input), warp(q, to_warped)
    loss = 0
    for weight, term in ((w_huber, lambda z, mask, valid: huber(z, mask, mask, valid)), (w_kl, kl)):
        if weight:
            loss = loss + weight * (term(forth, mq, there) + term(back, m, here))
            if w_direct:
                loss = loss + w_direct * weight * (term(p, m, use) + term(q, mq, there))
    if w_agree:
        loss = loss + w_agree * (huber(forth, torch.sigmoid(q), mq, there) + huber(back, torch.sigmoid(p), m, here))
    return loss


data, cases, failed = np.load(sys.argv[1]), {}, 0
for key in data:
    case, name = key.split('|')
    cases.setdefault(case, {})[name] = torch.tensor(data[key], dtype=torch.float64)
for case, have in cases.items():
    maps = [have[n].permute(0, 3, 1, 2).clone() for n in ('p', 'q', 'm', 'mq', 'use', 'use_q')]
    for x in maps[:2]:
        x.requires_grad_()
    loss = loss_of(*maps, have['to_input'], have['to_warped'], have['options'])
    loss.backward()
    errors = {'loss': (loss - have['loss']).abs().max() / loss.abs()}
    for name, x in zip(('d_p', 'd_q'), maps):
        g = x.grad.permute(0, 2, 3, 1)
        errors[name] = (g - have[name]).abs().max() / g.abs().max()
    print(case + ':', ' '.join(f'{k} {float(v):.1e}' for k, v in errors.items()))
    failed += not all(float(v) < 1e-4 for v in errors.values())
if len(cases) < 4:
    sys.exit('no cases')
sys.exit(failed > 0)
