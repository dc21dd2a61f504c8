#!/usr/bin/env python3
"""Checks the detector losses and their gradients against PyTorch in double precision.

torch_detector_loss.py CASES.npz
CASES holds CASE|NAME for logits, valid, target, the loss and d_logits, the gradient of the loss; CASE is KIND-AVERAGE-CLASS.
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F

data, cases, failed = np.load(sys.argv[1]), {}, 0
for key in data:
    case, name = key.split('|')
    cases.setdefault(case, {})[name] = torch.tensor(data[key]).double()
for case, have in cases.items():
    kind, average = case.split('-')[:2]
    logits, valid = have['logits'].clone().requires_grad_(), have['valid'][..., 0]
    if kind == 'soft':
        cell = F.binary_cross_entropy(logits.softmax(-1), have['target'], reduction='none').sum(-1)
    else:
        cell = F.cross_entropy(logits.permute(0, 3, 1, 2), have['target'][..., 0].long(), reduction='none')
    if average == 'image':
        loss = torch.stack([(c * v).sum() / v.sum().clamp(min=1) for c, v in zip(cell, valid)]).mean()
    else:
        loss = (cell * valid).sum() / valid.sum().clamp(min=1)
    loss.backward()
    errors = {'loss': abs(float(have['loss'].flatten()[0] / loss - 1)),
              'd_logits': float((logits.grad - have['d_logits']).abs().max() / logits.grad.abs().max())}
    print(case + ':', ' '.join(f'{k} {v:.1e}' for k, v in errors.items()))
    failed += not all(v < 2e-5 for v in errors.values())
if len(cases) < 8:
    sys.exit('not all cases')
sys.exit(failed > 0)
