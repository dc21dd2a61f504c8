#!/usr/bin/env python3
"""MobileNetV3 as the three public sources build it, in PyTorch; for test_torch_mobilenet.c.

    torch_mobilenet.py FOLDER                       leaves there for each case NAME.pth or NAME-weights.npz with random
                                                    weights, and NAME.npz: image [N,H,W,3] in 0..1, logits [N,classes]
    torch_mobilenet.py FOLDER WEIGHTS.npz IMAGES.npz  leaves there real.npz: logits of the real folded weights
"""
import collections
import sys

import numpy as np
import torch
import torch.nn.functional as F

# kernel, expansion, out, squeeze-and-excite, hard-swish, stride, ratio (as d-li14 writes it)
SMALL = [(3, 16, 16, 1, 0, 2, 1), (3, 72, 24, 0, 0, 2, 4.5), (3, 88, 24, 0, 0, 1, 3.67), (5, 96, 40, 1, 1, 2, 4),
         (5, 240, 40, 1, 1, 1, 6), (5, 240, 40, 1, 1, 1, 6), (5, 120, 48, 1, 1, 1, 3), (5, 144, 48, 1, 1, 1, 3),
         (5, 288, 96, 1, 1, 2, 6), (5, 576, 96, 1, 1, 1, 6), (5, 576, 96, 1, 1, 1, 6)]
LARGE = [(3, 16, 16, 0, 0, 1, 1), (3, 64, 24, 0, 0, 2, 4), (3, 72, 24, 0, 0, 1, 3), (5, 72, 40, 1, 0, 2, 3),
         (5, 120, 40, 1, 0, 1, 3), (5, 120, 40, 1, 0, 1, 3), (3, 240, 80, 0, 1, 2, 6), (3, 200, 80, 0, 1, 1, 2.5),
         (3, 184, 80, 0, 1, 1, 2.3), (3, 184, 80, 0, 1, 1, 2.3), (3, 480, 112, 1, 1, 1, 6), (3, 672, 112, 1, 1, 1, 6),
         (5, 672, 160, 1, 1, 2, 6), (5, 960, 160, 1, 1, 1, 6), (5, 960, 160, 1, 1, 1, 6)]


def divisible(v):
    n = max(8, int(v + 4) // 8 * 8)
    return n + 8 if n < 0.9 * v else n


class Net:
    """layout tv, dl or tf. With tensors given it uses them, else it draws and keeps what it needs."""

    def __init__(self, layout, large, width, hidden, classes, tensors=None):
        self.layout, self.rows, self.width = layout, LARGE if large else SMALL, width
        self.hidden, self.classes = hidden, classes
        self.large, self.draw = large, tensors is None
        self.t = tensors if tensors is not None else collections.OrderedDict()
        self.generator = torch.Generator().manual_seed(len(layout) + int(100 * width) + large)

    def get(self, name, *shape, low=None, high=None):
        if self.draw and name not in self.t:
            if low is None:
                fan = int(np.prod(shape[1:])) if len(shape) > 1 else 1
                scale = (2 / fan) ** 0.5 if len(shape) > 1 else 0.1
                self.t[name] = torch.randn(*shape, generator=self.generator) * scale
            else:
                self.t[name] = torch.rand(*shape, generator=self.generator) * (high - low) + low
        assert tuple(self.t[name].shape) == shape, (name, tuple(self.t[name].shape), shape)
        return self.t[name]

    def conv(self, x, conv, bn, out, k, stride=1, depthwise=False):
        c = x.shape[1]
        w = self.get(conv + '.weight', out, 1 if depthwise else c, k, k)
        bias = self.get(conv + '.bias', out) if self.layout == 'tf' else None
        groups = c if depthwise else 1
        if self.layout == 'tf':  # SAME: what is missing goes behind first
            pads = []
            for size in (x.shape[3], x.shape[2]):
                total = max(((size + stride - 1) // stride - 1) * stride + k - size, 0)
                pads += [total // 2, total - total // 2]
            return F.conv2d(F.pad(x, pads), w, bias, stride, 0, 1, groups)
        x = F.conv2d(x, w, None, stride, (k - 1) // 2, 1, groups)
        mean, variance = self.get(bn + '.running_mean', out), self.get(bn + '.running_var', out, low=0.5, high=1.5)
        gamma, beta = self.get(bn + '.weight', out, low=0.5, high=1.5), self.get(bn + '.bias', out)
        if self.draw:
            self.t[bn + '.num_batches_tracked'] = torch.tensor(3)
        return F.batch_norm(x, mean, variance, gamma, beta, False, 0, 1e-5 if self.layout in ('dl', 'timm') else 1e-3)

    def squeeze(self, x, names, dense):
        c, s = x.shape[1], divisible(x.shape[1] // 4)
        v = x.mean((2, 3))
        for name, a, b, act in ((names[0], s, c, F.relu), (names[1], c, s, F.hardsigmoid)):
            w = self.get(name + '.weight', a, b) if dense else self.get(name + '.weight', a, b, 1, 1)[:, :, 0, 0]
            v = act(F.linear(v, w, self.get(name + '.bias', a)))
        return x * v[:, :, None, None]

    def block(self, i, x, row):
        k, expand, out, se, hs, stride, ratio = row
        act, inp = F.hardswish if hs else F.relu, x.shape[1]
        out = divisible(out * self.width)
        expand = divisible(inp * ratio) if self.layout in ('dl', 'timm') else divisible(expand * self.width)
        expands, y = expand != inp, x
        if self.layout == 'tv':
            parts = [f'features.{i}.block.{j}' for j in range(4)]
            names = iter(parts)
            if expands:
                n = next(names)
                y = act(self.conv(y, n + '.0', n + '.1', expand, 1))
            n = next(names)
            y = act(self.conv(y, n + '.0', n + '.1', expand, k, stride, True))
            if se:
                n = next(names)
                y = self.squeeze(y, (n + '.fc1', n + '.fc2'), False)
            n = next(names)
            y = self.conv(y, n + '.0', n + '.1', out, 1)
        elif self.layout == 'dl':
            p = f'features.{i}.conv.'
            if expands:
                y = act(self.conv(y, p + '0', p + '1', expand, 1))
                y = self.conv(y, p + '3', p + '4', expand, k, stride, True)
                y = self.squeeze(y, (p + '5.fc.0', p + '5.fc.2'), True) if se else y
                y = self.conv(act(y), p + '7', p + '8', out, 1)
            else:
                y = act(self.conv(y, p + '0', p + '1', expand, k, stride, True))
                y = self.squeeze(y, (p + '3.fc.0', p + '3.fc.2'), True) if se else y
                y = self.conv(y, p + '4', p + '5', out, 1)
        elif self.layout == 'timm':
            p = self.timm_block(i)
            names = iter(('bn1', 'bn2', 'bn3'))
            if expands:
                y = act(self.conv(y, p + 'conv_pw', p + next(names), expand, 1))
            y = act(self.conv(y, p + 'conv_dw', p + next(names), expand, k, stride, True))
            y = self.squeeze(y, (p + 'se.conv_reduce', p + 'se.conv_expand'), False) if se else y
            y = self.conv(y, p + ('conv_pwl' if expands else 'conv_pw'), p + next(names), out, 1)
        else:
            p = f'block{i - 1}.'
            if expands:
                y = act(self.conv(y, p + 'expand', None, expand, 1))
            y = act(self.conv(y, p + 'dw', None, expand, k, stride, True))
            y = self.squeeze(y, (p + 'se_reduce', p + 'se_expand'), False) if se else y
            y = self.conv(y, p + 'project', None, out, 1)
        return x + y if stride == 1 and y.shape == x.shape else y

    def timm_block(self, i):
        stage, block = 0, i - 1
        for length in ((1, 2, 3, 4, 2, 3) if self.large else (1, 2, 3, 2, 3)):
            if block < length:
                break
            stage, block = stage + 1, block - length
        return f'blocks.{stage}.{block}.'

    def dense(self, x, name, units):
        if self.layout == 'tf' or name == 'conv_head':
            w = self.get(name + '.weight', units, x.shape[1], 1, 1)[:, :, 0, 0]
        else:
            w = self.get(name + '.weight', units, x.shape[1])
        return F.linear(x, w, self.get(name + '.bias', units))

    def __call__(self, rgb):
        if self.layout == 'tf':
            x = rgb * 255 / 127.5 - 1
            names = ('stem', None, 'head960' if self.large else 'head576', None,
                     'head1280' if self.large else 'head1024', 'logits')
        else:
            mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
            x = (rgb - mean[:, None, None]) / std[:, None, None]
            top = f'features.{len(self.rows) + 1}.' if self.layout == 'tv' else 'conv.'
            names = ('features.0.0', 'features.0.1', top + '0', top + '1', 'classifier.0', 'classifier.3')
            if self.layout == 'timm':
                top = self.timm_block(len(self.rows) + 1)
                names = ('conv_stem', 'bn1', top + 'conv', top + 'bn1', 'conv_head', 'classifier')
        x = F.hardswish(self.conv(x, names[0], names[1], divisible(16 * self.width), 3, 2))
        for i, row in enumerate(self.rows, 1):
            x = self.block(i, x, row)
        x = F.hardswish(self.conv(x, names[2], names[3], 6 * x.shape[1], 1)).mean((2, 3))
        return self.dense(F.hardswish(self.dense(x, names[4], self.hidden)), names[5], self.classes)


def save(folder, name, image, logits):
    np.savez(f'{folder}/{name}.npz', image=image.permute(0, 2, 3, 1).numpy(), logits=logits.numpy())


def write_cases(folder):
    for name, layout, large, width, hidden, classes, size in [
            ('tv-small', 'tv', False, 1.0, 1024, 1000, (2, 64, 96)),
            ('tv-large', 'tv', True, 0.35, 440, 21, (1, 64, 64)),
            ('dl-small', 'dl', False, 0.75, 1024, 30, (2, 50, 66)),
            ('dl-large', 'dl', True, 0.5, 1280, 30, (1, 64, 64)),
            ('timm-small', 'timm', False, 1.0, 1024, 50, (2, 64, 70)),
            ('timm-large', 'timm', True, 0.75, 1280, 30, (1, 64, 64)),
            ('tf-small', 'tf', False, 0.75, 1024, 40, (2, 70, 101))]:
        net = Net(layout, large, width, hidden, classes)
        generator = torch.Generator().manual_seed(1)
        image = torch.rand(size[0], 3, *size[1:], generator=generator)
        with torch.no_grad():
            logits = net(image)
        save(folder, name, image, logits)
        if layout == 'tf':
            np.savez(f'{folder}/{name}-weights.npz', **{k: v.numpy() for k, v in net.t.items()})
        elif layout == 'dl':
            state = collections.OrderedDict(('module.' + k, v) for k, v in net.t.items())
            torch.save({'epoch': 3, 'state_dict': state}, f'{folder}/{name}.pth',
                       _use_new_zipfile_serialization=large)
        else:
            torch.save(net.t, f'{folder}/{name}.pth')


def write_real(folder, weights, images):
    net = Net('tf', False, 1.0, 1024, 1000, {k: torch.tensor(v) for k, v in np.load(weights).items()})
    image = torch.tensor(np.load(images)['image']).permute(0, 3, 1, 2)
    with torch.no_grad():
        save(folder, 'real', image, net(image))


if __name__ == '__main__':
    torch.set_num_threads(1)
    if len(sys.argv) > 2:
        write_real(*sys.argv[1:])
    else:
        write_cases(sys.argv[1])
