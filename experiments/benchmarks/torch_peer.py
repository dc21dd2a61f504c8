#!/usr/bin/env python3
"""PyTorch on the networks of `cairn benchmark model`: the other side of `cairn benchmark compare`.

    cairn benchmark compare --cases cost --peer experiments/benchmarks/torch_peer.py
    torch_peer.py --model drop-in --mode infer --height 480 --width 640
    torch_peer.py --count --height 480 --width 640     parameters and GMAC of every network; nothing is timed

Prints one JSON line.  Networks are written as their sources define them, weights and images are random; a training
step is forward, backward and Adam.  Needs PyTorch 1.13 (Debian's python3-torch) or newer; the build and the program
need none of it.
"""
import argparse
import json
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


class SuperPoint(nn.Module):
    """VGG encoder of widths 64, 64, 128, 128; 65 classes of a cell, and 256 descriptor channels where wanted."""

    def __init__(self, descriptors):
        super().__init__()

        def block(cin, cout, pool=False):
            parts = [nn.Conv2d(cin, cout, 3, padding=1), nn.BatchNorm2d(cout), nn.ReLU(inplace=True)]
            return parts + [nn.MaxPool2d(2)] * pool

        def head(channels):
            return nn.Sequential(*block(128, 256), nn.Conv2d(256, channels, 1), nn.BatchNorm2d(channels))

        c = [1, 64, 64, 64, 64, 128, 128, 128, 128]
        self.encoder = nn.Sequential(*[part for i in range(8) for part in block(c[i], c[i + 1], i in (1, 3, 5))])
        self.detector = head(65)
        self.descriptor = head(256) if descriptors else None

    def forward(self, x):
        x = self.encoder(x)
        return (self.detector(x), F.normalize(self.descriptor(x), dim=1)) if self.descriptor else (self.detector(x),)


# kernel, expansion, out, squeeze-and-excite, activation, stride: tables 1 and 2 of Howard et al., ICCV 2019
SMALL = [(3, 16, 16, 1, 'RE', 2), (3, 72, 24, 0, 'RE', 2), (3, 88, 24, 0, 'RE', 1), (5, 96, 40, 1, 'HS', 2),
         (5, 240, 40, 1, 'HS', 1), (5, 240, 40, 1, 'HS', 1), (5, 120, 48, 1, 'HS', 1), (5, 144, 48, 1, 'HS', 1),
         (5, 288, 96, 1, 'HS', 2), (5, 576, 96, 1, 'HS', 1), (5, 576, 96, 1, 'HS', 1)]
LARGE = [(3, 16, 16, 0, 'RE', 1), (3, 64, 24, 0, 'RE', 2), (3, 72, 24, 0, 'RE', 1), (5, 72, 40, 1, 'RE', 2),
         (5, 120, 40, 1, 'RE', 1), (5, 120, 40, 1, 'RE', 1), (3, 240, 80, 0, 'HS', 2), (3, 200, 80, 0, 'HS', 1),
         (3, 184, 80, 0, 'HS', 1), (3, 184, 80, 0, 'HS', 1), (3, 480, 112, 1, 'HS', 1), (3, 672, 112, 1, 'HS', 1),
         (5, 672, 160, 1, 'HS', 2), (5, 960, 160, 1, 'HS', 1), (5, 960, 160, 1, 'HS', 1)]


def conv_norm(cin, cout, k, stride=1, groups=1, act='', eps=1e-3, momentum=0.01):
    parts = [nn.Conv2d(cin, cout, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(cout, eps, momentum)]
    return parts + {'': [], 'RE': [nn.ReLU(inplace=True)], 'HS': [nn.Hardswish(inplace=True)]}[act]


class SqueezeExcite(nn.Module):
    def __init__(self, c):
        super().__init__()
        squeezed = max(8, int(c / 4 + 4) // 8 * 8)
        squeezed += 8 * (squeezed < 0.9 * c / 4)
        self.fc1, self.fc2 = nn.Conv2d(c, squeezed, 1), nn.Conv2d(squeezed, c, 1)

    def forward(self, x):
        return x * F.hardsigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class Block(nn.Module):
    def __init__(self, cin, k, expand, cout, squeeze, act, stride):
        super().__init__()
        parts = conv_norm(cin, expand, 1, act=act) if expand != cin else []
        parts += conv_norm(expand, expand, k, stride, expand, act)
        parts += [SqueezeExcite(expand)] * squeeze + conv_norm(expand, cout, 1)
        self.parts, self.adds = nn.Sequential(*parts), stride == 1 and cin == cout

    def forward(self, x):
        return x + self.parts(x) if self.adds else self.parts(x)


class Backbone(nn.Module):
    """MobileNetV3 up to the last tap, on gray images; gives the maps at the taps (torchvision's numbers)."""

    def __init__(self, rows, taps):
        super().__init__()
        self.rgb, self.taps = nn.Conv2d(1, 3, 1), taps
        layers, widths = [nn.Sequential(*conv_norm(3, 16, 3, 2, act='HS'))], [16]
        for k, expand, cout, squeeze, act, stride in rows:
            layers.append(Block(widths[-1], k, expand, cout, squeeze, act, stride))
            widths.append(cout)
        layers.append(nn.Sequential(*conv_norm(widths[-1], 6 * widths[-1], 1, act='HS')))
        widths.append(6 * widths[-1])
        self.layers, self.widths = nn.ModuleList(layers[:taps[-1] + 1]), [widths[t] for t in taps]

    def forward(self, x):
        x, maps = self.rgb(x), []
        for i, layer in enumerate(self.layers):
            x = layer(x)
            maps += [x] if i in self.taps else []
        return maps


def pyramid(maps, lateral, smooth):
    """Sums of the smoothed levels and everything coarser, finest first."""
    inner, sums = None, []
    for level in reversed(range(len(maps))):
        here = lateral[level](maps[level])
        inner = here if inner is None else here + F.interpolate(inner, size=here.shape[2:], mode='nearest')
        total = smooth[level](inner)
        if sums:
            total = total + F.interpolate(sums[0], size=total.shape[2:], mode='bilinear', align_corners=False)
        sums.insert(0, total)
    return sums


class SpFpn(nn.Module):
    """The source's student: pyramid of 128 channels with instance norms, one map, bicubic to the image's size."""

    def __init__(self, width=128):
        super().__init__()
        self.backbone = Backbone(SMALL, (1, 2, 4, 12))
        norm = lambda c, k: nn.Sequential(nn.Conv2d(c, width, k, padding=k // 2, bias=False), nn.InstanceNorm2d(width))
        self.lateral = nn.ModuleList(norm(c, 1) for c in self.backbone.widths)
        self.smooth = nn.ModuleList(norm(width, 3) for _ in range(4))
        self.integrate = nn.Sequential(nn.Conv2d(width, 1, 1), nn.BatchNorm2d(1))

    def forward(self, x):
        finest = pyramid(self.backbone(x), self.lateral, self.smooth)[0]
        return (F.interpolate(self.integrate(finest), size=x.shape[2:], mode='bicubic', align_corners=False),)


class DropIn(nn.Module):
    """The student with SuperPoint's two outputs; the detector reads the stride-4 sum by blocks of 2x2 pixels."""

    def __init__(self, rows=SMALL, taps=(1, 3, 8, 11), width=64, separable=True):
        super().__init__()

        def window(cin, cout, act):
            plain = dict(eps=1e-5, momentum=0.1)
            if not separable:
                return conv_norm(cin, cout, 3, act=act, **plain)
            return conv_norm(cin, cin, 3, groups=cin, **plain) + conv_norm(cin, cout, 1, act=act, **plain)

        head = lambda cin, cout: nn.Sequential(*window(cin, 128, 'RE'), nn.Conv2d(128, cout, 1))
        self.backbone = Backbone(rows, taps)
        self.lateral = nn.ModuleList(nn.Sequential(*conv_norm(c, width, 1, eps=1e-5, momentum=0.1))
                                     for c in self.backbone.widths)
        self.smooth = nn.ModuleList(nn.Sequential(*window(width, width, '')) for _ in range(4))
        self.detector, self.descriptor = head(4 * width, 65), head(width, 256)

    def forward(self, x):
        sums = pyramid(self.backbone(x), self.lateral, self.smooth)
        return self.detector(F.pixel_unshuffle(sums[0], 2)), F.normalize(self.descriptor(sums[1]), dim=1)


MODELS = {
    'superpoint': lambda: SuperPoint(True),
    'magicpoint': lambda: SuperPoint(False),
    'sp-fpn': SpFpn,
    'drop-in': DropIn,
    'drop-in-b': lambda: DropIn(separable=False),
    'drop-in-c': lambda: DropIn(width=128),
    'drop-in-d': lambda: DropIn(LARGE, (3, 6, 12, 15)),
}


def cost(model, x):
    """Parameters, and multiply-accumulates of every convolution in a forward pass."""
    macs = [0]

    def count(layer, _, out):
        macs[0] += out.numel() * layer.weight[0].numel()

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, nn.Conv2d)]
    was = model.training
    model.eval()
    with torch.no_grad():
        model(x)
    model.train(was)
    for hook in hooks:
        hook.remove()
    return sum(p.numel() for p in model.parameters()), macs[0] / 1e9


def make_loss(name, batch, height, width, device):
    """Cairn's own losses for the same network, on random targets."""
    if name == 'sp-fpn':
        target = torch.rand(batch, 1, height, width, device=device)
        return lambda out: F.huber_loss(torch.sigmoid(out[0]), target)
    h, w = height // 8, width // 8
    labels = torch.randint(0, 65, (batch, h, w), device=device)
    if name == 'magicpoint':
        return lambda out: F.cross_entropy(out[0], labels)
    match = torch.randint(0, 2, (batch, h * w, h * w), device=device).float()

    def loss(out):
        d = out[1].flatten(2)
        s = torch.einsum('bci,bcj->bij', d, d)
        excess = (1 - match) * F.relu(s - 0.2)
        positive = (match * F.relu(1 - s)).sum((1, 2)) / match.sum((1, 2)).clamp(min=1)
        negative = excess.sum((1, 2)) / (1 + (excess > 0).float().sum((1, 2)))
        return F.cross_entropy(out[0], labels) + (positive + negative).mean()

    return loss


def measure(a):
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = a.amp != 'off'
    model, x = MODELS[a.model]().to(a.device), torch.rand(a.batch, 1, a.height, a.width, device=a.device)
    parameters, gmac = cost(model, x)
    if a.channels_last:
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    model.train(a.mode == 'train')
    run = torch.compile(model) if a.compile else model
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    half = {'bf16': torch.bfloat16, 'fp16': torch.float16}.get(a.amp)
    scaler = torch.cuda.amp.GradScaler(enabled=a.amp == 'fp16' and a.mode == 'train')
    loss_of = make_loss(a.model, a.batch, a.height, a.width, a.device) if a.mode == 'train' else None

    def step():
        with torch.autocast(torch.device(a.device).type, dtype=half or torch.bfloat16, enabled=half is not None):
            if a.mode == 'infer':
                with torch.no_grad():
                    return run(x)
            loss = loss_of(run(x))
        optimiser.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.step(optimiser)
        return scaler.update()

    times, cuda = [], a.device.startswith('cuda')
    for i in range(a.warmup + a.runs):
        if cuda:
            torch.cuda.synchronize()
        start = time.perf_counter()
        step()
        if cuda:
            torch.cuda.synchronize()
        if i >= a.warmup:
            times.append((time.perf_counter() - start) * 1e3)
    times.sort()
    median = times[len(times) // 2]
    return dict(engine='pytorch ' + torch.__version__, model=a.model, mode=a.mode, height=a.height, width=a.width,
                batch=a.batch, device=torch.cuda.get_device_name() if cuda else 'cpu', threads=torch.get_num_threads(),
                amp=a.amp, channels_last=a.channels_last, compile=a.compile, parameters=parameters, gmac=round(gmac, 6),
                runs=a.runs, ms_median=round(median, 3), ms_min=round(times[0], 3), ms_max=round(times[-1], 3),
                images_per_s=round(a.batch / median * 1e3, 3),
                peak_memory_mb=round(torch.cuda.max_memory_allocated() / 1e6) if cuda else None)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--model', choices=list(MODELS), default='superpoint')
    p.add_argument('--mode', choices=['train', 'infer'], default='train')
    p.add_argument('--height', type=int, default=120)
    p.add_argument('--width', type=int, default=160)
    p.add_argument('--batch', type=int, default=1)
    p.add_argument('--device', default='cpu')
    p.add_argument('--threads', type=int, default=0, help='CPU threads (0: all)')
    p.add_argument('--amp', choices=['off', 'tf32', 'bf16', 'fp16'], default='off')
    p.add_argument('--channels-last', action='store_true')
    p.add_argument('--compile', action='store_true', help='torch.compile, PyTorch 2 and newer')
    p.add_argument('--runs', type=int, default=5)
    p.add_argument('--warmup', type=int, default=2)
    p.add_argument('--count', action='store_true', help='sizes of every network instead of times')
    a = p.parse_args()
    torch.manual_seed(0)
    if a.threads:
        torch.set_num_threads(a.threads)
    if not a.count:
        print(json.dumps(measure(a)))
        return
    for name, make in MODELS.items():
        parameters, gmac = cost(make(), torch.rand(a.batch, 1, a.height, a.width))
        print(json.dumps(dict(model=name, parameters=parameters, gmac=round(gmac, 6))))


if __name__ == '__main__':
    main()
