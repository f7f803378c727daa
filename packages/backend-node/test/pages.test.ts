import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { useNative } from '../src/backend.js';

/** Megabytes of TensorFlow's libraries that are mapped, and that are in memory. */
function library(): { mapped: number; resident: number } {
  const sizes = { mapped: 0, resident: 0 };
  let isLibrary = false;
  for (const line of readFileSync('/proc/self/smaps', 'utf8').split('\n')) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) isLibrary = line.includes('libtensorflow');
    const [, name, kilobytes] = /^(Size|Rss): +(\d+) kB$/.exec(line) ?? [];
    if (!isLibrary || !name) continue;
    sizes[name === 'Size' ? 'mapped' : 'resident'] += Number(kilobytes) / 1024;
  }
  return sizes;
}

it.runIf(process.platform === 'linux')(
  'keeps no more of TensorFlow in memory than is needed',
  async () => {
    await useNative();
    const [sum] = await tf.sum(tf.matMul(tf.ones([8, 8]), tf.ones([8, 8]))).data();
    expect(sum).toBe(512);
    const { mapped, resident } = library();
    expect(mapped).toBeGreaterThan(300);
    // Loading it takes 250.
    expect(resident).toBeLessThan(120);
  },
);
