import { useNative } from '@chainrule/backend-node/backend';
import { retrievalReport } from '@chainrule/retrieval';
import { disposeTree, key, normalArray, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { type Examples, fitHeads, projected } from '../../src/retrieval/heads.js';

beforeAll(() => useNative());

const CONCEPTS = 32;
const FEATURES = 48;
const map = normalArray(key(2), 8 * FEATURES);

/** Codes of length 1, one a concept. */
const codes = (seed: number) =>
  Array.from({ length: CONCEPTS }, (_, concept) => {
    const code = normalArray(split(key(seed), concept), 8);
    const length = Math.hypot(...code);
    return code.map((x) => x / length);
  });
const names = codes(1);

/** A picture is a linear map of its name's code, far from 0, and how the artist draws. */
function drawn(artist: number): Float32Array[] {
  return names.map((code, concept) => {
    const noise = normalArray(split(split(key(3), artist), concept), FEATURES);
    return noise.map((x, i) => 100 + 5 * code.reduce((s, c, j) => s + c * map[i * 8 + j]!, x / 5));
  });
}

const order = [...names.keys()];
const examples = (
  concepts: readonly number[],
  keywords: readonly Float32Array[] = names,
): Examples => ({
  images: [0, 1, 2].flatMap((artist) => concepts.map((concept) => drawn(artist)[concept]!)),
  concepts: [0, 1, 2].flatMap(() => concepts.map((_, place) => place)),
  names: concepts.map((concept) => names[concept]!),
  keywords: concepts.map((concept) => keywords[concept]!),
  layers: [16, FEATURES - 16],
});

interface Asked {
  readonly seen: readonly number[];
  readonly asked: readonly number[];
  readonly sharpness: number;
}

async function recall({ seen, asked, sharpness }: Asked) {
  const before = tf.memory().numTensors;
  const heads = await fitHeads(examples(seen), { ridge: 1e-2, sharpness });
  expect(heads.model.width).toBe(seen.length);
  const images = await projected(
    heads,
    'image',
    asked.map((concept) => drawn(7)[concept]!),
  );
  const texts = await projected(
    heads,
    'text',
    asked.map((concept) => names[concept]!),
  );
  expect(Math.hypot(...images[0]!)).toBeCloseTo(1, 5);
  disposeTree(heads.params as never);
  expect(tf.memory().numTensors).toBe(before);
  return (await retrievalReport(images, texts)).textToImage.recall[1]!;
}

it('finds what it has seen, drawn by another artist', async () => {
  expect(await recall({ seen: order, asked: order, sharpness: 40 })).toBeGreaterThan(0.9);
});

it('knows concepts by their keywords too', async () => {
  const queries = codes(4);
  /** How often the axis of its own concept is among the ten largest, of 32. */
  const share = async (keywords: readonly Float32Array[]) => {
    const heads = await fitHeads(examples(order, keywords), { ridge: 1e-2, sharpness: 10 });
    const texts = await projected(heads, 'text', queries);
    disposeTree(heads.params as never);
    const found = texts.filter((text, own) => text.filter((x) => x > text[own]!).length < 10);
    return found.length / CONCEPTS;
  };
  expect(await share(queries)).toBeGreaterThan(0.7);
  expect(await share(names)).toBeLessThan(0.5);
});

it('finds concepts that are new, by those they are like', async () => {
  const [seen, asked] = [order.slice(8), order.slice(0, 8)];
  // Chance is an eighth.
  expect(await recall({ seen, asked, sharpness: 5 })).toBeGreaterThan(0.6);
});
