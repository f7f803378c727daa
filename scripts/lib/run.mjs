// Child processes: quiet unless they fail, and ended with us.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

const running = new Set();
const interruption = new AbortController();
/** Aborted when the user interrupts the set-up. */
export const interrupted = interruption.signal;

const stop = (signal) => {
  interruption.abort();
  for (const child of running) child.kill(signal);
  process.exit(signal === 'SIGINT' ? 130 : 143);
};
/** Ends the children and this process when it is interrupted. */
export function handleSignals() {
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

/** From here on signals belong to whoever runs next in this process. */
export function releaseSignals() {
  process.off('SIGINT', stop);
  process.off('SIGTERM', stop);
}

/**
 * Runs a command to its end and returns what it printed; throws with its output when it fails.
 * `show` lets it print to the terminal itself; `check: false` returns failures too.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: { readonly [name: string]: string }, show?: boolean, check?: boolean }} options
 * @returns {Promise<{ code: number, stdout: string, output: string }>}
 */
export function run(command, args, { cwd = root, env, show = false, check = true } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: show ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    let stdout = '';
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk) => {
      stdout += chunk;
      output += chunk;
    });
    child.stderr?.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
    });
    child.on('error', (cause) => {
      running.delete(child);
      reject(new Error(`\`${command}\` could not be started: ${cause.message}`, { cause }));
    });
    child.on('close', (code, signal) => {
      running.delete(child);
      if (code === 0 || !check) return resolve({ code: code ?? 1, stdout, output });
      const printed = output.trim().split('\n').slice(-60).join('\n');
      const error = new Error(
        `\`${[command, ...args].join(' ')}\` failed (${signal ?? `exit code ${code}`})${printed ? `:\n${printed}` : ''}`,
      );
      reject(error);
    });
  });
}

/** Announces a piece of work, does it, and says how long it took. Progress goes to stderr. */
export async function step(label, work) {
  const started = performance.now();
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  process.stderr.write(`  ${label} …\n`);
  try {
    const result = await work();
    process.stderr.write(`✓ ${label}: ${seconds()}\n`);
    return result;
  } catch (error) {
    process.stderr.write(`✗ ${label}: failed after ${seconds()}\n`);
    throw error;
  }
}
