import '@tensorflow/tfjs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectClose, expectNoLeaks, loadFixture, loadFixtureBytes } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ChainruleError,
  disposeTree,
  flatten,
  type RawTensor,
  readSafetensors,
  safetensorsToTree,
  treeToSafetensors,
  writeSafetensors,
} from '../src/index.js';
import { runPython } from './python/python.js';

/** A file from a header as text and some bytes of data. */
function file(header: string | Uint8Array, data: readonly number[] | Uint8Array = []): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

const entry = (dtype: string, shape: string, begin: number, end: number) =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;

describe('readSafetensors', () => {
  it('reads a file that Python wrote, every type of it', () => {
    const expected = loadFixture<
      { name: string; shape: number[]; data: (number | boolean | string)[] }[]
    >(import.meta.url, 'python-safetensors.json');
    const bytes = loadFixtureBytes(import.meta.url, 'python.safetensors');
    // At every alignment.
    for (const shift of [0, 1, 2, 4]) {
      const shifted = new Uint8Array(bytes.length + shift).subarray(shift);
      shifted.set(bytes);
      const { tensors, metadata } = readSafetensors(shifted);
      expect(metadata).toEqual({ format: 'pt', note: 'a "quoted" é' });
      expect([...tensors.keys()].sort()).toEqual(expected.map(({ name }) => name).sort());
      for (const { name, shape, data } of expected) {
        const tensor = tensors.get(name)!;
        expect(tensor.shape, name).toEqual(shape);
        const numbers = data.map((x) =>
          typeof x === 'string' ? Number(x.replace('inf', 'Infinity')) : Number(x),
        );
        expect(Array.from(tensor.data, Number), name).toEqual(numbers);
      }
    }
  });

  it('reads half-precision numbers bit by bit', () => {
    const bits = [
      0x0000, 0x8000, 0x0001, 0x03ff, 0x0400, 0x3c00, 0xc000, 0x7bff, 0x7c00, 0xfc00, 0x7e00,
    ];
    const data = new Uint8Array(Uint16Array.from(bits).buffer);
    const { tensors } = readSafetensors(file(`{"h":${entry('F16', '[11]', 0, 22)}}`, data));
    expect([...tensors.get('h')!.data]).toEqual([
      0,
      -0,
      2 ** -24,
      1023 * 2 ** -24,
      2 ** -14,
      1,
      -2,
      65504,
      Infinity,
      -Infinity,
      NaN,
    ]);
  });

  const f32 = (end: number, begin = 0) => entry('F32', `[${(end - begin) / 4}]`, begin, end);
  const refused: [what: string, bytes: Uint8Array, message: string | RegExp][] = [
    [
      'no bytes',
      new Uint8Array(0),
      'the file is cut off: 0 bytes, the length of the header takes 8',
    ],
    [
      'a header beyond the limit',
      Uint8Array.of(0, 225, 245, 6, 0, 0, 0, 0),
      'the header claims 116777216 bytes, the limit is 100000000',
    ],
    [
      'a length of 2^64 − 1',
      new Uint8Array(8).fill(255),
      'claims 18446744073709551615 bytes, the limit is 100000000',
    ],
    ['a header that is cut off', file('{}').subarray(0, 9), 'the header claims 2 bytes, 1 follow'],
    ['an empty header', file(''), 'the header must begin with "{"'],
    ['a space before the header', file(' {}'), 'the header must begin with "{"'],
    ['a list', file('[]'), 'the header must begin with "{"'],
    [
      'invalid UTF-8',
      file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)),
      'the header is not valid UTF-8',
    ],
    ['invalid JSON', file('{"a":}'), 'the header is not valid JSON'],
    ['something after the JSON', file('{} {}'), 'the header is not valid JSON'],
    ['a name twice', file(`{"a":${f32(4)},"a":${f32(4)}}`, [0, 0, 0, 0]), 'has the key "a" twice'],
    [
      'an escaped name twice',
      file(`{"a":${f32(4)},"\\u0061" :${f32(4)}}`, [0, 0, 0, 0]),
      'has the key "a" twice',
    ],
    [
      'a dtype twice',
      file('{"a":{"dtype":"F32","dtype":"I32","shape":[],"data_offsets":[0,4]}}', [0, 0, 0, 0]),
      'has the key "dtype" twice',
    ],
    [
      'metadata that is not an object',
      file('{"__metadata__":"x"}'),
      '__metadata__ must be an object of strings',
    ],
    [
      'metadata with a number',
      file('{"__metadata__":{"step":5}}'),
      '__metadata__ must be an object of strings, but "step" is not',
    ],
    [
      'a lone surrogate',
      file(`{"\\ud800":${f32(4)}}`, [0, 0, 0, 0]),
      'the name is not valid Unicode',
    ],
    [
      'an unknown type',
      file(`{"w":${entry('F8_E4M3', '[4]', 0, 4)}}`, [0, 0, 0, 0]),
      'tensor "w" has the type "F8_E4M3", which can not be read; convert it to one of F64, F32',
    ],
    [
      'an inherited type',
      file(`{"w":${entry('toString', '[4]', 0, 4)}}`, [0, 0, 0, 0]),
      'tensor "w" has the type "toString"',
    ],
    [
      'an unknown field',
      file('{"w":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":1}}', [0, 0, 0, 0]),
      'tensor "w" must have exactly dtype, shape and data_offsets',
    ],
    ['a tensor that is null', file('{"w":null}'), 'tensor "w" must have exactly'],
    ['a tensor that is a list', file('{"w":[]}'), 'tensor "w" must have exactly'],
    [
      'a negative dimension',
      file(`{"w":${entry('F32', '[-1]', 0, 4)}}`, [0, 0, 0, 0]),
      'tensor "w": shape must be a list of non-negative integers, got [-1]',
    ],
    [
      'a fraction as a dimension',
      file(`{"w":${entry('F32', '[1.5]', 0, 4)}}`),
      'shape must be a list of non-negative integers',
    ],
    [
      'a shape that overflows',
      file(`{"w":${entry('F32', '[4294967296,4294967296]', 0, 0)}}`),
      'tensor "w": shape [4294967296, 4294967296] is too large',
    ],
    [
      'a dimension that is no safe integer',
      file(`{"w":${entry('F32', '[9007199254740993]', 0, 0)}}`),
      'shape must be a list of non-negative integers',
    ],
    [
      'offsets in reverse',
      file(`{"w":${entry('F32', '[1]', 4, 0)}}`, [0, 0, 0, 0]),
      'tensor "w": data_offsets must be [begin, end]',
    ],
    [
      'three offsets',
      file('{"w":{"dtype":"F32","shape":[],"data_offsets":[0,4,8]}}', [0, 0, 0, 0]),
      'data_offsets must be [begin, end]',
    ],
    [
      'a shape that does not fit',
      file(`{"w":${entry('F32', '[2]', 0, 4)}}`, [0, 0, 0, 0]),
      'tensor "w": F32 [2] takes 8 bytes, but data_offsets span 4',
    ],
    [
      'an overlap',
      file(`{"a":${f32(8)},"b":${f32(12, 4)}}`, new Uint8Array(12)),
      'tensor "b" overlaps tensor "a"',
    ],
    [
      'the same bytes twice',
      file(`{"a":${f32(8)},"b":${f32(8)}}`, new Uint8Array(8)),
      'overlaps tensor',
    ],
    [
      'a gap',
      file(`{"a":${f32(4)},"b":${f32(12, 8)}}`, new Uint8Array(12)),
      '4 bytes before tensor "b" belong to no tensor',
    ],
    [
      'a gap at the start',
      file(`{"a":${f32(8, 4)}}`, new Uint8Array(8)),
      '4 bytes before tensor "a" belong to no tensor',
    ],
    [
      'data that are cut off',
      file(`{"a":${f32(8)}}`, new Uint8Array(5)),
      'cut off: tensor "a" ends 3 bytes after it',
    ],
    [
      'bytes at the end',
      file(`{"a":${f32(8)}}`, new Uint8Array(9)),
      '1 bytes after the last tensor belong to no tensor',
    ],
    [
      'an I64 beyond int32',
      file(`{"i":${entry('I64', '[1]', 0, 8)}}`, [0, 0, 0, 0, 1, 0, 0, 0]),
      'tensor "i": the I64 value 4294967296 does not fit in int32',
    ],
    [
      'a U32 beyond int32',
      file(`{"i":${entry('U32', '[1]', 0, 4)}}`, [255, 255, 255, 255]),
      'the U32 value 4294967295 does not fit in int32',
    ],
    [
      'an F64 beyond float32',
      file(`{"d":${entry('F64', '[1]', 0, 8)}}`, new Uint8Array(Float64Array.of(1e300).buffer)),
      'tensor "d": 1e+300 does not fit in float32',
    ],
    [
      'a BOOL of 2',
      file(`{"b":${entry('BOOL', '[1]', 0, 1)}}`, [2]),
      'tensor "b": a BOOL must be 0 or 1, got the byte 2',
    ],
  ];
  it.each(refused)('refuses %s', (_what, bytes, message) => {
    expect(() => readSafetensors(bytes)).toThrow(message);
    expect(() => readSafetensors(bytes)).toThrow(expect.objectContaining({ code: 'SAFETENSORS' }));
  });

  it('keeps the limits that it is given', () => {
    const bytes = writeSafetensors(
      new Map([
        ['a', tf.ones([2])],
        ['b', tf.ones([2])],
      ]),
    );
    expect(() => readSafetensors(bytes, { fileBytes: 100 })).toThrow('the limit is 100');
    expect(() => readSafetensors(bytes, { headerBytes: 10 })).toThrow('bytes, the limit is 10');
    expect(() => readSafetensors(bytes, { tensors: 1 })).toThrow('2 tensors, the limit is 1');
  });

  it('survives a header of a million brackets', () => {
    const deep = `{"a":${'['.repeat(1e6)}${']'.repeat(1e6)}}`;
    expect(() => readSafetensors(file(deep))).toThrow(ChainruleError);
  });
});

const anyTensor: fc.Arbitrary<RawTensor> = fc
  .tuple(fc.array(fc.nat(4), { maxLength: 4 }), fc.constantFrom('float32', 'int32', 'bool'))
  .chain(([shape, dtype]): fc.Arbitrary<RawTensor> => {
    const size = shape.reduce((a, b) => a * b, 1);
    const length = { minLength: size, maxLength: size };
    if (dtype === 'float32') return fc.float32Array(length).map((data) => ({ dtype, shape, data }));
    if (dtype === 'int32') return fc.int32Array(length).map((data) => ({ dtype, shape, data }));
    return fc.uint8Array({ ...length, max: 1 }).map((data) => ({ dtype: 'bool', shape, data }));
  });
const anyText = fc.string({ unit: 'binary' });
const anyName = fc
  .oneof(anyText, fc.constant('__proto__'))
  .filter((name) => name !== '__metadata__');
const anyFile = fc.tuple(
  fc.uniqueArray(fc.tuple(anyName, anyTensor), { selector: ([name]) => name, maxLength: 6 }),
  fc.dictionary(anyText, anyText, { noNullPrototype: true }),
);

describe('writeSafetensors', () => {
  it('is read back as it was', () => {
    fc.assert(
      fc.property(anyFile, ([tensors, metadata]) => {
        const bytes = writeSafetensors(new Map(tensors), metadata);
        const back = readSafetensors(bytes);
        expect(back.metadata).toEqual(metadata);
        expect(back.tensors.size).toBe(tensors.length);
        for (const [name, tensor] of tensors) expect(back.tensors.get(name)).toEqual(tensor);
        expect(writeSafetensors(new Map([...tensors].reverse()), metadata)).toEqual(bytes);
        const headerBytes = Number(new DataView(bytes.buffer).getBigUint64(0, true));
        expect(headerBytes % 8).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('a damaged file is read or refused with a ChainruleError', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        anyFile,
        damage,
        fc.nat(),
        fc.boolean(),
        ([tensors, metadata], bytes, cut, cuts) => {
          const whole = writeSafetensors(new Map(tensors), metadata);
          for (const [place, byte] of bytes) whole[place % whole.length] = byte;
          try {
            readSafetensors(cuts ? whole.subarray(0, cut % whole.length) : whole);
          } catch (error) {
            if (!(error instanceof ChainruleError)) throw error;
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('refuses what it can not write', () => {
    const write = (name: string, tensor: tf.Tensor | RawTensor, metadata = {}) =>
      writeSafetensors(new Map([[name, tensor]]), metadata);
    expect(() => write('__metadata__', tf.scalar(1))).toThrow('can not be the name of a tensor');
    expect(() => write('\ud800', tf.scalar(1))).toThrow('the name is not valid Unicode');
    expect(() => write('s', tf.tensor(['a']))).toThrow(
      'tensor "s" is string; only float32, int32 and bool',
    );
    expect(() => write('a', { dtype: 'float32', shape: [3], data: new Float32Array(2) })).toThrow(
      'tensor "a": shape [3] does not fit 2 values',
    );
    expect(() => write('a', tf.scalar(1), { step: 5 })).toThrow('metadata "step" must be a string');
  });

  it('is read by the safetensors package of Python', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'chainrule-safetensors-'));
    try {
      const path = join(folder, 'ours.safetensors');
      const params = {
        encoder: [
          {
            kernel: tf.tensor2d([
              [1.5, -2.25],
              [3e-30, 4e30],
            ]),
            bias: tf.zeros([3]),
          },
        ],
        mask: tf.tensor1d([true, false, true], 'bool'),
        ids: tf.tensor2d([[1, -2, 3]], [1, 3], 'int32'),
        'naïve 名': tf.scalar(7),
        none: tf.zeros([0, 2]),
      };
      await writeFile(path, treeToSafetensors(params, { note: 'é "quoted"' }));
      const read = JSON.parse(await runPython('read_safetensors.py', path)) as {
        tensors: { name: string; dtype: string; shape: number[]; data: number[] }[];
        metadata: object;
      };
      expect(read.metadata).toEqual({ note: 'é "quoted"' });
      const byName = new Map(read.tensors.map((tensor) => [tensor.name, tensor]));
      const leaves = flatten(params);
      expect([...byName.keys()].sort()).toEqual(leaves.map(([name]) => name).sort());
      for (const [name, leaf] of leaves) {
        const { dtype, shape, data } = byName.get(name)!;
        expect({ float32: 'F32', int32: 'I32', bool: 'BOOL' }[leaf.dtype as 'bool']).toBe(dtype);
        expect(shape).toEqual(leaf.shape);
        expectClose(leaf, data, { rtol: 0, atol: 0 });
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('safetensorsToTree', () => {
  const params = () => ({ layers: [{ kernel: tf.ones([2, 3]), bias: tf.range(0, 3) }] });

  it('rebuilds a tree and leaks nothing', () => {
    expectNoLeaks(() => {
      const tree = params();
      const again = safetensorsToTree(treeToSafetensors(tree), tree);
      expect(Object.keys(again.layers[0]!)).toEqual(['kernel', 'bias']);
      expectClose(again.layers[0]!.bias, [0, 1, 2]);
      disposeTree(again);
      disposeTree(tree);
    });
  });

  it('names the tensor that does not fit', () => {
    const bytes = treeToSafetensors(params());
    const like = (tree: Parameters<typeof treeToSafetensors>[0]) => () =>
      safetensorsToTree(bytes, tree);
    const [layer] = params().layers;
    expect(like({ layers: [{ ...layer!, gamma: tf.scalar(0) }] })).toThrow(
      'safetensors: "layers/0/gamma" must be float32 [], the file has nothing',
    );
    expect(like({ layers: [{ kernel: tf.ones([3, 2]), bias: layer!.bias }] })).toThrow(
      'safetensors: "layers/0/kernel" must be float32 [3, 2], the file has float32 [2, 3]',
    );
    expect(like({ layers: [{ kernel: layer!.kernel, bias: tf.zeros([3], 'int32') }] })).toThrow(
      'must be int32 [3], the file has float32 [3]',
    );
    expect(like({ layers: [{ kernel: layer!.kernel }] })).toThrow(
      'the file has "layers/0/bias", for which there is no place in the tree',
    );
    expect(() => treeToSafetensors({ a: { b: tf.scalar(1) }, 'a/b': tf.scalar(2) })).toThrow(
      'two leaves of the tree have the path "a/b"',
    );
  });
});
