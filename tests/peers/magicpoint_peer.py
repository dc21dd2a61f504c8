"""Looks at the imported MagicPoint of 2018 without any of our code (experiments/results/magicpoint-2018.md).

usage: python3 magicpoint_peer.py WEIGHTS.npz SHAPES PHOTOS
  WEIGHTS.npz  layout magicpoint-tf (`cairn import --help`)
  SHAPES       a folder of `cairn synthesize --out SHAPES --images 12`
  PHOTOS       a folder of photographs (.jpg)
Prints average precision on the shapes, where in its cell of 8 rows a corner is found, and how far each layer's batch
statistics are from the stored ones. Run by hand; needs NumPy, OpenCV and PyTorch."""
import glob
import os
import sys

import cv2
import numpy as np
import torch

LAYERS = ["conv1a", "conv1b", "conv2a", "conv2b", "conv3a", "conv3b", "conv4a", "conv4b", "convPa", "convPb"]
NAMES = ["draw_lines", "draw_polygon", "draw_multiple_polygons", "draw_ellipses", "draw_star", "draw_checkerboard",
         "draw_stripes", "draw_cube", "gaussian_noise"]
weights = np.load(sys.argv[1])


def forward(images, look=None):
    """images [n,h,w] of 0..255 -> probabilities [n,h,w]; look(layer, what its normalisation sees)."""
    x = torch.tensor(np.asarray(images, np.float32))[:, None]
    with torch.no_grad():
        for name in LAYERS:
            w = torch.tensor(weights[name + ".weight"])
            x = torch.nn.functional.conv2d(x, w, torch.tensor(weights[name + ".bias"]), padding=w.shape[2] // 2)
            if name != "convPb":
                x = torch.relu(x)
            if look:
                look(name, x)
            gamma, beta, mean, var = (torch.tensor(weights[f"{name}.bn_{k}"]) for k in ("gamma", "beta", "mean", "var"))
            x = torch.nn.functional.batch_norm(x, mean, var, gamma, beta, False, 0, 1e-3)
            if name in ("conv1b", "conv2b", "conv3b"):
                x = torch.nn.functional.max_pool2d(x, 2)
        p = torch.softmax(x, 1)[:, :64]
    return torch.nn.functional.pixel_shuffle(p, 8)[:, 0].numpy()


def suppress(p, least, radius=4):
    ys, xs = np.where(p > least)
    order = np.argsort(-p[ys, xs], kind="stable")
    ys, xs, dead, kept = ys[order], xs[order], np.zeros(len(order), bool), []
    for i in range(len(ys)):
        if not dead[i]:
            kept.append(i)
            dead |= (abs(ys - ys[i]) <= radius) & (abs(xs - xs[i]) <= radius)
    return np.stack([ys[kept], xs[kept]], 1), p[ys[kept], xs[kept]]


def judge(points, corners, reach=4):
    right, taken = np.zeros(len(points), bool), np.zeros(len(corners), bool)
    for i, point in enumerate(points):
        distance = np.where(taken, np.inf, np.linalg.norm(point - corners, axis=1)) if len(corners) else np.array([9e9])
        if distance.min() <= reach:
            right[i] = taken[distance.argmin()] = True
    return right


def average_precision(right, score, positives):
    right = right[np.argsort(-score, kind="stable")]
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(envelope[right].sum() / positives) if positives else float("nan")


def shapes(folder):
    pool, images = [], []
    for name in NAMES:
        own = []
        for file in sorted(glob.glob(os.path.join(folder, name, "images", "training", "*.png"))):
            corners = np.load(file.replace("images", "points").replace(".png", ".npy"))
            images.append(cv2.imread(file, 0))
            points, score = suppress(forward(images[-1:])[0], 1e-4)
            own.append((judge(points, corners), score, len(corners)))
        pool += own
        right, score = (np.concatenate([o[k] for o in own]) for k in (0, 1))
        print(f"{name:24} {len(own):3} images, precision {average_precision(right, score, sum(o[2] for o in own)):.3f}")
    right, score = (np.concatenate([o[k] for o in pool]) for k in (0, 1))
    print(f"all: {average_precision(right, score, sum(o[2] for o in pool)):.3f}")
    return images


def rows(photos):
    found, columns = np.zeros(8, int), np.zeros(8, int)
    for image in photos:
        points, _ = suppress(forward([image])[0], 0.015)
        np.add.at(found, points[:, 0] % 8, 1)
        np.add.at(columns, points[:, 1] % 8, 1)
    print("photographs, points above 0.015: row in the cell", found, "column in the cell", columns)
    for top in (8, 40):
        offsets = []
        for y in range(top, top + 8):  # the upper left corner of a square that is 40 pixels wide
            image = np.full((120, 160), 100, np.float32)
            image[y:y + 40, 60:100] = 200
            near = forward([cv2.GaussianBlur(image, (0, 0), 0.6)])[0][y - 7:y + 8, 57:64]
            offsets.append(int(np.unravel_index(near.argmax(), near.shape)[0]) - 7)
        print(f"squares from row {top}: offsets of the peak's row", offsets)


def statistics(images, what):
    lines = []

    def look(name, x):
        mean, var = x.mean((0, 2, 3)).numpy(), x.var((0, 2, 3)).numpy()
        stored = weights[name + ".bn_var"] + 1e-3
        lines.append((name, np.median(abs(mean - weights[name + ".bn_mean"]) / np.sqrt(stored)),
                      np.median(np.sqrt((var + 1e-3) / stored))))

    forward(images, look)
    for name, shift, ratio in lines:
        print(f"{what:12} {name}: mean off by {shift:.3f} deviations, deviation {ratio:.2f} of the stored (medians)")


torch.set_num_threads(1)
drawn = shapes(sys.argv[2])
files = sorted(glob.glob(os.path.join(sys.argv[3], "**", "*.jpg"), recursive=True))[:10]
photos = [cv2.resize(cv2.imread(f, 0), (320, 240), interpolation=cv2.INTER_AREA) for f in files]
rows(photos)
statistics(drawn[::4][:32], "shapes")
statistics(photos, "photographs")
