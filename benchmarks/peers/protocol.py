"""What every contestant speaks: it does its work once and prints a line of JSON; then, for each line
`run N LIMIT` on stdin, does it N times, or until LIMIT ms have passed, and prints how long each time
took; `end` ends it."""

import json
import math
import resource
import sys
import time

import numpy as np

DTYPES = {"F32": np.float32, "I32": np.int32}


def read_data(path):
    """The arrays and the settings of a safetensors file."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        content = file.read()
    settings = header.pop("__metadata__", {})
    arrays = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(content[begin:end], DTYPES[entry["dtype"]])
        arrays[name] = values.reshape(entry["shape"]).copy()
    return arrays, settings


def norm(arrays):
    return math.sqrt(sum(float(np.square(a, dtype=np.float64).sum()) for a in arrays))


def answer(value):
    print(json.dumps(value), flush=True)


def serve(parameters, step, checks):
    """`step()` does the work once and gives the loss; `checks(loss)` what to compare with others."""

    def timed():
        began = time.perf_counter()
        loss = step()
        return loss, 1000 * (time.perf_counter() - began)

    loss, first = timed()
    answer({"parameters": parameters, "checks": checks(loss), "firstMs": first})
    for line in sys.stdin:
        verb, *numbers = line.split()
        if verb != "run":
            break
        steps, limit = map(int, numbers)
        ms = []
        while not ms or (len(ms) < steps and sum(ms) < limit):
            ms.append(timed()[1])
        answer({"ms": ms})
    answer({"peakMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024})
