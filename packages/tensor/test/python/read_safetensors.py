"""Reads the file argv[1] with the safetensors package and prints what it holds as JSON."""

import array
import json
import struct
import sys

from safetensors import deserialize

CODES = {"F32": "f", "I32": "i", "BOOL": "B"}

with open(sys.argv[1], "rb") as file:
    content = file.read()
(header_bytes,) = struct.unpack("<Q", content[:8])
tensors = [
    {
        "name": name,
        "dtype": tensor["dtype"],
        "shape": tensor["shape"],
        "data": list(array.array(CODES[tensor["dtype"]], bytes(tensor["data"]))),
    }
    for name, tensor in deserialize(content)
]
metadata = json.loads(content[8 : 8 + header_bytes]).get("__metadata__", {})
print(json.dumps({"tensors": tensors, "metadata": metadata}))
