"""Another program's predictions: OpenCV's SIFT and corners on the images that `cairn evaluate images` wrote.

predictions_peer.py FOLDER sift|corners   fills in FOLDER/predictions.json and puts a .npz beside each image
"""
import json
import os
import sys

import cv2
import numpy

folder, method = sys.argv[1:]
path = os.path.join(folder, "predictions.json")
with open(path) as file:
    description = json.load(file)
description["method"] = "OpenCV " + method
description["dimension"] = 128 if method == "sift" else 0
for entry in description["images"]:
    name = "%s.%dx%d" % (entry["image"], entry["height"], entry["width"])
    image = cv2.imread(os.path.join(folder, name + ".png"), cv2.IMREAD_UNCHANGED)
    assert image.shape == (entry["height"], entry["width"]), name
    arrays = {}
    if method == "sift":
        points, descriptors = cv2.SIFT_create(nfeatures=800).detectAndCompute(image, None)
        rows = [(p.pt[0], p.pt[1], p.response) for p in points]
        arrays["descriptors"] = descriptors.astype(numpy.float32)  # of norm 512: scored as unit vectors
    else:
        found = cv2.goodFeaturesToTrack(image, 500, 1e-3, 5)
        rows = [(x, y, -i) for i, (x, y) in enumerate(found[:, 0])]
    arrays["keypoints"] = numpy.array(rows, numpy.float32).reshape(-1, 3)
    numpy.savez(os.path.join(folder, name + ".npz"), **arrays)
del description["parameters"]  # optional: this program does not repeat them
with open(path, "w") as file:
    json.dump(description, file)
