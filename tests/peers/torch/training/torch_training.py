#!/usr/bin/env python3
"""Checks optimisers and learning rates of the trainer against PyTorch's.

torch_training.py TRACE.npz
TRACE holds for each case K: K|settings [optimiser, lr, weight decay, beta1, beta2, eps, momentum, nesterov, clip norm],
K|start [P], K|gradients [STEPS, P], K|after [STEPS, P] (each two parameters: the first 5 elements decay,
the rest do not), and rates|KIND [kind, steps, lr, floor, every, factor, warmup] with rates_of|KIND [steps].
"""
import sys

import numpy as np
import torch

torch.set_default_dtype(torch.float64)
DECAYED = 5


def optimiser(settings, params):
    kind, lr, decay, beta1, beta2, eps, momentum, nesterov, _ = settings
    groups = [{'params': [params[0]], 'weight_decay': decay}, {'params': [params[1]], 'weight_decay': 0}]
    if kind == 2:
        return torch.optim.SGD(groups, lr, momentum, nesterov=bool(nesterov))
    return (torch.optim.Adam if kind else torch.optim.AdamW)(groups, lr, (beta1, beta2), eps)


def check_case(data, name):
    settings, start = data[name + '|settings'], data[name + '|start']
    params = [torch.nn.Parameter(torch.tensor(p)) for p in (start[:DECAYED], start[DECAYED:])]
    steps = optimiser(settings, params)
    worst = 0
    for gradient, after in zip(data[name + '|gradients'], data[name + '|after']):
        params[0].grad, params[1].grad = torch.tensor(gradient[:DECAYED]), torch.tensor(gradient[DECAYED:])
        if settings[8] > 0:
            torch.nn.utils.clip_grad_norm_(params, settings[8])
        steps.step()
        want = torch.cat([p.detach() for p in params]).numpy()
        worst = max(worst, np.abs(want - after).max() / np.abs(want).max())
    return worst


def check_rates(data, name):
    kind, steps, lr, low, every, factor, warmup = data['rates|' + name]
    o = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr)
    s = torch.optim.lr_scheduler
    steps = int(steps)
    schedule = [lambda: s.ConstantLR(o, 1.0), lambda: s.CosineAnnealingLR(o, steps, lr * low),
                lambda: s.StepLR(o, int(every), factor), lambda: s.LinearLR(o, 1.0, low, steps),
                lambda: s.ExponentialLR(o, low ** (1 / steps))][int(kind)]()
    want = []
    for step in range(steps):
        want.append(o.param_groups[0]['lr'] * (min(1, (step + 1) / warmup) if warmup else 1))
        o.step()
        schedule.step()
    return np.abs(np.array(want) - data['rates_of|' + name]).max() / lr


data = {k: v.astype(np.float64) for k, v in np.load(sys.argv[1]).items()}
failed = 0
for name in sorted({k.split('|')[0] for k in data if k.endswith('|settings')}):
    error = check_case(data, name)
    print(f'{name}: {error:.2e}')
    failed += not error < 2e-6
for name in sorted(k[6:] for k in data if k.startswith('rates|')):
    error = check_rates(data, name)
    print(f'rates {name}: {error:.2e}')
    failed += not error < 1e-6
sys.exit(failed > 0)
