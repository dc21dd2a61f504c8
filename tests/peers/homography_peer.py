"""OpenCV's robust homographies, for `cairn benchmark homography --peer`.

Called with two files: an .npz with from and to [cases, pairs, 2] float64, and the .npz to write. Of each
method that holds NAME_h [cases, 9] float64 (zeros where none was found), NAME_inliers [cases, pairs] uint8 and
NAME_ms [cases] float64, milliseconds of processor time.
"""
import sys
import time

import cv2
import numpy as np

METHODS = {"ransac": cv2.RANSAC, "magsac": getattr(cv2, "USAC_MAGSAC", None), "lmeds": cv2.LMEDS}

cv2.setNumThreads(1)
cases = np.load(sys.argv[1])
answer = {}
for name, method in METHODS.items():
    if method is None:
        continue
    count, pairs = cases["from"].shape[:2]
    h = np.zeros((count, 9))
    inliers = np.zeros((count, pairs), np.uint8)
    ms = np.zeros(count)
    for i in range(count):
        start = time.process_time()
        found, mask = cv2.findHomography(cases["from"][i], cases["to"][i], method, 3.0, maxIters=2000, confidence=0.999)
        ms[i] = 1e3 * (time.process_time() - start)
        if found is not None:
            h[i] = found.ravel()
            inliers[i] = mask.ravel()
    answer[name + "_h"], answer[name + "_inliers"], answer[name + "_ms"] = h, inliers, ms
np.savez(sys.argv[2], **answer)
