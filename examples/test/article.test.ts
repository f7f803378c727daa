import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';

const folder = fileURLToPath(new URL('..', import.meta.url));

/** The losses of each table that was printed. */
function tables(output: string): number[][] {
  return output
    .split('  step          L\n')
    .slice(1)
    .map((rows) => [...rows.matchAll(/^ +\d+ +(\S+e[+-]\d+)$/gm)].map(([, loss]) => Number(loss)));
}

describe('article.ts', () => {
  let output = '';
  beforeAll(async () => {
    // Fails where the program's exit code is not 0, that is where one of its checks fails.
    const run = promisify(execFile)(process.execPath, ['--import', 'tsx', 'article.ts'], {
      cwd: folder,
    });
    output = (await run).stdout;
  });

  it('finds that the gradient is z − y exactly', () => {
    expect(output).toMatch(/✓ ∂L\/∂z, .* is z − y; largest difference: 0 \(at most 0\)/);
  });

  it('converges on z as the closed form says', () => {
    const { steps } = /converged after (?<steps>\d+) steps/.exec(output)!.groups!;
    const [first, ...rest] = tables(output)[0]!;
    // ‖z − y‖² falls by (1 − α)² a step.
    expect(rest.at(-1)! / first! / 0.9 ** (2 * Number(steps))).toBeCloseTo(1, 1);
    expect(output).toContain('✓ every zₖ is y + (1 − α)ᵏ(z₀ − y)');
    expect(output).toContain('✓ z has become y');
  });

  it('brings the loss down on the parameters', () => {
    const losses = tables(output)[1]!;
    expect(losses.length).toBeGreaterThan(5);
    losses.slice(1).forEach((loss, i) => {
      expect(loss).toBeLessThan(losses[i]!);
    });
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
    expect(output).not.toContain('✗');
  });
});
