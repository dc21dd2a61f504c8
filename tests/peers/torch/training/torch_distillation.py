#!/usr/bin/env python3
"""Checks the drop-in student's loss against PyTorch: its terms, and its gradients by autograd.

torch_distillation.py CASES.npz
CASES holds CASE|NAME for logits, raw (descriptors before normalisation), log_variance, teacher, teacher_raw, valid,
first, second (numbers of cells), labels, all NHWC, options (temperature, points, background, descriptor, relational,
hard, whether labels, whether the weights are learned), and the results loss, detector, descriptor, relational, hard and
d_logits, d_raw, d_log_variance as far as the case has them.
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F


def mean(x, weight):
    return (x * weight).sum() / weight.sum()


def terms_of(logits, raw, teacher, teacher_raw, valid, first, second, labels, options):
    temperature, points, background = options[:3].tolist()
    cells = valid.flatten(1)                                     # [N, cells]
    logits, teacher = (x.flatten(1, 2) for x in (logits, teacher))  # [N, cells, 65]
    s, t = (F.normalize(x.flatten(1, 2), dim=2) for x in (raw, teacher_raw))
    point = 1 - F.softmax(teacher, 2)[..., 64]
    kl = F.kl_div(F.log_softmax(logits / temperature, 2), F.softmax(teacher / temperature, 2), reduction='none').sum(2)
    out = {'detector': temperature ** 2 * mean(kl, cells * (1 + points * point))}
    out['descriptor'] = 1 - mean(F.cosine_similarity(s, t, dim=2), cells * (background + (1 - background) * point))
    first, second = first.flatten(1).long(), second.flatten(1).long()
    batch = torch.arange(len(s))[:, None]

    def pairs(x):
        return (x[batch, first] * x[batch, second]).sum(2)

    out['relational'] = ((pairs(s) - pairs(t)) ** 2).mean()
    if options[6]:
        each = F.cross_entropy(logits.transpose(1, 2), labels.flatten(1).long(), reduction='none')
        out['hard'] = mean(each, cells)
    return out


data, cases, failed = np.load(sys.argv[1]), {}, 0
for key in data:
    case, name = key.split('|')
    cases.setdefault(case, {})[name] = torch.tensor(data[key], dtype=torch.float64)
for case, have in cases.items():
    options, s = have['options'], have['log_variance'].flatten().requires_grad_()
    inputs = [have[n] for n in ('logits', 'raw', 'teacher', 'teacher_raw', 'valid', 'first', 'second', 'labels')]
    for x in inputs[:2]:
        x.requires_grad_()
    terms, learned = terms_of(*inputs, options), bool(options[7])
    weights = [2 if learned else 1] + options[3:6].tolist()
    loss = 0
    for i, name in enumerate(('detector', 'descriptor', 'relational', 'hard')):
        if name in terms and weights[i]:
            part = weights[i] * terms[name]
            loss = loss + (torch.exp(-s[i]) * part + s[i] if learned else part)
    loss.backward()
    errors = {}
    for name, value in {'loss': loss, **terms}.items():
        errors[name] = (value - have[name]).abs().max() / value.abs()
    gradients = {'d_logits': inputs[0].grad, 'd_raw': inputs[1].grad}
    if learned:
        gradients['d_log_variance'] = s.grad
    for name, g in gradients.items():
        errors[name] = (g.flatten() - have[name].flatten()).abs().max() / g.abs().max()
    print(case + ':', ' '.join(f'{k} {float(v):.1e}' for k, v in errors.items()))
    failed += not all(float(v) < 1e-4 for v in errors.values())
if len(cases) < 4:
    sys.exit('no cases')
sys.exit(failed > 0)
