"""Files of arrays, as NumPy writes and reads them; for test_formats_numpy.c.

    formats_peer.py read FOLDER    checks what our writers left there
    formats_peer.py write FOLDER   leaves there what our readers must take or refuse

Exit code 77: no NumPy here. safetensors files are put together by hand from the format's description.
"""
import json
import os
import struct
import sys

try:
    import numpy as np
except ImportError:
    sys.exit(77)


def arrays():
    """Element i of each array is a function of i that test_formats_numpy.c has too."""
    i = np.arange(24)
    return {
        "f32": (i * 0.37 - 3).astype(np.float32).reshape(2, 3, 4),
        "f64": (i[:5] * 1e100 / 7).reshape(5, 1),
        "i32": (i[:6] * -300000007).astype(np.int32),
        "i64": i[:4].astype(np.int64) * 4611686018427387 * 100,
        "u8": (i * 11 % 256).astype(np.uint8).reshape(4, 6),
        "scalar": np.array(2.5, np.float32),
        "empty": np.zeros((0, 3), np.float32),
    }


def same(name, got, expected):
    if got.dtype != expected.dtype or got.shape != expected.shape or got.tobytes() != expected.tobytes():
        sys.exit(f"{name}: {got.dtype}{got.shape}, expected {expected.dtype}{expected.shape}, or other numbers")


def read(folder):
    expected = arrays()
    for name in ("stored.npz", "deflated.npz"):
        with np.load(os.path.join(folder, name), allow_pickle=False) as archive:
            if archive.files != list(expected):
                sys.exit(f"{name} holds {archive.files}")
            for key, value in expected.items():
                same(f"{name}, {key}", archive[key], value)
    with open(os.path.join(folder, "ours.safetensors"), "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length].decode("utf-8"))
    if length % 8 or header.pop("__metadata__") != {"recipe": 'a: "b"\n\tc: \u00fc\\', "step": "12"}:
        sys.exit("ours.safetensors: its header is not padded or its metadata is wrong")
    for key in ("f32", "scalar", "empty"):
        entry = header.pop(key)
        begin, end = entry["data_offsets"]
        if entry["dtype"] != "F32":
            sys.exit(f"ours.safetensors: {key} is {entry['dtype']}")
        got = np.frombuffer(data[8 + length + begin : 8 + length + end], np.float32).reshape(entry["shape"])
        same(f"ours.safetensors, {key}", got, expected[key])
    if header:
        sys.exit(f"ours.safetensors: unexpected {list(header)}")


def write(folder):
    def path(name):
        return os.path.join(folder, name)

    values = arrays()
    np.savez(path("numpy.npz"), **values)
    np.savez_compressed(path("numpy-compressed.npz"), **values)
    np.savez(path("fortran.npz"), f32=np.asfortranarray(values["f32"]))
    np.savez(path("half.npz"), f32=values["f32"].astype(np.float16))
    np.savez(path("big-endian.npz"), f32=values["f32"].astype(">f4"))
    np.savez(path("pickled.npz"), f32=np.array([{}, []], dtype=object))
    keys, at, data = ("scalar", "f32", "empty"), 0, b""
    header = {"__metadata__": {"format": "pt"}}
    for key in keys:
        value = values[key].tobytes()
        header[key] = {"dtype": "F32", "shape": list(values[key].shape), "data_offsets": [at, at + len(value)]}
        data, at = data + value, at + len(value)
    text = json.dumps(header, indent=1).encode()
    for name, padding in (("padded.safetensors", -len(text) % 8), ("odd.safetensors", 3 - len(text) % 4)):
        with open(path(name), "wb") as file:
            file.write(struct.pack("<Q", len(text) + padding) + text + b" " * padding + data)


if __name__ == "__main__":
    {"read": read, "write": write}[sys.argv[1]](sys.argv[2])
