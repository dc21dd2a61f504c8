"""Every metric once more, written from the protocols' text with NumPy and OpenCV. Reads cases, prints a JSON list.

file: int32 na, nb, dim, ha, wa, hb, wb, top_k; float64 eps, H[9]; float32 points a [na,3], desc a [na,dim], then b.
"""
import json
import sys

try:
    import cv2
    import numpy as np
except ImportError:
    sys.exit(77)

CORNERS = 40  # the places of the first points of b are the corners that the points of a should detect


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
    return np.stack([np.sqrt(((row - q) ** 2).sum(-1)) for row in p]) if len(p) else np.zeros((0, len(q)))


def best(score, k):
    return np.argsort(-score, kind="stable")[:k]


def repeatability(pa, pb, sizes, eps, h):
    ha, wa, hb, wb, k = sizes
    there = project(h, pa[:, :2])
    ok = inside(there, hb, wb)
    there, score_a = there[ok], pa[ok, 2]
    ok = inside(project(np.linalg.inv(h), pb[:, :2]), ha, wa)
    here, score_b = pb[ok, :2], pb[ok, 2]
    there, here = there[best(score_a, k)], here[best(score_b, k)]
    d = distances(there, here)
    rows, columns = d.min(1), d.min(0)
    good = np.concatenate([rows[rows <= eps], columns[columns <= eps]])
    return len(good) / (len(there) + len(here)), good.mean() if len(good) else None


def mutual_repeatability(pa, pb, sizes, eps, h):
    """HF-Net's: top-k first; nearest within eps and mutual; over the visible points; both directions."""
    ha, wa, hb, wb, k = sizes
    pa, pb = pa[best(pa[:, 2], k), :2], pb[best(pb[:, 2], k), :2]

    def direction(p, q, g, height, width):
        moved = project(g, p)
        d = distances(moved, q)
        index, back = d.argmin(1), d.argmin(0)
        nearest = d.min(1)
        visible = inside(moved, height, width)
        correct = (nearest <= eps) & (back[index] == np.arange(len(p))) & visible
        return correct, visible, nearest

    one = direction(pa, pb, h, hb, wb)
    two = direction(pb, pa, np.linalg.inv(h), ha, wa)
    correct = one[0].sum() + two[0].sum()
    errors = np.r_[one[2][one[0]], two[2][two[0]]]
    return correct / (one[1].sum() + two[1].sum()), errors.mean() if correct else None


def step_precision(score, correct, positives, envelope=True):
    if positives < 1:
        return 0.0
    order = np.argsort(-score, kind="stable")
    score, correct = score[order], correct[order]
    last = np.r_[score[1:] != score[:-1], True]
    hits = np.cumsum(correct)[last]
    precision = hits / (np.flatnonzero(last) + 1)
    if envelope:
        precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((precision * np.diff(np.r_[0, hits])).sum() / positives)


def one_direction(pa, pb, descriptor, h, height, width, eps, ratio=False):
    there = project(h, pa[:, :2])
    ok = inside(there, height, width)
    descriptor = descriptor[ok]
    place = distances(there[ok], pb[:, :2])
    nearest = descriptor.argmin(1)
    rows = np.arange(len(nearest))
    correct = place[rows, nearest] < eps
    positives = int((place.min(1) < eps).sum())
    distance = descriptor[rows, nearest]
    if ratio:
        second = np.partition(descriptor, 1, axis=1)[:, 1]
        distance = np.where(second > 0, distance / np.where(second > 0, second, 1), 1)
    return correct.mean(), step_precision(-distance, correct, positives)


def labels(pa, pb, d, h, sizes, eps, ratio=False):
    ha, wa, hb, wb = sizes
    there = one_direction(pa, pb, d, h, hb, wb, eps, ratio)
    back = one_direction(pb, pa, d.T, np.linalg.inv(h), ha, wa, eps, ratio)
    return (there[0] + back[0]) / 2, (there[1] + back[1]) / 2


def mutual_pairs(d):
    """For each row its partner or -1."""
    partner = d.argmin(1)
    return np.where(d.argmin(0)[partner] == np.arange(len(d)), partner, -1)


def mma(error):
    return [float((error <= t).mean()) if len(error) else 0.0 for t in range(1, 11)]


def transfer(h, p, q):
    return np.linalg.norm(project(h, p) - q, axis=1)


def corner_error(estimate, h, height, width, whole):
    x, y = (width, height) if whole else (width - 1, height - 1)
    corners = np.array([[0, 0], [x, 0], [0, y], [x, y]], float)
    return float(np.linalg.norm(project(estimate, corners) - project(h, corners), axis=1).mean())


def least_squares(p, q, weights):
    """Weighted direct linear transform by a singular value decomposition of the whole system."""
    def normaliser(x):
        centre = (weights[:, None] * x).sum(0) / weights.sum()
        scale = np.sqrt(2) * weights.sum() / (weights * np.linalg.norm(x - centre, axis=1)).sum()
        return np.array([[scale, 0, -scale * centre[0]], [0, scale, -scale * centre[1]], [0, 0, 1]])
    f, g = normaliser(p), normaliser(q)
    (X, Y), (x, y) = project(f, p).T, project(g, q).T
    o, z = np.ones(len(p)), np.zeros(len(p))
    rows = np.r_[np.c_[X, Y, o, z, z, z, -x * X, -x * Y, -x], np.c_[z, z, z, X, Y, o, -y * X, -y * Y, -y]]
    system = np.r_[np.sqrt(weights), np.sqrt(weights)][:, None] * rows
    solution = np.linalg.svd(system)[2][-1].reshape(3, 3)
    solution = np.linalg.inv(g) @ solution @ f
    return solution / solution[2, 2]


def detections(points, corners, eps, rule):
    """Average precision and mean error of one image; rule: nearest, first, box."""
    order = np.argsort(-points[:, 2], kind="stable")
    taken = np.zeros(len(corners), bool)
    correct, errors = [], []
    for x, y, _ in points[order]:
        d = np.hypot(x - corners[:, 0], y - corners[:, 1])
        near = d <= eps
        if rule == "box":
            right = bool((np.abs(corners - [x, y]).max(1) <= eps).any())
            if right:
                errors.append(d.min())
        else:
            if near.any():
                errors.append(d.min())
            if rule == "first":
                right = bool(near.any()) and not taken[near.argmax()]
                if right:
                    taken[near.argmax()] = True
            else:
                free = np.where(near & ~taken, d, np.inf)
                right = bool(np.isfinite(free.min()))
                if right:
                    taken[free.argmin()] = True
        correct.append(right)
    correct = np.array(correct)
    positives = int(correct.sum()) if rule == "box" else len(corners)
    ap = step_precision(points[order, 2], correct, positives)
    return ap, float(np.mean(errors)) if errors else None


def estimates(out, p, q, distance, h, sizes, counts):
    """Homographies from the mutual matches."""
    ha, wa = sizes[:2]
    out["inliers"] = out["corner_cv"] = out["corner_dlt"] = out["corner_dlt_frame"] = out["corner_weighted"] = None
    out["ey_map"] = out["ey_score"] = out["ey_score_swapped"] = 0.0
    if len(p) < 4:
        return
    estimate, mask = cv2.findHomography(p, q, cv2.RANSAC, 3.0, maxIters=2000, confidence=0.995)
    if estimate is not None:
        mask = mask.ravel().astype(bool)
        out["inliers"] = [int(v) for v in mask]
        out["corner_cv"] = corner_error(estimate, h, ha, wa, False)
        out["ey_map"] = step_precision(distance.max() - distance, mask, int(mask.sum()), envelope=False)
        out["ey_score"] = 2 * float(mask.sum()) / (counts[0] + counts[1])
        out["ey_score_swapped"] = 2 * float(mask.sum()) / (counts[0] + counts[2])
    dlt = least_squares(p, q, np.ones(len(p)))
    out["corner_dlt"] = corner_error(dlt, h, ha, wa, False)
    out["corner_dlt_frame"] = corner_error(dlt, h, ha, wa, True)
    weighted = least_squares(p, q, np.exp(-3 * distance))
    out["corner_weighted"] = corner_error(weighted, h, ha, wa, False)


def measure(path):
    pa, da, pb, db, sizes, eps, h = read(path)
    ha, wa, hb, wb, k = sizes
    inverse = np.linalg.inv(h)
    out = {}
    out["repeatability"], out["error"] = repeatability(pa, pb, sizes, eps, h)
    out["mutual"], out["mutual_error"] = mutual_repeatability(pa, pb, sizes, eps, h)
    d = distances(da, db)
    out["score"], out["precision"] = labels(pa, pb, d, h, sizes[:4], eps)
    out["score"], out["ratio_precision"] = labels(pa, pb, d, h, sizes[:4], eps, ratio=True)
    ka, kb = best(pa[:, 2], k), best(pb[:, 2], k)
    out["top_score"], out["top_precision"] = labels(pa[ka], pb[kb], d[np.ix_(ka, kb)], h, sizes[:4], eps)
    partner = mutual_pairs(d)
    out["partner"] = partner.tolist()
    out["nearest"] = d.argmin(1).tolist()
    out["nearest_of_b"] = d.argmin(0).tolist()
    shared_a = np.flatnonzero(inside(project(h, pa[:, :2]), hb, wb))
    shared_b = np.flatnonzero(inside(project(inverse, pb[:, :2]), ha, wa))
    shared_a = shared_a[best(pa[shared_a, 2], k)]
    shared_b = shared_b[best(pb[shared_b, 2], k)]
    shared = np.full(len(pa), -1)
    local = mutual_pairs(d[np.ix_(shared_a, shared_b)])
    shared[shared_a[local >= 0]] = shared_b[local[local >= 0]]
    out["partner_shared"] = shared.tolist()
    rows = np.argsort(-pa[:, 2], kind="stable")  # matches come in the order of the scores of a
    rows = rows[partner[rows] >= 0]
    p, q, distance = pa[rows, :2], pb[partner[rows], :2], d[rows, partner[rows]]
    out["below"] = int((distance < 0.7).sum())
    second = np.partition(d[rows], 1, axis=1)[:, 1]
    out["ratio"] = int((distance < 0.8 * second).sum())
    forward = transfer(h, p, q)
    both = (forward + transfer(inverse, q, p)) / 2
    out["mma"] = mma(forward)
    out["precision_1"] = float((both < 1).mean()) if len(both) else 0.0
    out["precision_3"] = float((both < 3).mean()) if len(both) else 0.0
    visible = project(inverse, pb[:, :2])
    counts = (len(pa), int(inside(visible, ha, wa).sum()), int(inside(visible, wa, ha).sum()))
    estimates(out, p, q, distance, h, sizes, counts)
    corners = pb[:CORNERS, :2]
    for rule, reach in (("nearest", 4), ("first", 4), ("box", 8)):
        out["map_" + rule], out["found_" + rule] = detections(pa, corners, reach, rule)
    rng = np.random.default_rng(0)
    means = [rng.choice(pa[:, 2], len(pa)).mean() for _ in range(2000)]
    out["low"], out["high"] = np.percentile(means, 2.5), np.percentile(means, 97.5)
    return out


def area(errors, limit):
    """Area under recall(error): trapezoids from (0,0), cut at the limit."""
    errors = np.sort(errors)
    recall = np.r_[0, np.arange(1, len(errors) + 1) / len(errors)]
    errors = np.r_[0, errors]
    last = np.searchsorted(errors, limit)
    x, y = np.r_[errors[:last], limit], np.r_[recall[:last], recall[last - 1]]
    return float(np.trapz(y, x) / limit)


def main():
    cases = [measure(path) for path in sys.argv[1:]]
    errors = [c["corner_cv"] if c["corner_cv"] is not None else np.inf for c in cases]
    print(json.dumps({"cases": cases, "auc": [area(errors, limit) for limit in (1, 3, 5, 10)]}))


main()
