#!/usr/bin/env python3
"""Checkpoints in the layout of SP-FPN's source with random weights, and its forward pass; for test_torch_sp_fpn.c.

torch_sp_fpn.py FOLDER leaves there for each case NAME.pth, with an optimiser's state beside the weights, and NAME.npz:
image [H,W] in 0..1 and heatmap [H,W], the sigmoid of the network's output.
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F

from torch_mobilenet import Net, divisible


def forward(net, image, channels, taps, old, biases):
    """The network at test time; net.get draws what it needs. biases: of the pyramid's convolutions."""
    def conv(x, name, out, k, bias):
        w = net.get(name + '.weight', out, x.shape[1], k, k)
        return F.conv2d(x, w, net.get(name + '.bias', out) if bias else None, 1, k // 2)

    def level_conv(x, kind, level, k):
        name = f'fpn.{kind}.{level}' + ('' if old else '.0')
        return F.instance_norm(conv(x, name, channels, k, biases))

    x = conv(image, 'rgb', 3, 1, True)
    x = F.hardswish(net.conv(x, 'features.0.0', 'features.0.1', divisible(16 * net.width), 3, 2))
    features = {}
    for i, row in enumerate(net.rows, 1):
        if i <= max(taps):
            x = features[i] = net.block(i, x, row)
    last = len(net.rows) + 1
    if last in taps:
        top = f'features.{last}.'
        features[last] = F.hardswish(net.conv(x, top + '0', top + '1', 6 * x.shape[1], 1))
    inner, total = None, None
    for level in (3, 2, 1, 0):
        lateral = level_conv(features[taps[level]], 'inner_blocks', level, 1)
        size = lateral.shape[2:]
        inner = lateral if inner is None else lateral + F.interpolate(inner, size=size, mode='nearest')
        here = level_conv(inner, 'layer_blocks', level, 3)
        total = here if total is None else here + F.interpolate(total, size=size, mode='bilinear', align_corners=False)
    x = conv(total, 'integrate.0', 1, 1, True)
    n = 'integrate.1.'
    x = F.batch_norm(x, net.get(n + 'running_mean', 1), net.get(n + 'running_var', 1, low=0.5, high=1.5),
                     net.get(n + 'weight', 1, low=0.5, high=1.5), net.get(n + 'bias', 1), False, 0, 1e-5)
    return torch.sigmoid(F.interpolate(x, size=image.shape[2:], mode='bicubic', align_corners=False))


def main(folder):
    for name, large, width, channels, taps, old, biases, size in [
            ('seed', False, 1.0, 128, (1, 2, 4, 12), False, False, (64, 96)),
            ('old', False, 0.5, 16, (1, 2, 4, 12), True, True, (72, 104)),
            ('deep', False, 1.0, 24, (1, 3, 8, 11), False, True, (64, 64)),
            ('large', True, 0.35, 8, (3, 6, 12, 16), False, False, (64, 72))]:
        net = Net('tv', large, width, 0, 0)
        image = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(2))
        with torch.no_grad():
            heatmap = forward(net, image, channels, taps, old, biases)
        np.savez(f'{folder}/{name}.npz', image=image[0, 0].numpy(), heatmap=heatmap[0, 0].numpy())
        state = {'module.' + k.replace('features.', 'backbone.', 1): v for k, v in net.t.items()}
        moments = {'state': {0: {'step': torch.tensor(3.0), 'exp_avg': torch.zeros(3, 1, 1, 1)}}}
        torch.save({'model_state_dict': state, 'optimizer_state_dict': moments}, f'{folder}/{name}.pth')


if __name__ == '__main__':
    torch.set_num_threads(1)
    main(sys.argv[1])
