#!/usr/bin/env python3
"""The teacher and the student in PyTorch, from a checkpoint of the project: outputs, gradients, ten Adam steps.

torch_networks.py MODEL CHECKPOINT INPUTS.npz OUT.npz LEAST
MODEL is the checkpoint's metadata "model", for example "superpoint width=0.25 descriptor=64 order=bn-relu".
INPUTS holds image [N,H,W,1] and, for the teacher, labels [N,Hc,Wc,1], match [N,1,M,M], valid [N,1,1,M]; for the student
target [N,H,W,1]. OUT gets logits, descriptor, loss [10], gradient/<name> of the first step, after/<name> of the last,
and margin, the least distance of an activation's input from a point where its derivative jumps, in the first step's
network, by the root mean square of that tensor; if it is below LEAST, OUT gets nothing else.
"""
import json
import re
import sys

import numpy as np
import torch
import torch.nn.functional as F


def read_safetensors(path):
    raw = open(path, 'rb').read()
    size = int.from_bytes(raw[:8], 'little')
    header = json.loads(raw[8:8 + size])
    tensors = {}
    for name, entry in header.items():
        if name == '__metadata__':
            continue
        begin, end = entry['data_offsets']
        tensors[name] = np.frombuffer(raw[8 + size + begin:8 + size + end], np.float32).reshape(entry['shape'])
    return tensors


class Margin:
    """Watches the activations: .least is the least distance of any input from a kink, by the tensor's size (rms)."""
    KINKS = {'relu': (0.0,), 'hardswish': (-3.0, 3.0), 'hardsigmoid': (-3.0, 3.0)}

    def __init__(self):
        self.least = float('inf')
        for name, kinks in self.KINKS.items():
            setattr(F, name, self.watched(getattr(F, name), kinks))

    def watched(self, function, kinks):
        def call(x):
            v = x.detach()
            scale = v.square().mean().sqrt()
            self.least = min([self.least] + [((v - k).abs().min() / scale).item() for k in kinks])
            return function(x)
        return call


class Parameters(dict):
    def batch_norm(self, name, x, eps, update):
        return F.batch_norm(x, self[name + '.running_mean'], self[name + '.running_var'], self[name + '.weight'],
                            self[name + '.bias'], True, update, eps)

    def conv(self, name, x, stride=1, groups=1):
        w = self[name + '.weight']
        return F.conv2d(x, w, self.get(name + '.bias'), stride, (w.shape[2] - 1) // 2, 1, groups)


def superpoint(p, x, order):
    def block(s, x, activate=True):
        x = p.conv('conv' + s, x)
        if activate and order != 'bn-relu':
            x = F.relu(x)
        if order != 'none':
            x = p.batch_norm('bn' + s, x, 1e-3, 0.01)
        return F.relu(x) if activate and order == 'bn-relu' else x

    for i, s in enumerate(['1a', '1b', '2a', '2b', '3a', '3b', '4a', '4b']):
        x = block(s, x)
        if i in (1, 3, 5):
            x = F.max_pool2d(x, 2)
    logits = block('Pb', block('Pa', x), False)
    return logits, F.normalize(block('Db', block('Da', x), False), dim=1)


def superpoint_loss(out, inputs):
    logits, desc = out
    labels = inputs['labels'][..., 0].long()
    loss = F.cross_entropy(logits, labels)
    d = desc.flatten(2)
    s = torch.einsum('bci,bcj->bij', d, d)
    match, valid = inputs['match'][:, 0], inputs['valid'][:, 0]
    positive, negative = match * valid, (1 - match) * valid
    l_pos = (positive * F.relu(1 - s)).sum((1, 2)) / positive.sum((1, 2)).clamp(min=1)
    excess = negative * F.relu(s - 0.2)
    l_neg = excess.sum((1, 2)) / (1 + (excess > 0).float().sum((1, 2)))
    return loss + (l_pos + l_neg).mean()


SMALL = [(3, 16, 16, 1, 'RE', 2), (3, 72, 24, 0, 'RE', 2), (3, 88, 24, 0, 'RE', 1), (5, 96, 40, 1, 'HS', 2),
         (5, 240, 40, 1, 'HS', 1), (5, 240, 40, 1, 'HS', 1), (5, 120, 48, 1, 'HS', 1), (5, 144, 48, 1, 'HS', 1),
         (5, 288, 96, 1, 'HS', 2), (5, 576, 96, 1, 'HS', 1), (5, 576, 96, 1, 'HS', 1)]


def sp_fpn(p, x, taps):
    act = {'RE': F.relu, 'HS': F.hardswish, '': lambda v: v}

    def conv_norm(stem, x, a, stride=1, groups=1):
        return act[a](p.batch_norm(stem + '.1', p.conv(stem + '.0', x, stride, groups), 1e-3, 0.01))

    features = {}
    x = features[0] = conv_norm('backbone.0', p.conv('rgb', x), 'HS', 2)
    for i, (k, _, _, se, a, stride) in enumerate(SMALL, 1):
        if i > max(taps):
            break
        y, j = x, 0
        stem = f'backbone.{i}.block.'
        expanded = p[stem + '0.0.weight'].shape[2] == 1
        if expanded:
            y, j = conv_norm(f'{stem}0', y, a), 1
        y = conv_norm(f'{stem}{j}', y, a, stride, y.shape[1])
        j += 1
        if se:
            s = F.relu(p.conv(f'{stem}{j}.fc1', y.mean((2, 3), keepdim=True)))
            y = y * F.hardsigmoid(p.conv(f'{stem}{j}.fc2', s))
            j += 1
        y = conv_norm(f'{stem}{j}', y, '')
        x = features[i] = x + y if stride == 1 and x.shape == y.shape else y
    if max(taps) >= 12:
        features[12] = conv_norm('backbone.12', x, 'HS')
    top, maps = None, []
    for level in reversed(range(4)):
        lateral = F.instance_norm(p.conv(f'fpn.inner_blocks.{level}.0', features[taps[level]]))
        top = lateral if top is None else lateral + F.interpolate(top, size=lateral.shape[2:], mode='nearest')
        maps.append(F.instance_norm(p.conv(f'fpn.layer_blocks.{level}.0', top)))
    total = maps[0]
    for m in maps[1:]:
        total = m + F.interpolate(total, size=m.shape[2:], mode='bilinear', align_corners=False)
    total = p.batch_norm('integrate.1', p.conv('integrate.0', total), 1e-5, 0.1)
    return total


def main():
    description, checkpoint, inputs_path, out_path, least = sys.argv[1:]
    watch = Margin()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    inputs = {k: torch.tensor(v, dtype=torch.float64) for k, v in np.load(inputs_path).items()}
    p = Parameters({k: torch.tensor(v, dtype=torch.float64) for k, v in read_safetensors(checkpoint).items()})
    trainable = {k: v for k, v in p.items() if 'running' not in k}
    for v in trainable.values():
        v.requires_grad_()
    image = inputs['image'].permute(0, 3, 1, 2)
    if description.startswith('superpoint'):
        forward = lambda: superpoint(p, image, re.search('order=([a-z-]+)', description).group(1))
        loss_of = lambda out: superpoint_loss(out, inputs)
    else:
        taps = [int(t) for t in re.search(r'taps=([\d,]+)', description).group(1).split(',')]
        target = inputs['target'].permute(0, 3, 1, 2)

        def forward():
            total = sp_fpn(p, image, taps)
            return (F.interpolate(total, size=image.shape[2:], mode='bicubic', align_corners=False),)

        loss_of = lambda out: F.huber_loss(torch.sigmoid(out[0]), target)
    optimiser = torch.optim.AdamW(trainable.values(), lr=1e-3, weight_decay=0)
    result, losses = {}, []
    for step in range(10):
        out = forward()
        if step == 0:
            result['margin'] = np.array([watch.least])
            if watch.least < float(least):
                break
        loss = loss_of(out)
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        if step == 0:
            result['logits'] = out[0].detach().permute(0, 2, 3, 1).numpy()
            if len(out) > 1:
                result['descriptor'] = out[1].detach().permute(0, 2, 3, 1).numpy()
            result.update({'gradient/' + k: v.grad.numpy().copy() for k, v in trainable.items()})
        optimiser.step()
    else:
        result['loss'] = np.array(losses)
        result.update({'after/' + k: v.detach().numpy() for k, v in p.items()})
    np.savez(out_path, **{k.replace('/', '|'): np.ascontiguousarray(v, np.float64) for k, v in result.items()})


if __name__ == '__main__':
    main()
