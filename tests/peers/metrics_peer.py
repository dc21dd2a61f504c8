"""The metrics once more, written from the protocol's text with NumPy. Reads one case, prints one JSON object.

file: int32 na, nb, dim, ha, wa, hb, wb, top_k; float64 eps, H[9]; float32 points a [na,3], desc a [na,dim], then b.
"""
import json
import sys

try:
    import numpy as np
except ImportError:
    sys.exit(77)


def read(path):
    data = open(path, "rb").read()
    head = np.frombuffer(data, np.int32, 8)
    na, nb, dim = (int(v) for v in head[:3])
    reals = np.frombuffer(data, np.float64, 10, 32)
    rest = np.frombuffer(data, np.float32, -1, 112).astype(np.float64)
    sizes = np.cumsum([0, 3 * na, dim * na, 3 * nb, dim * nb])
    pa, da, pb, db = (rest[sizes[i]:sizes[i + 1]] for i in range(4))
    return (pa.reshape(na, 3), da.reshape(na, dim), pb.reshape(nb, 3), db.reshape(nb, dim),
            [int(v) for v in head[3:]], reals[0], reals[1:].reshape(3, 3))


def project(h, xy):
    p = np.c_[xy, np.ones(len(xy))] @ h.T
    return p[:, :2] / p[:, 2:]


def inside(xy, height, width):
    return (xy[:, 0] >= 0) & (xy[:, 0] < width) & (xy[:, 1] >= 0) & (xy[:, 1] < height)


def distances(p, q):
    return np.sqrt(((p[:, None, :] - q[None, :, :]) ** 2).sum(-1))


def repeatability(pa, pb, sizes, eps, h):
    ha, wa, hb, wb, k = sizes
    there = project(h, pa[:, :2])
    ok = inside(there, hb, wb)
    there, score_a = there[ok], pa[ok, 2]
    ok = inside(project(np.linalg.inv(h), pb[:, :2]), ha, wa)
    here, score_b = pb[ok, :2], pb[ok, 2]
    there = there[np.argsort(-score_a, kind="stable")[:k]]
    here = here[np.argsort(-score_b, kind="stable")[:k]]
    d = distances(there, here)
    rows, columns = d.min(1), d.min(0)
    good = np.concatenate([rows[rows <= eps], columns[columns <= eps]])
    return len(good) / (len(there) + len(here)), good.mean()


def step_precision(score, correct, positives):
    order = np.argsort(-score, kind="stable")
    score, correct = score[order], correct[order]
    last = np.r_[score[1:] != score[:-1], True]
    hits = np.cumsum(correct)[last]
    precision = hits / (np.flatnonzero(last) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((envelope * np.diff(np.r_[0, hits])).sum() / positives)


def one_direction(pa, da, pb, db, h, height, width, eps):
    there = project(h, pa[:, :2])
    ok = inside(there, height, width)
    descriptor = distances(da[ok], db)
    place = distances(there[ok], pb[:, :2])
    nearest = descriptor.argmin(1)
    rows = np.arange(len(nearest))
    correct = place[rows, nearest] < eps
    positives = int((place.min(1) < eps).sum())
    return correct.mean(), step_precision(-descriptor[rows, nearest], correct, positives)


def main():
    pa, da, pb, db, sizes, eps, h = read(sys.argv[1])
    ha, wa, hb, wb, _ = sizes
    rep, error = repeatability(pa, pb, sizes, eps, h)
    there = one_direction(pa, da, pb, db, h, hb, wb, eps)
    back = one_direction(pb, db, pa, da, np.linalg.inv(h), ha, wa, eps)
    corners = np.array([[0, 0], [wa - 1, 0], [0, ha - 1], [wa - 1, ha - 1]], float)
    shifted = h + np.array([[0, 0, 1.5], [0, 0, -2], [0, 0, 0]])
    corner = np.linalg.norm(project(h, corners) - project(shifted, corners), axis=1).mean()
    rng = np.random.default_rng(0)
    means = [rng.choice(pa[:, 2], len(pa)).mean() for _ in range(4000)]
    print(json.dumps({"repeatability": rep, "error": error, "score": (there[0] + back[0]) / 2,
                      "precision": (there[1] + back[1]) / 2, "corner": corner,
                      "low": np.percentile(means, 2.5), "high": np.percentile(means, 97.5)}))


main()
