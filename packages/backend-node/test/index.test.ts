import { beforeAll, describe, expect, test } from 'vitest';
import { installNative } from '../src/install.js';
import { bundle, nodeRelease, run, temporary } from './helper.js';

let index = '';
let backend = '';

beforeAll(async () => {
  index = await bundle('index');
  backend = await bundle('backend');
  await installNative();
});

/** Convolution, pooling, gathering and top-k, forward and backward; prints what backend ran it. */
const work = `
  const image = tf.ones([1, 6, 6, 2]);
  const filter = tf.ones([3, 3, 2, 4]);
  const table = tf.ones([5, 4]);
  const loss = (image, filter, table) => {
    const features = tf.maxPool(tf.relu(tf.conv2d(image, filter, 1, 'valid')), 2, 2, 'valid');
    const rows = tf.gather(table, tf.tensor1d([1, 3], 'int32'));
    return tf.add(tf.sum(features), tf.sum(rows));
  };
  const gradients = tf.grads(loss)([image, filter, table]).map((g) => tf.sum(g).arraySync());
  const top = tf.topk(tf.tensor1d([1, 5, 3]), 2).values.arraySync();
  console.log(tf.getBackend(), JSON.stringify(gradients), JSON.stringify(top));`;
const answer = '[288,288,8] [5,3]\n';

const core = `const tf = await import('@tensorflow/tfjs-core');`;
const union = `const tf = (await import('@tensorflow/tfjs')).default ?? (await import('@tensorflow/tfjs'));`;

describe.each(['20', '22.23.3', '24.21.0'])('on Node %s', (version) => {
  const node = async () => (version === '20' ? process.execPath : nodeRelease(version));

  test('importing selects the native backend, in silence', async () => {
    const program = `const { backend } = await import('${index}'); ${core} ${work}
      console.log(JSON.stringify(backend));`;
    const stdout = `tensorflow ${answer}{"name":"tensorflow","version":"2.21.0"}\n`;
    expect(await run(program, {}, await node())).toEqual({ status: 0, stdout, stderr: '' });
  });

  test('the union package may come before or after', async () => {
    const load = `await import('${index}');`;
    const expected = { status: 0, stdout: `tensorflow ${answer}`, stderr: '' };
    const [before, after] = await Promise.all([
      run(`${union} ${load} ${work}`, {}, await node()),
      run(`${load} ${union} ${work}`, {}, await node()),
    ]);
    expect(before).toEqual(expected);
    expect(after).toEqual(expected);
  });
});

describe('without the native library', () => {
  const line = (name: string) =>
    `chainrule: native TensorFlow is not installed, so this runs on the slower ${name} backend; fix: npx chainrule-native install\n`;

  test('importing falls back to wasm, with one line', async () => {
    const program = `await import('${index}'); ${core} ${union.replace('tf', 'all')}
      await (await import('${backend}')).useNative();
      console.log(tf.getBackend(), tf.matMul(tf.ones([2, 2]), tf.ones([2, 2])).arraySync());`;
    const { status, stdout, stderr } = await run(program, { CHAINRULE_CACHE: await temporary() });
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'wasm [ [ 2, 2 ], [ 2, 2 ] ]\n' });
    expect(stderr).toBe(line('wasm'));
  });

  test.each([
    ['before', `${union} await (await import('BACKEND')).useNative({ training: true });`],
    ['after', `await (await import('BACKEND')).useNative({ training: true }); ${union}`],
  ])('training falls back to cpu, with one line (union %s)', async (_, load) => {
    const program = `${load.replace('BACKEND', backend)} ${work}`;
    const { status, stdout, stderr } = await run(program, { CHAINRULE_CACHE: await temporary() });
    expect({ status, stdout }).toEqual({ status: 0, stdout: `cpu ${answer}` });
    expect(stderr).toBe(line('cpu'));
  });

  test('an own library that is none is named in the line', async () => {
    const program = `console.log((await (await import('${backend}')).useNative()).name);`;
    const { status, stdout, stderr } = await run(program, { CHAINRULE_LIBTENSORFLOW: '/none' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'wasm\n' });
    expect(stderr).toContain('CHAINRULE_LIBTENSORFLOW=/none: there is no such folder');
    expect(stderr.split('\n')).toHaveLength(2);
  });
});

test('errors of TensorFlow itself are not silenced', async () => {
  const program = `await import('${index}'); ${core}
    try { tf.engine().backend.executeSingleOutput('NoSuchOp', [], []); }
    catch (error) { console.log(error.message.includes('NoSuchOp')); }`;
  expect(await run(program)).toMatchObject({ status: 0, stdout: 'true\n' });
});
