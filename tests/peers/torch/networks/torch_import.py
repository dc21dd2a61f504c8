#!/usr/bin/env python3
"""Checkpoints as PyTorch writes them, with what they hold; for test_torch_import.c.

    torch_import.py FOLDER              leaves there types.pth and types-legacy.pth with their values in types.npz, and for
                                        each layout of a public SuperPoint checkpoint LAYOUT.pth and LAYOUT.npz (image,
                                        heatmap and descriptors of a forward pass)
    torch_import.py FOLDER WEIGHTS.npz  leaves there magicpoint.npz: the forward pass of the real MagicPoint (0..255)
"""
import collections
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

LAYERS = ['1a', '1b', '2a', '2b', '3a', '3b', '4a', '4b', 'Pa', 'Pb', 'Da', 'Db']


def sizes(width, descriptor):
    c = [int(v * width) for v in (64, 64, 64, 64, 128, 128, 128, 128)]
    head = int(256 * width)
    shapes = [(b, a, 3) for a, b in zip([1] + c[:-1], c)]
    return shapes + [(head, c[-1], 3), (65, head, 1), (head, c[-1], 3), (descriptor, head, 1)]


def names(layout):
    """(convolution, normalisation) of each of LAYERS."""
    heads = [('detector', 'P'), ('descriptor', 'D')]
    if layout == 'superpoint':
        return [('conv' + s, None) for s in LAYERS]
    if layout == 'superpoint-tf':
        body = [f'backbone.{i}.{j}' for i in range(4) for j in range(2)]
        return [(p + '.conv', p + '.bn') for p in body + [f'{h}.{k}' for h, _ in heads for k in range(2)]]
    if layout == 'superpoint-bn':
        body = [f'backbone.block{i}_{j}' for i in range(1, 5) for j in range(1, 3)]
        return [(p + '.0', p + '.2') for p in body] + [
            (f'{h}_head.conv{c}{k}', f'{h}_head.bn{c}{k}') for h, c in heads for k in 'ab']
    body = [p + '.' for p in ('inc.conv.conv', 'down1.mpconv.1.conv', 'down2.mpconv.1.conv', 'down3.mpconv.1.conv')]
    return [(p + str(k), p + str(k + 1)) for p in body for k in (0, 3)] + [
        ('conv' + s, 'bn' + s) for s in LAYERS[8:]]


def forward(tensors, pairs, order, eps, image, batch=False):
    def block(i, x, activate=True):
        conv, bn = pairs[i]
        w = tensors[conv + '.weight']
        x = F.conv2d(x, w, tensors[conv + '.bias'], padding=w.shape[2] // 2)
        if activate and order != 'bn-relu':
            x = F.relu(x)
        if bn:
            mean, variance = tensors[bn + '.running_mean'].clone(), tensors[bn + '.running_var'].clone()
            x = F.batch_norm(x, mean, variance, tensors[bn + '.weight'], tensors[bn + '.bias'], batch, 0.0, eps)
        return F.relu(x) if activate and order == 'bn-relu' else x

    x = image
    for i in range(8):
        x = block(i, x)
        if i in (1, 3, 5):
            x = F.max_pool2d(x, 2)
    heat = F.pixel_shuffle(F.softmax(block(9, block(8, x), False), 1)[:, :64], 8)[0, 0]
    if len(pairs) < 12 or pairs[10][0] + '.weight' not in tensors:
        return heat, None
    return heat, F.normalize(block(11, block(10, x), False), dim=1)[0].permute(1, 2, 0)


def random_network(layout, width, descriptor):
    generator = torch.Generator().manual_seed(len(layout))
    tensors = collections.OrderedDict()
    for (conv, bn), (out, into, k) in zip(names(layout), sizes(width, descriptor)):
        tensors[conv + '.weight'] = torch.randn(out, into, k, k, generator=generator) * (2 / (into * k * k)) ** 0.5
        tensors[conv + '.bias'] = torch.randn(out, generator=generator) * 0.1
        if bn:
            tensors[bn + '.weight'] = torch.rand(out, generator=generator) + 0.5
            tensors[bn + '.bias'] = torch.randn(out, generator=generator) * 0.1
            tensors[bn + '.running_mean'] = torch.randn(out, generator=generator) * 0.1
            tensors[bn + '.running_var'] = torch.rand(out, generator=generator) + 0.5
            if conv == names(layout)[9][0]:  # moderate logits, so that the softmax is neither 0 nor 1
                tensors[bn + '.weight'] *= 0.2 / (tensors[bn + '.running_var'].mean() + 1)
            if layout != 'superpoint-tf':
                tensors[bn + '.num_batches_tracked'] = torch.tensor(7)
    return tensors


def test_image(h, w):
    y, x = np.mgrid[0:h, 0:w]
    return torch.tensor(((x // 9 + y // 7) % 2 * 0.6 + 0.2 * np.sin(x * 0.7) ** 2 + 0.1).astype(np.float32))[None, None]


def write_layouts(folder):
    image = test_image(48, 64)
    for layout, order, eps in [('superpoint', 'none', 0), ('superpoint-tf', 'relu-bn', 1e-3),
                               ('superpoint-bn', 'relu-bn', 1e-3), ('pytorch-superpoint', 'bn-relu', 1e-5)]:
        width, descriptor = (0.25, 32) if layout != 'superpoint-bn' else (1, 256)
        tensors = random_network(layout, width, descriptor)
        heat, desc = forward(tensors, names(layout), order, eps, image)
        saved = tensors
        if layout == 'pytorch-superpoint':
            saved = {'n_iter': 200000, 'loss': 0.5, 'optimizer_state_dict': {'state': {0: {'step': 3, 'exp_avg':
                     torch.zeros(3)}}, 'param_groups': [{'lr': 1e-4, 'betas': (0.9, 0.999)}]},
                     'model_state_dict': collections.OrderedDict(('module.' + k, v) for k, v in tensors.items())}
        torch.save(saved, f'{folder}/{layout}.pth', _use_new_zipfile_serialization=layout != 'superpoint')
        # With the image's own statistics our epsilon stands, whatever the checkpoint's was.
        own, _ = forward(tensors, names(layout), order, 1e-3, image, True)
        np.savez(f'{folder}/{layout}.npz', image=image[0, 0].numpy(), heatmap=heat.numpy(), descriptors=desc.numpy(),
                 heatmap_of_batch=own.numpy())


def write_types(folder):
    base = torch.arange(60, dtype=torch.float32).reshape(3, 4, 5) * 0.25 - 3
    tensors = {
        'f32': base, 'turned': base.permute(2, 0, 1), 'part': base[1:, ::2, 1:4], 'scalar': torch.tensor(2.5),
        'empty': torch.zeros(0, 3), 'f64': base.double() / 3, 'f16': base.half() / 3, 'bf16': base.bfloat16() / 3,
        'i64': torch.tensor([-5, 1 << 20]), 'i32': torch.tensor([-7, 9], dtype=torch.int32),
        'i16': torch.tensor([-300, 300], dtype=torch.int16), 'i8': torch.tensor([-128, 127], dtype=torch.int8),
        'u8': torch.tensor([0, 255], dtype=torch.uint8), 'bool': torch.tensor([True, False]),
        'parameter': torch.nn.Parameter(base[0].clone())}
    nested = {'none': None, 'text': 'a', 'numbers': [1, 2.5, (True, 1 << 70)], 'list': [tensors['i64'], {'x': base}],
              3: {'deep': collections.OrderedDict(a=base * 2)}}
    values = {k: v.detach().float().numpy() for k, v in tensors.items()}
    values.update({'nested.list.0': tensors['i64'].float().numpy(), 'nested.list.1.x': base.numpy(),
                   'nested.3.deep.a': (base * 2).numpy()})
    for name, zipped in (('types.pth', True), ('types-legacy.pth', False)):
        torch.save({**tensors, 'nested': nested}, f'{folder}/{name}', _use_new_zipfile_serialization=zipped)
    np.savez(f'{folder}/types.npz', **values)
    torch.save(torch.nn.Linear(2, 2), f'{folder}/object.pth')
    torch.save({'a': 1}, f'{folder}/none.pth')
    torch.save({'a': torch.zeros(2, dtype=torch.complex64)}, f'{folder}/complex.pth')
    # A pickle that would run a command where it is loaded by calling what it names.
    class Attack:
        def __reduce__(self):
            return os.system, (f'touch {folder}/attacked',)
    torch.save({'evil': Attack(), 'good': base}, f'{folder}/attack.pth')


def write_magicpoint(folder, path):
    data = np.load(path)
    field = {'weight': 'bn_gamma', 'bias': 'bn_beta', 'running_mean': 'bn_mean', 'running_var': 'bn_var'}
    tensors, pairs = {}, [('conv' + s, 'bn' + s) for s in LAYERS[:10]]
    for conv, bn in pairs:
        for k in ('weight', 'bias'):
            tensors[f'{conv}.{k}'] = torch.tensor(data[f'{conv}.{k}'])
        for k, theirs in field.items():
            tensors[f'{bn}.{k}'] = torch.tensor(data[f'{conv}.{theirs}'])
    image = test_image(120, 160)
    heat, _ = forward(tensors, pairs, 'relu-bn', 1e-3, image * 255)
    np.savez(f'{folder}/magicpoint.npz', image=image[0, 0].numpy(), heatmap=heat.numpy())


if __name__ == '__main__':
    torch.set_grad_enabled(False)
    if len(sys.argv) > 2:
        write_magicpoint(sys.argv[1], sys.argv[2])
    else:
        write_layouts(sys.argv[1])
        write_types(sys.argv[1])
