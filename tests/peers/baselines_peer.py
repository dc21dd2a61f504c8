"""Checks corner scores against OpenCV. arguments: kind (harris, shi-tomasi or fast), file with int32 h, w, count; float32
pixels [h,w]; float32 points [count,3]. Prints the largest relative difference of the scores."""
import sys

try:
    import cv2
    import numpy as np
except ImportError:
    sys.exit(77)

data = open(sys.argv[2], "rb").read()
h, w, count = (int(v) for v in np.frombuffer(data, np.int32, 3))
image = np.frombuffer(data, np.float32, h * w, 12).reshape(h, w)
points = np.frombuffer(data, np.float32, 3 * count, 12 + 4 * h * w).reshape(count, 3)
at = points[:, 1].astype(int), points[:, 0].astype(int)
if sys.argv[1] == "fast":  # found with every threshold below the score, lost at the score
    levels = np.rint(points[:, 2] * 255).astype(int)
    got = points[:, 2] * 255
    wanted = np.full(count, np.nan)
    byte_image = (image * 255).round().astype(np.uint8)
    for level in np.unique(levels):
        def corners(threshold):
            return {p.pt for p in cv2.FastFeatureDetector_create(int(threshold), False).detect(byte_image)}
        below, above = corners(level - 1), corners(level)
        for i in np.flatnonzero(levels == level):
            place = (float(points[i, 0]), float(points[i, 1]))
            wanted[i] = level if place in below and place not in above else 1e9
else:
    call = cv2.cornerHarris if sys.argv[1] == "harris" else cv2.cornerMinEigenVal
    response = call(image.copy(), 4, ksize=3, **({"k": 0.04} if sys.argv[1] == "harris" else {}))
    wanted, got = response[at], points[:, 2]
print(float(np.abs(wanted - got).max() / np.abs(wanted).max()))
