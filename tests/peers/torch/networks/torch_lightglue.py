#!/usr/bin/env python3
"""LightGlue in PyTorch, written from a description of it; for test_torch_lightglue.c and test_torch_match_training.c.

    torch_lightglue.py FOLDER           leaves there for each network NAME.pth (weights, public naming) and NAME.npz:
                                        for each CASE its points, descriptors and image size, the states behind every
                                        layer, every layer's log-assignment, and matches, scores, layers and depths of a
                                        run with each of the SETTINGS
    torch_lightglue.py FOLDER training  leaves there start.pth, gradients.pth (the gradients of all parameters, under
                                        the parameters' names) and training.npz (inputs, loss and its parts)
"""
import collections
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)

Network = collections.namedtuple('Network', 'layers heads width descriptor current')
NETWORKS = {
    'small': Network(4, 2, 32, 32, False),
    'projected': Network(3, 4, 48, 20, True),
    'published': Network(9, 4, 256, 256, False),
}
CASES = {'small': [(1, 1), (7, 1), (1, 250), (7, 5), (250, 113), (64, 65)], 'projected': [(33, 70), (129, 20)],
         'published': [(37, 50)]}
# filter, depth confidence, width confidence; below 0: off
SETTINGS = {'complete': (0.1, -1, -1), 'adaptive': (0.1, 0.95, 0.99), 'early': (0.05, 0.55, -1),
            'narrow': (0.1, -1, 0.9), 'both': (0.0, 0.75, 0.95)}


# ---- the network ----

def names(net, layer, kind):
    if kind in ('self_attn', 'cross_attn'):
        return f'transformers.{layer}.{kind}' if net.current else f'{kind}.{layer}'
    return f'{kind}.{layer}'


def linear(w, name, x):
    return F.linear(x, w[name + '.weight'], w[name + '.bias'])


def ffn(w, name, x, message):
    y = linear(w, name + '.0', torch.cat([x, message], -1))
    y = F.layer_norm(y, (y.shape[-1],), w[name + '.1.weight'], w[name + '.1.bias'], 1e-5)
    return x + linear(w, name + '.3', F.gelu(y))


def half(t):
    pairs = t.unflatten(-1, (-1, 2))
    return torch.stack([-pairs[..., 1], pairs[..., 0]], -1).flatten(-2)


def self_block(w, net, layer, x, k):
    name, d = names(net, layer, 'self_attn'), net.width // net.heads
    phi = (k @ w['posenc.Wr.weight'].T).repeat_interleave(2, -1)
    qkv = linear(w, name + '.Wqkv', x).unflatten(-1, (net.heads, d, 3))  # head-major, then dimension, then q, k, v
    q, key, v = (qkv[..., i].transpose(-3, -2) for i in range(3))
    q, key = (t * phi.cos().unsqueeze(-3) + half(t) * phi.sin().unsqueeze(-3) for t in (q, key))
    a = torch.softmax(q @ key.transpose(-1, -2) / math.sqrt(d), -1)
    context = (a @ v).transpose(-3, -2).flatten(-2)
    return ffn(w, name + '.ffn', x, linear(w, name + '.out_proj', context))


def cross_block(w, net, layer, x0, x1):
    name, d = names(net, layer, 'cross_attn'), net.width // net.heads
    split = lambda t: t.unflatten(-1, (net.heads, d)).transpose(-3, -2)
    join = lambda t: linear(w, name + '.to_out', t.transpose(-3, -2).flatten(-2))
    qk0, qk1 = (split(linear(w, name + '.to_qk', x)) * d ** -0.25 for x in (x0, x1))
    v0, v1 = (split(linear(w, name + '.to_v', x)) for x in (x0, x1))
    s = qk0 @ qk1.transpose(-1, -2)
    m0, m1 = join(torch.softmax(s, -1) @ v1), join(torch.softmax(s.transpose(-1, -2), -1) @ v0)
    return ffn(w, name + '.ffn', x0, m0), ffn(w, name + '.ffn', x1, m1)


def matchability(w, net, layer, x):
    return linear(w, f'log_assignment.{layer}.matchability', x)


def confidence(w, net, layer, x):
    return linear(w, f'token_confidence.{layer}.token.0', x)


def assignment(w, net, layer, x0, x1):
    m0, m1 = (linear(w, f'log_assignment.{layer}.final_proj', x) / net.width ** 0.25 for x in (x0, x1))
    z0, z1 = matchability(w, net, layer, x0), matchability(w, net, layer, x1)
    s = m0 @ m1.transpose(-1, -2)
    n, m = s.shape[-2:]
    p = s.new_zeros(*s.shape[:-2], n + 1, m + 1)
    p[..., :n, :m] = (torch.log_softmax(s, -1) + torch.log_softmax(s, -2) + F.logsigmoid(z0)
                      + F.logsigmoid(z1).transpose(-1, -2))
    p[..., :n, m] = F.logsigmoid(-z0).squeeze(-1)
    p[..., n, :m] = F.logsigmoid(-z1).squeeze(-1)
    return p


def begin(w, net, d):
    return linear(w, 'input_proj', d) if net.descriptor != net.width else d


def normalise(k, size):
    if size is None:
        size = 1 + k.max(-2).values - k.min(-2).values
    return (k - size / 2) / (size.max() / 2)


def forward(w, net, k0, k1, d0, d1):
    """States behind each layer, for normalised positions."""
    x0, x1, states = begin(w, net, d0), begin(w, net, d1), []
    for layer in range(net.layers):
        x0, x1 = self_block(w, net, layer, x0, k0), self_block(w, net, layer, x1, k1)
        x0, x1 = cross_block(w, net, layer, x0, x1)
        states.append((x0, x1))
    return states


def match(w, net, k, d, settings):
    """matches [(a, b)], scores, layers that ran, layers of each point."""
    least, depth_confidence, width_confidence = settings
    count = [len(t) for t in d]
    x, k = [begin(w, net, t) for t in d], list(k)
    index, depth = [torch.arange(n) for n in count], [torch.zeros(n) for n in count]
    for layer in range(net.layers):
        x = [self_block(w, net, layer, t, p) for t, p in zip(x, k)]
        x = cross_block(w, net, layer, *x)
        for i in range(2):
            depth[i][index[i]] = layer + 1
        if layer == net.layers - 1:
            break
        tau = min(max(0.8 + 0.1 * math.exp(-4 * layer / net.layers), 0), 1)
        sure = [torch.sigmoid(confidence(w, net, layer, t))[:, 0] for t in x]
        unsure = sum((c < tau).sum().item() for c in sure)
        if depth_confidence >= 0 and 1 - unsure / sum(count) > depth_confidence:
            break
        if width_confidence >= 0:
            keep = [(torch.sigmoid(matchability(w, net, layer, t))[:, 0] > 1 - width_confidence) | (c <= tau)
                    for t, c in zip(x, sure)]
            x, k, index = ([t[m] for t, m in zip(ts, keep)] for ts in (x, k, index))
        if not len(x[0]) or not len(x[1]):
            return np.zeros((0, 2)), np.zeros(0), layer + 1, depth
    p = assignment(w, net, layer, *x)[:-1, :-1]
    best0, best1 = p.argmax(1), p.argmax(0)
    rows = torch.arange(len(best0))
    scores = p[rows, best0].exp()
    good = (best1[best0] == rows) & (scores > least)
    pairs = torch.stack([index[0][rows[good]], index[1][best0[good]]], 1)
    return pairs.numpy(), scores[good].numpy(), layer + 1, depth


# ---- weights and points ----

def random_weights(net, seed, keen=True):
    """keen: weights that find matches between noisy copies, and heads that now and then are sure."""
    g = torch.Generator().manual_seed(seed)
    w = collections.OrderedDict()

    def add(name, out, into, gain=1.0, bias=0.1):
        w[name + '.weight'] = torch.randn(out, into, generator=g) * gain / math.sqrt(into)
        w[name + '.bias'] = torch.randn(out, generator=g) * bias

    def add_ffn(name):
        add(name + '.0', 2 * c, 2 * c)
        w[name + '.1.weight'] = torch.rand(2 * c, generator=g) + 0.5
        w[name + '.1.bias'] = torch.randn(2 * c, generator=g) * 0.1
        add(name + '.3', c, 2 * c, 0.03 if keen else 1, 0.01)

    c = net.width
    w['posenc.Wr.weight'] = torch.randn(c // net.heads // 2, 2, generator=g)
    if net.descriptor != c:
        add('input_proj', c, net.descriptor, math.sqrt(net.descriptor / c), 0.01)
    for i in range(net.layers):
        name = names(net, i, 'self_attn')
        add(name + '.Wqkv', 3 * c, c, 3)
        add(name + '.out_proj', c, c)
        add_ffn(name + '.ffn')
        name = names(net, i, 'cross_attn')
        for part in ('to_qk', 'to_v', 'to_out'):
            add(f'{name}.{part}', c, c, 3 if part == 'to_qk' else 1)
        add_ffn(name + '.ffn')
    for i in range(net.layers):
        add(f'log_assignment.{i}.matchability', 1, c, 3 * math.sqrt(c))
        w[f'log_assignment.{i}.matchability.bias'] += 0.5
        add(f'log_assignment.{i}.final_proj', c, c, math.sqrt(14 * math.sqrt(c)) if keen else 2)
    for i in range(net.layers - 1):
        add(f'token_confidence.{i}.token.0', 1, c, math.sqrt(c))
        w[f'token_confidence.{i}.token.0.bias'] += 0.8 + 3.0 * i / net.layers
    return w


def points(net, n, m, seed):
    """Points of two images; the first min(n, m) of them are noisy copies of each other, in another order."""
    g = torch.Generator().manual_seed(seed)
    size = torch.tensor([320.0, 240.0])
    k0, k1 = torch.rand(n, 2, generator=g) * size, torch.rand(m, 2, generator=g) * size
    d0, d1 = torch.randn(n, net.descriptor, generator=g), torch.randn(m, net.descriptor, generator=g)
    same = min(n, m) * 3 // 4 + 1 if min(n, m) > 1 else min(n, m)
    order0, order1 = torch.randperm(n, generator=g)[:same], torch.randperm(m, generator=g)[:same]
    d1[order1] = d0[order0] + 0.15 * torch.randn(same, net.descriptor, generator=g)
    k1[order1] = k0[order0] * 0.9 + 7
    to_float = lambda t: t.float().double()
    return [to_float(t) for t in (k0, k1, F.normalize(d0, dim=-1), F.normalize(d1, dim=-1))], size


def write_network(folder, name, net):
    w = collections.OrderedDict((k, v.float().double()) for k, v in random_weights(net, len(name)).items())
    saved = collections.OrderedDict((k, v.float()) for k, v in w.items())
    if net.current:
        saved['confidence_thresholds'] = torch.rand(net.layers).float()
    else:
        saved['log_assignment.0.r'] = torch.tensor([1.0]).float()  # a leftover, as third parties report of
    torch.save({'epoch': 3, 'model': saved} if name == 'projected' else saved, f'{folder}/{name}.pth')
    out = {}
    for n, m in CASES[name]:
        (k0, k1, d0, d1), size = points(net, n, m, 1000 * n + m)
        case = f'{n}x{m}'
        out.update({f'{case}|points0': k0, f'{case}|points1': k1})
        out.update({f'{case}|descriptors0': d0, f'{case}|descriptors1': d1})
        size = None if n == 7 else size  # once by the points' extent
        out[f'{case}|size'] = torch.zeros(2) if size is None else size
        k = [normalise(k0, size), normalise(k1, size)]
        states = forward(w, net, *k, d0, d1)
        out[f'{case}|states0'], out[f'{case}|states1'] = (torch.stack([s[i] for s in states]) for i in range(2))
        out[f'{case}|assignment'] = torch.stack([assignment(w, net, i, *s) for i, s in enumerate(states)])
        out[f'{case}|confidence0'] = torch.stack(
            [confidence(w, net, i, s[0])[:, 0] for i, s in enumerate(states[:-1])])
        report = []
        for setting, values in SETTINGS.items():
            pairs, scores, layers, depth = match(w, net, k, (d0, d1), values)
            key = f'{case}|{setting}'
            out.update({f'{key}|settings': torch.tensor(values), f'{key}|pairs': np.asarray(pairs),
                        f'{key}|layers': np.array([layers]), f'{key}|scores': scores})
            out.update({f'{key}|depth0': depth[0], f'{key}|depth1': depth[1]})
            pruned = sum((t < layers).sum().item() for t in depth)
            report.append(f'{setting} {len(pairs)} matches {layers} layers {pruned} pruned')
        print(f'{name} {case}: ' + ', '.join(report))
    np.savez(f'{folder}/{name}.npz', **{k: np.asarray(v, dtype=np.float32) for k, v in out.items()})


# ---- training ----

def project(h, k):
    p = torch.cat([k, torch.ones(len(k), 1)], 1) @ h.T
    return p[:, :2] / p[:, 2:]


def truth(k0, k1, h, near, far):
    """For each point of either image: its match, -1 for none, -2 for ignored."""
    d0 = torch.cdist(project(h, k0), k1)
    d1 = torch.cdist(k0, project(torch.linalg.inv(h), k1))
    d = torch.maximum(d0, d1)
    j, i = d.argmin(1), d.argmin(0)
    good0 = (i[j] == torch.arange(len(k0))) & (d.min(1).values < near)
    good1 = (j[i] == torch.arange(len(k1))) & (d.min(0).values < near)
    m0 = torch.where(good0, j, torch.tensor(-2))
    m1 = torch.where(good1, i, torch.tensor(-2))
    m0[d0.min(1).values > far], m1[d1.min(0).values > far] = -1, -1
    return m0, m1


def nll(p, m0, m1):
    n, m = p.shape[0] - 1, p.shape[1] - 1
    rows = torch.arange(n)[m0 >= 0]
    positive = p[rows, m0[m0 >= 0]].sum() / max(1, len(rows))
    none0, none1 = p[:n, m][m0 == -1], p[n, :m][m1 == -1]
    negative = (none0.sum() + none1.sum()) / max(1, len(none0) + len(none1))
    return -0.5 * positive - 0.5 * negative


def losses(w, net, k, d, m0, m1):
    states = forward(w, net, *k, *d)
    ps = [assignment(w, net, i, *x) for i, x in enumerate(states)]
    each = torch.stack([nll(p, m0, m1) for p in ps])
    sure = []
    for i, x in enumerate(states[:-1]):
        same0 = (ps[i][:-1].argmax(1) == ps[-1][:-1].argmax(1)).double()
        same1 = (ps[i][:, :-1].argmax(0) == ps[-1][:, :-1].argmax(0)).double()
        sure.append(sum(F.binary_cross_entropy_with_logits(confidence(w, net, i, t.detach())[:, 0], same)
                        for t, same in zip(x, (same0, same1))) / 2)
    return each.mean(), each[-1], torch.stack(sure).mean()


def write_training(folder):
    net, size, near, far = Network(3, 2, 32, 20, False), torch.tensor([320.0, 240.0]), 3.0, 5.0
    w = collections.OrderedDict((k, v.float().double().requires_grad_()) for k, v in random_weights(net, 9).items())
    torch.save({k: v.detach().float() for k, v in w.items()}, f'{folder}/start.pth')
    out, parts = {}, []
    for pair, (n, m) in enumerate([(12, 12), (9, 12)]):
        g = torch.Generator().manual_seed(pair)
        h = torch.tensor([[0.9, 0.1, 5], [-0.08, 1.1, -4], [2e-4, -1e-4, 1]])
        k1 = torch.rand(m, 2, generator=g) * size
        k0 = project(torch.linalg.inv(h), k1)[torch.randperm(m, generator=g)[:n]]
        k0 = k0 + torch.randn(n, 2, generator=g) * torch.tensor([0.5, 3.0, 3.0]).repeat(n)[:n, None]
        k0[-1] = torch.tensor([5.0, 5.0])
        d = [F.normalize(torch.randn(c, net.descriptor, generator=g), dim=-1) for c in (n, m)]
        k0, k1, d[0], d[1] = (t.float().double() for t in (k0, k1, *d))
        m0, m1 = truth(k0, k1, h, near, far)
        print(f'pair {pair}: {(m0 >= 0).sum()} matches, {(m0 == -1).sum()} and {(m1 == -1).sum()} without, '
              f'{(m0 == -2).sum()} and {(m1 == -2).sum()} ignored')
        parts.append(losses(w, net, [normalise(k0, size), normalise(k1, size)], d, m0, m1))
        out.update({f'{pair}|points0': k0, f'{pair}|points1': k1, f'{pair}|descriptors0': d[0], f'{pair}|homography': h,
                    f'{pair}|descriptors1': d[1], f'{pair}|matches0': m0, f'{pair}|matches1': m1})
    match_loss, last, sure = (torch.stack(v).mean() for v in zip(*parts))
    (match_loss + sure).backward()
    out.update(losses=torch.stack([match_loss + sure, match_loss, last, sure]).detach(), size=size,
               far=torch.tensor([near, far]))
    torch.save({k: v.grad.float() for k, v in w.items()}, f'{folder}/gradients.pth')
    np.savez(f'{folder}/training.npz', **{k: np.asarray(v.detach(), dtype=np.float32) for k, v in out.items()})


if __name__ == '__main__' and len(sys.argv) > 2:
    write_training(sys.argv[1])
elif __name__ == '__main__':
    with torch.no_grad():
        for name, net in NETWORKS.items():
            write_network(sys.argv[1], name, net)
