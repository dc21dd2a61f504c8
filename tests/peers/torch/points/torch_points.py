#!/usr/bin/env python3
"""Attention, rotary encoding, layer normalisation, log-assignment, likelihoods and losses in PyTorch, in double.

torch_points.py INPUTS.npz OUT.npz
INPUTS holds "case|in0", "case|in1", .. ([N,H,W,C]) and "case|w0", .. (weights of the outputs, whose weighted sum is
differentiated). OUT gets "case|out0", .. and "case|grad0", .. (of the inputs that are floats and lead to an output).
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F


def heads_of(x, heads):
    return x[:, 0].unflatten(-1, (heads, -1)).transpose(1, 2)  # [B, heads, N, D]


def attend(q, k, v, heads, scale, keys=None, queries=None):
    s = scale * heads_of(q, heads) @ heads_of(k, heads).transpose(-1, -2)
    if keys is not None:
        s = s.masked_fill(keys.reshape(keys.shape[0], 1, 1, -1) < 0.5, -float('inf'))
    y = (torch.softmax(s, -1) @ heads_of(v, heads)).transpose(1, 2).flatten(2).unsqueeze(1)
    return y if queries is None else y * queries.reshape(queries.shape[0], 1, -1, 1)


def rotate(x, angles, heads):
    c, s = (f(angles).repeat_interleave(2, -1).repeat(1, 1, 1, heads) for f in (torch.cos, torch.sin))
    pairs = x.unflatten(-1, (-1, 2))
    return x * c + torch.stack((-pairs[..., 1], pairs[..., 0]), -1).flatten(-2) * s


def log_assignment(s, z0, z1):
    z0, z1 = z0[:, 0], z1[:, 0].transpose(1, 2)
    inner = F.log_softmax(s[:, 0], 2) + F.log_softmax(s[:, 0], 1) + F.logsigmoid(z0) + F.logsigmoid(z1)
    last = torch.cat((F.logsigmoid(-z1), torch.zeros_like(z1[..., :1])), 2)
    return torch.cat((torch.cat((inner, F.logsigmoid(-z0)), 2), last), 1).unsqueeze(1)


def linear(take, x):
    w, b = take(), take()
    return x @ w[0, 0] + b


def feed_forward(take, x, message):
    hidden = linear(take, x) + message @ take()[0, 0]
    gamma, beta = take(), take()
    hidden = F.gelu(F.layer_norm(hidden, hidden.shape[-1:], gamma.flatten(), beta.flatten(), float(np.float32(1e-5))))
    return x + linear(take, hidden)


def lightglue(inputs):
    """One layer for a batch of the two images, and the loss of its assignment (matching.md 2.3, 2.4, 3.3)."""
    heads, items = 4, iter(inputs)
    take = lambda: next(items)
    x, points, projection, labels, _ = take(), take(), take(), take(), take()
    angles = points @ projection[0, 0]
    scale = (x.shape[-1] // heads) ** -0.5
    q, k, v = linear(take, x), linear(take, x), linear(take, x)
    message = attend(rotate(q, angles, heads), rotate(k, angles, heads), v, heads, scale)
    x = feed_forward(take, x, linear(take, message))
    qk, v = linear(take, x), linear(take, x)
    message = attend(qk, qk.flip(0), v.flip(0), heads, scale)
    x = feed_forward(take, x, linear(take, message))
    d, z = linear(take, x) / 256 ** 0.25, linear(take, x)
    p = log_assignment((d[0] @ d[1].transpose(1, 2)).unsqueeze(0), z[:1], z[1:])
    index = labels[0, 0, :-1, 0].long()
    picked = p[0, 0, torch.arange(len(index)), index.clamp(min=0)] * (index >= 0)
    return [x, p, (-picked.sum() / (index >= 0).sum()).reshape(1, 1, 1, 1)]


def pick(x, index):
    index = index.long()
    inside = (index >= 0) & (index < x.shape[-1])
    return x.gather(-1, index.clamp(0, x.shape[-1] - 1)) * inside


def cross_entropy(x, labels, smoothing):
    flat, index = x.flatten(0, 2), labels.flatten().long()
    index[(index < 0) | (index >= x.shape[-1])] = -100
    return F.cross_entropy(flat, index, reduction='none', label_smoothing=smoothing).reshape(labels.shape)


def kl(x, t, temperature):
    p, q = F.log_softmax(x / temperature, -1), F.log_softmax(t / temperature, -1)
    return F.kl_div(p, q, reduction='none', log_target=True).sum(-1, keepdim=True)


def kl_image(z, t, valid):
    z = z.masked_fill(valid < 0.5, -float('inf')).flatten(1)
    w = (t * valid).flatten(1)
    w = w / w.sum(1, keepdim=True)
    p = F.log_softmax(z, 1).masked_fill(valid.flatten(1) < 0.5, 0)
    return F.kl_div(p, w, reduction='none').sum(1).reshape(-1, 1, 1, 1)


def masked(x, mask):
    return x.masked_fill(mask < 0.5, -float('inf'))


CASES = {
    'layer_norm': lambda x, g, b: F.layer_norm(x, x.shape[-1:], g.flatten(), b.flatten(), float(np.float32(1e-5))),
    'gelu': lambda x: F.gelu(x),
    'gelu_tanh': lambda x: F.gelu(x, approximate='tanh'),
    'attention': lambda q, k, v: attend(q, k, v, 3, float(np.float32(8 ** -0.5))),
    'attention_masked': lambda q, k, v, a, b: attend(q, k, v, 2, 0.5, a, b),
    'rotate': lambda x, a: rotate(x, a, 3),
    'log_softmax': lambda x: [F.log_softmax(x, 3), F.log_softmax(x, 2)],
    'log_sum_exp': lambda x, a, b: [torch.logsumexp(masked(x, a), 3, True),
                                    torch.logsumexp(masked(x, b.transpose(2, 3)), 2, True)],
    'log_assignment': log_assignment,
    'pick': pick,
    'smoothed': lambda x, l: cross_entropy(x, l, float(np.float32(0.1))),
    'kl': lambda x, t: kl(x, t, 2),
    'kl_image': kl_image,
    'quality_focal': lambda z, t: (t - torch.sigmoid(z)) ** 2 * F.binary_cross_entropy_with_logits(z, t,
                                                                                                  reduction='none'),
    'huber': lambda a, b: F.huber_loss(a, b, reduction='none', delta=float(np.float32(0.2))),
    'lightglue': lambda *inputs: lightglue(inputs),
}


def main():
    torch.set_num_threads(1)
    arrays = {k: torch.tensor(v, dtype=torch.float64) for k, v in np.load(sys.argv[1]).items()}
    result = {}
    for case in sorted({k.split('|')[0] for k in arrays}):
        inputs = [arrays[f'{case}|in{i}'].requires_grad_() for i in range(64) if f'{case}|in{i}' in arrays]
        outputs = CASES[case.split('-')[0]](*inputs)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        loss = sum((o * arrays[f'{case}|w{i}']).sum() for i, o in enumerate(outputs))
        grads = torch.autograd.grad(loss, inputs, allow_unused=True)
        result.update({f'{case}|out{i}': o.detach() for i, o in enumerate(outputs)})
        result.update({f'{case}|grad{i}': g for i, g in enumerate(grads) if g is not None})
    np.savez(sys.argv[2], **{k: np.ascontiguousarray(v.numpy(), np.float64) for k, v in result.items()})


if __name__ == '__main__':
    main()
