import { adam, adamw, cosine, momentum, nesterov, sgd } from '@chainrule/optim';
import { eager } from '@chainrule/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';
import { compiled } from '../../src/compiled/index.js';
import { lossesOf, training } from './model.js';

beforeAll(async () => {
  await useNative();
});

const schedule = cosine({ peak: 0.05, steps: 1000, warmup: 50 });

describe.each([
  { name: 'sgd', optimizer: sgd({ learningRate: schedule }), steps: 1000 },
  { name: 'momentum', optimizer: momentum({ learningRate: 0.01 }), steps: 200 },
  { name: 'nesterov', optimizer: nesterov({ learningRate: schedule }), steps: 200 },
  { name: 'adam', optimizer: adam({ learningRate: 1e-3 }), steps: 1000 },
  { name: 'adamw', optimizer: adamw({ learningRate: schedule, weightDecay: 0.1 }), steps: 1000 },
])('$name', ({ optimizer, steps }) => {
  it('has the losses of an eager run, with dropout, a mask and a schedule', async () => {
    const run = training(optimizer as never);
    const expected = await lossesOf(eager(), run, steps);
    const actual = await lossesOf(compiled(), run, steps);
    const worst = Math.max(...actual.map((loss, i) => Math.abs(loss / expected[i]! - 1)));
    expect(worst).toBeLessThan(1e-4);
    expect(expected.at(-1)).toBeLessThan(expected[0]!);
  });

  it('gives the same losses twice, bit for bit', async () => {
    const run = training(optimizer as never);
    expect(await lossesOf(compiled(), run, 100)).toEqual(await lossesOf(compiled(), run, 100));
  });
});
