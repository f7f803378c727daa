import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { chainrule, sample, temporaryFolder } from '../support.js';

// Where nothing is cached, pictures and weights are fetched and drawn first.
const MINUTES = 10 * 60_000;

it(
  'trains, measures, saves and shows, and does not train the same twice',
  async () => {
    const folder = temporaryFolder();
    const out = join(folder, 'found');
    const args = ['retrieval', '--concepts', '40', '--seeds', '1', '--out', out];
    const first = await chainrule([...args, '--json'], { cwd: folder });
    expect(first.status, first.stderr).toBe(0);
    const results = JSON.parse(first.stdout.trim().split('\n').at(-1)!);
    expect(Object.keys(results)).toEqual(['taskA', 'taskB', 'fromScratch']);
    // Chance is a quarter.
    expect(results.taskA.recallAt10).toBeGreaterThan(0.7);
    expect(first.stdout).toMatch(/^flat: this run/m);
    expect(first.stderr).toMatch(/task B, seed 0: R@1/);
    expect(await readFile(`${out}.html`, 'utf8')).toMatch('class="right"');

    const again = await chainrule([...args, '--no-prompt', '--json'], { cwd: folder });
    expect(again.status).toBe(0);
    expect(again.stderr).toMatch('is in ');
    expect(again.stdout).toBe(first.stdout);

    const picture = join(dirname(sample), 'red-circle-1.png');
    const broken = join(folder, 'broken.png');
    await writeFile(broken, (await readFile(picture)).subarray(0, 60));
    const lines = ['heart', picture, `${picture} + with an arrow`, 'lost.png', broken, 'exit'];
    const asked = await chainrule(args, { cwd: folder, input: lines.join('\n') });
    expect(asked.status, asked.stderr).toBe(0);
    const [, ...answers] = asked.stdout.split('find> ');
    expect(answers[0]).toMatch(/1\. +0\.\d+ +\S+ +\S.* \(fluent-flat\)/);
    // A picture alone asks for names.
    expect(answers[1]).toMatch(/^ *1\. +0\.\d+ +\S/);
    expect(answers[1]).not.toMatch('fluent-flat');
    expect(answers[2]).toMatch('fluent-flat');
    expect(answers[3]).toMatch(/^error: .*lost\.png/);
    expect(answers[4]).toMatch(/^error: .*broken\.png/);

    const taken = join(folder, 'taken');
    await writeFile(taken, '');
    const refused = await chainrule(['retrieval', '--out', taken], { cwd: folder });
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^error: .*taken/);
  },
  MINUTES,
);
