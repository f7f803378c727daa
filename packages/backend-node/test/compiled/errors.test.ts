import { foldIn, key, type Step, split, uniform, uniformArray } from '@chainrule/tensor';
import { expectNoLeaks } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { useNative } from '../../src/backend.js';
import { compiled } from '../../src/compiled/index.js';
import { nativeBackend } from '../../src/compiled/native.js';

beforeAll(async () => {
  await useNative();
});

type Counter = { readonly n: tf.Scalar };
type CounterStep = Step<Counter, object, { n: tf.Scalar }>;

/** What running a step says that changes its number by `f`. */
async function errorOf(f: (n: tf.Scalar, k: Parameters<CounterStep>[2]) => tf.Tensor) {
  const step: CounterStep = (state, _batch, k) => {
    const n = tf.sum(f(state.n, k)) as tf.Scalar;
    return { state: { n }, metrics: { n } };
  };
  let message = '';
  await expectNoLeaks(async () => {
    const execution = compiled().prepare(step, { n: tf.scalar(1) });
    message = await execution.run({}, foldIn(key(0), 1)).then(
      () => '',
      (error: Error) => `${(error as Error & { code: string }).code}: ${error.message}`,
    );
    execution.dispose();
  });
  return message;
}

/** This file, at the line where `f` is written. */
const here = /errors\.test\.ts:\d+:\d+/;

describe('what would freeze is an error that names the line', () => {
  it('reading data', async () => {
    const message = await errorOf((n) => tf.mul(n, n.dataSync()[0]! + 1));
    expect(message).toMatch(/^TRACED_READ: .* is read at /);
    expect(message).toMatch(here);
    expect(await errorOf((n) => tf.mul(n, n.arraySync()))).toMatch(/^TRACED_READ/);
    expect(await errorOf((n) => (n.toString().length > 3 ? n : tf.neg(n)))).toMatch(/^TRACED_READ/);
  });

  it('reading data asynchronously', async () => {
    const message = await errorOf((n) => {
      void n.data();
      return n;
    });
    expect(message).toMatch(/^TRACED_READ/);
    expect(message).toMatch(here);
  });

  it.each<[string, (n: tf.Scalar, k: Parameters<CounterStep>[2]) => tf.Tensor]>([
    ['Math.random', (n) => tf.mul(n, Math.random())],
    ['tf.randomUniform', (n) => tf.mul(n, tf.randomUniform([2]))],
    ['tf.randomNormal', (n) => tf.mul(n, tf.randomNormal([2]))],
    ['tf.truncatedNormal', (n) => tf.mul(n, tf.truncatedNormal([2]))],
    ['tf.dropout', (n) => tf.dropout(tf.mul(n, tf.ones([100])), 0.5)],
    ['the key, drawn from in JavaScript', (n, k) => tf.mul(n, uniformArray(k, 1)[0]!)],
  ])('%s', async (_name, f) => {
    const message = await errorOf(f);
    expect(message).toMatch(/^TRACED_CHANGE: .* another one each time/);
    expect(message).toMatch(here);
  });

  it("tf.multinomial's own generator", async () => {
    const message = await errorOf((n) => tf.multinomial(tf.mul(n, tf.tensor1d([1, 2])), 3));
    expect(message).toMatch(/^TRACED_RANDOM: .*Multinomial/);
    expect(message).toMatch(here);
  });

  it('a count kept in JavaScript', async () => {
    let count = 0;
    expect(await errorOf((n) => tf.mul(n, ++count))).toMatch(/^TRACED_CHANGE/);
  });

  it('a path taken by a JavaScript value', async () => {
    let even = true;
    const message = await errorOf((n) => {
      even = !even;
      return even ? tf.sin(n) : tf.cos(n);
    });
    expect(message).toMatch(/TRACED_CHANGE: .* runs Sin, but ran Cos/);
    expect(message).toMatch(here);
  });

  it('another number of operations', async () => {
    let times = 2;
    const message = await errorOf((n) => {
      let result: tf.Tensor = n;
      for (let i = 0; i < times; i++) result = tf.sin(result);
      times = 1;
      return result;
    });
    expect(message).toMatch(/^TRACED_CHANGE/);
  });

  it('another tensor from outside', async () => {
    const outside = [tf.scalar(1), tf.scalar(2)];
    let i = 0;
    const message = await errorOf((n) => tf.add(n, outside[i++ % 2]!));
    tf.dispose(outside);
    expect(message).toMatch(/TRACED_CHANGE: .* another tensor from outside/);
  });

  it('a number that changes later, such as a learning rate', async () => {
    let rate = 0.1;
    const step: CounterStep = (state) => {
      const n = tf.mul(state.n, rate) as tf.Scalar;
      return { state: { n }, metrics: { n } };
    };
    const execution = compiled().prepare(step, { n: tf.scalar(1) });
    for (let i = 0; i < 5; i++) await execution.run({}, key(0));
    rate = 0.01;
    const later = async () => {
      for (let i = 0; i < 10; i++) await execution.run({}, key(0));
    };
    await expect(later()).rejects.toThrow(/a number made at .*errors\.test\.ts/);
    execution.dispose();
  });
});

describe('what is constant is none', () => {
  it('numbers, shapes, and reading a constant', async () => {
    const f = (n: tf.Scalar) => tf.mul(n, tf.sum(tf.tensor1d([1, n.shape.length])).dataSync()[0]!);
    expect(await errorOf(f)).toBe('');
  });

  it('randomness from the key', async () => {
    expect(await errorOf((n, k) => tf.mul(n, uniform(split(k, 'noise'), [3])))).toBe('');
  });
});

describe('an operation that can not be recorded', () => {
  it('runs eagerly, with one warning that names it', async () => {
    tf.registerKernel({
      kernelName: 'ReadsItsInput',
      backendName: 'tensorflow',
      kernelFunc: ({ inputs, backend }) =>
        tf.scalar((backend as tf.KernelBackend).readSync(inputs.x!.dataId)[0] as number),
    });
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const step: CounterStep = (state) => {
      const x = tf.add(state.n, 1);
      const n = tf.engine().runKernel('ReadsItsInput', { x }) as tf.Scalar;
      return { state: { n }, metrics: { n: tf.mul(n, 1) } };
    };
    await expectNoLeaks(async () => {
      for (let i = 0; i < 2; i++) {
        const execution = compiled().prepare(step, { n: tf.scalar(1) });
        expect(await execution.run({}, key(0))).toEqual({ n: 2 });
        expect(await execution.run({}, key(0))).toEqual({ n: 3 });
        const state = await execution.read();
        expect(state.n.dataSync()[0]).toBe(3);
        state.n.dispose();
        execution.dispose();
      }
    });
    const refused: CounterStep = (state) => {
      // Eager TensorFlow has it; a graph wants an attribute that is not given here.
      const n = nativeBackend().executeSingleOutput('Squeeze', [], [state.n]) as tf.Scalar;
      return { state: { n }, metrics: { n: tf.add(n, 0) } };
    };
    const execution = compiled().prepare(refused, { n: tf.scalar(0) });
    expect(await execution.run({}, key(0))).toEqual({ n: 0 });
    execution.dispose();
    expect(warn.mock.calls.map(([line]) => line)).toEqual([
      expect.stringMatching(/ReadsItsInput can not be compiled/),
      expect.stringMatching(/Squeeze can not be compiled/),
    ]);
    warn.mockRestore();
  });
});
