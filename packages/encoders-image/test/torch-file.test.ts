import { loadFixtureBytes } from '@chainrule/testing';
import { describe, expect, it } from 'vitest';
import { readTorchFile } from '../src/node.js';

const bytes = () => loadFixtureBytes(import.meta.url, 'tiny.pth');
const range = (n: number) => Array.from({ length: n }, (_, i) => i);
/** A file whose first pickle is this program. */
const program = (...parts: (string | number)[]) =>
  new Uint8Array(
    Buffer.concat(parts.map((p) => (typeof p === 'string' ? Buffer.from(p) : Buffer.of(p)))),
  );

describe('readTorchFile', () => {
  it('reads tensors in row-major order, whatever their strides', () => {
    const tensors = readTorchFile(bytes());
    expect([...tensors.keys()]).toEqual(['plain', 'transposed', 'part', 'tracked']);
    expect(tensors.get('plain')).toEqual({
      dtype: 'float32',
      shape: [4, 6],
      data: Float32Array.from(range(24)),
    });
    const turned = range(4).flatMap((k) =>
      [0, 1].flatMap((i) => range(3).map((j) => 12 * i + 4 * j + k)),
    );
    expect(tensors.get('transposed')!.shape).toEqual([4, 2, 3]);
    expect([...tensors.get('transposed')!.data]).toEqual(turned);
    expect([...tensors.get('part')!.data]).toEqual([5, 7, 9, 11, 13, 15]);
    expect(tensors.get('tracked')).toEqual({ dtype: 'int32', shape: [], data: Int32Array.of(7) });
  });

  it('runs nothing: other names are refused', () => {
    // os.system('echo'), as a pickle that attacks would write it.
    const attack = program(0x80, 2, 'cos\nsystem\n', '(X', 4, 0, 0, 0, 'echo', 't', 'R', '.');
    expect(() => readTorchFile(attack)).toThrow('it asks for "os.system", which is refused');
    const file = Buffer.from(bytes());
    const at = file.indexOf('collections\nOrderedDict');
    file.write('subprocess1\nPopenPopenP', at);
    expect(() => readTorchFile(file)).toThrow('"subprocess1.PopenPopenP", which is refused');
  });

  it('refuses other instructions, and pickles that do not end', () => {
    expect(() => readTorchFile(program(0x80, 2, 'I1\n', '.'))).toThrow(
      'the pickle instruction 0x49 at byte 2 is not read',
    );
    expect(() => readTorchFile(program(0x80, 2, 'X', 255, 255, 255, 127))).toThrow(
      'it ends in the middle of a pickle',
    );
    expect(() => readTorchFile(program(0x80, 2, '.'))).toThrow('takes what it has not put');
    expect(() => readTorchFile(program(0x80, 4))).toThrow('only version 2');
    expect(() => readTorchFile(new Uint8Array(0))).toThrow('it ends in the middle');
    expect(() => readTorchFile(program(0x80, 2, 'K', 1, '.'))).toThrow(
      'does not begin as a legacy',
    );
  });

  it('refuses a file that ends early or goes on', () => {
    const whole = bytes();
    for (let length = 0; length < whole.length; length += 7) {
      expect(() => readTorchFile(whole.subarray(0, length))).toThrow(/^torch file: /);
    }
    const longer = new Uint8Array(whole.length + 1);
    longer.set(whole);
    expect(() => readTorchFile(longer)).toThrow('1 bytes after its last storage');
  });

  it('never gives wrong shapes or hangs for a byte that is changed', () => {
    const whole = bytes();
    for (let i = 0; i < 700; i++) {
      const changed = whole.slice();
      changed[i]! ^= 1 << (i % 8);
      try {
        for (const { shape, data } of readTorchFile(changed).values()) {
          expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
        }
      } catch (error) {
        expect((error as Error).name, `byte ${i}: ${(error as Error).message}`).toBe(
          'ChainruleError',
        );
      }
    }
  });
});
