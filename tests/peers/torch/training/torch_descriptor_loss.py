#!/usr/bin/env python3
"""The descriptor losses in PyTorch, written from their formulas pair by pair; for test_torch_descriptor_loss.c.

torch_descriptor_loss.py INPUTS.npz OUT.npz: a, b [N,Hc,Wc,D] head outputs before normalisation; match [N,1,M,M], valid
[N,1,1,M]; points_a, points_b [N,1,K,2], weight [N,1,K,1], negatives [N,1,M,M]. OUT gets, for each loss,
KIND/values (loss, positive, negative, positive_cosine, mean_cosine, active, mean_norm, raw_norm), KIND/da and KIND/db.
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F


def rows(x):
    return x.reshape(x.shape[0], -1, x.shape[-1])


def hinge(s, match, valid, lam):
    """sum_ij v_j [lambda s pos + (1-s) neg] / (cells * sum_j v_j)"""
    cells, total = s.shape[1], valid.sum().clamp(min=1)
    positive = (match * valid * (1 - s).clamp(min=0)).sum() / (cells * total)
    over = (1 - match) * valid * (s - 0.2).clamp(min=0)
    return lam * positive + over.sum() / (cells * total), positive, over.sum() / (cells * total), over


def balanced(s, match, valid, lam):
    positives, negatives = [], []
    over = (1 - match) * valid * (s - 0.2).clamp(min=0)
    for i in range(len(s)):
        pairs = (match * valid)[i]
        positives.append((pairs * (1 - s[i]).clamp(min=0)).sum() / pairs.sum().clamp(min=1))
        negatives.append(over[i].sum() / (1 + (over[i] > 0).sum()))
    positive, negative = torch.stack(positives).mean(), torch.stack(negatives).mean()
    return lam * positive + negative, positive, negative, over


def bilinear(image, points):
    """image [Hc,Wc,D] at real (x, y) inside it."""
    x, y = points[:, 0], points[:, 1]
    x0, y0 = x.floor().long(), y.floor().long()
    x1, y1 = (x0 + 1).clamp(max=image.shape[1] - 1), (y0 + 1).clamp(max=image.shape[0] - 1)
    fx, fy = (x - x0)[:, None], (y - y0)[:, None]
    top = image[y0, x0] * (1 - fx) + image[y0, x1] * fx
    return top * (1 - fy) + (image[y1, x0] * (1 - fx) + image[y1, x1] * fx) * fy


def sparse(a, b, s, data, lam):
    positives, negatives, cosines, active = [], [], [], []
    for i in range(len(a)):
        da, db = bilinear(a[i], data['points_a'][i, 0]), bilinear(b[i], data['points_b'][i, 0])
        cosine, weight = F.cosine_similarity(da, db), data['weight'][i, 0, :, 0]
        count = weight.sum().clamp(min=1)
        positives.append((weight * (1 - cosine).clamp(min=0)).sum() / count)
        cosines.append((weight * cosine).sum() / count)
        drawn = data['negatives'][i, 0]
        over = (s[i] - 0.2).clamp(min=0)
        negatives.append((drawn * over).sum() / ((drawn * (over > 0)).sum() + 1))
        active.append(((drawn * over) > 0).double().mean())
    positive, negative = torch.stack(positives).mean(), torch.stack(negatives).mean()
    return lam * positive + negative, positive, negative, torch.stack(cosines).mean(), torch.stack(active).mean()


def main():
    data = {k: torch.tensor(v).double() for k, v in np.load(sys.argv[1]).items()}
    match, valid, out = data['match'][:, 0], data['valid'][:, 0], {}
    for kind, lam in (('balanced', 1), ('dense', 250), ('raw', 250), ('normalised', 0.05), ('sparse', 1)):
        ra, rb = data['a'].clone().requires_grad_(), data['b'].clone().requires_grad_()
        a, b = (x / (x * x).sum(-1, keepdim=True).add(1e-12).sqrt() for x in (ra, rb))
        s = rows(a) @ rows(b).transpose(1, 2)
        if kind == 'sparse':
            loss, positive, negative, cosine, active = sparse(a, b, s, data, lam)
        else:
            if kind == 'balanced':
                loss, positive, negative, over = balanced(s, match, valid, lam)
            elif kind == 'normalised':
                d = F.relu(s)
                d = d / (d * d).sum(2, keepdim=True).add(1e-12).sqrt()
                d = d / (d * d).sum(1, keepdim=True).add(1e-12).sqrt()
                loss, positive, negative, over = hinge(d, match, valid, lam)
            else:
                d = rows(ra) @ rows(rb).transpose(1, 2) if kind == 'raw' else s
                loss, positive, negative, over = hinge(d, match, valid, lam)
            pairs = match * valid
            cosine = torch.stack([(pairs[i] * s[i]).sum() / pairs[i].sum().clamp(min=1) for i in range(len(s))]).mean()
            active = (over > 0).double().mean()
        loss.backward()
        norm, raw_norm = rows(a).mean(1).norm(dim=1).mean(), rows(ra).norm(dim=2).mean()
        out[kind + '/values'] = np.array([float(v) for v in (loss, positive, negative, cosine, s.mean(), active, norm,
                                                       raw_norm)])
        out[kind + '/da'], out[kind + '/db'] = ra.grad.numpy(), rb.grad.numpy()
    # Names of arrays hold no slash in our reader's files.
    np.savez(sys.argv[2], **{k.replace('/', '.'): v for k, v in out.items()})


if __name__ == '__main__':
    main()
