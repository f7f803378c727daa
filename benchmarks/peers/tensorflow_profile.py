"""Where a compiled step spends its time: `tensorflow_profile.py SAVED_MODEL STEPS`.

Runs the graph that a compiled step is with TensorFlow's own tracing, in the same version of
TensorFlow, on made-up numbers, and prints one line of JSON."""

import collections
import ctypes
import json
import os
import re
import sys
import time

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

path, steps = sys.argv[1], int(sys.argv[2])
threads = int(os.environ["TF_NUM_INTRAOP_THREADS"])
tf.compat.v1.disable_eager_execution()
if "CHAINRULE_OPERATIONS" in os.environ:
    ctypes.CDLL(os.environ["CHAINRULE_OPERATIONS"]).chainrule_register_operations()
model = saved_model_pb2.SavedModel()
with open(path, "rb") as file:
    model.ParseFromString(file.read())
graph = tf.Graph()
with graph.as_default():
    tf.import_graph_def(model.meta_graphs[0].graph_def, name="")

random = np.random.default_rng(0)


def program(prefix):
    """What to feed and to fetch of the part of the graph below a prefix."""
    operations = [op for op in graph.get_operations() if op.name.startswith(f"{prefix}/")]
    feeds = {}
    for op in operations:
        if op.type == "Placeholder":
            shape, dtype = op.outputs[0].shape.as_list(), op.outputs[0].dtype
            values = random.uniform(0, 0.02, shape) if dtype == tf.float32 else np.ones(shape)
            feeds[op.outputs[0]] = values.astype(dtype.as_numpy_dtype)
    fetches = [op.outputs[0] for op in operations if re.search(r"/(fetch_\d+|done)$", op.name)]
    return fetches, feeds


prefixes = {op.name.split("/")[0] for op in graph.get_operations()}
config = tf.compat.v1.ConfigProto(
    intra_op_parallelism_threads=threads, inter_op_parallelism_threads=-1
)
with tf.compat.v1.Session(graph=graph, config=config) as session:
    for prefix in sorted(prefixes):
        if prefix.startswith("write_"):
            session.run(*program(prefix))
    fetches, feeds = program(max(p for p in prefixes if p.startswith("step_")))
    run = session.make_callable(fetches, list(feeds))
    walls = []
    for _ in range(3 + steps):
        began = time.perf_counter()
        run(*feeds.values())
        walls.append(1000 * (time.perf_counter() - began))
    options = tf.compat.v1.RunOptions(trace_level=tf.compat.v1.RunOptions.FULL_TRACE)
    nodes = collections.defaultdict(list)
    for _ in range(steps):
        metadata = tf.compat.v1.RunMetadata()
        session.run(fetches, feeds, options=options, run_metadata=metadata)
        for device in metadata.step_stats.dev_stats:
            for node in device.node_stats:
                kind = re.search(r"= (\w+)\(", node.timeline_label)
                shapes = [
                    [d.size for d in o.tensor_description.shape.dim] for o in node.output[:1]
                ]
                key = (node.node_name, kind[1] if kind else "?", str(shapes[0] if shapes else ""))
                nodes[key].append((node.op_end_rel_micros - node.op_start_rel_micros) / 1000)

parts = [(op, f"{name} {shape}", float(np.median(ms))) for (name, op, shape), ms in nodes.items()]
by_op = collections.defaultdict(lambda: [0, 0.0])
for op, _, ms in parts:
    by_op[op][0] += 1
    by_op[op][1] += ms
ops = sorted(([op, n, ms] for op, (n, ms) in by_op.items()), key=lambda row: -row[2])
longest = sorted(([name, op, ms] for op, name, ms in parts), key=lambda row: -row[2])
print(json.dumps({"wallMs": float(np.median(walls[3:])), "ops": ops, "longest": longest[:15]}))
