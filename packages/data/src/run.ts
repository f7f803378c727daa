import { spawn } from 'node:child_process';

/** What a program said and how it ended. `code` is undefined where the program does not exist. */
export interface RunResult {
  readonly code: number | undefined;
  readonly output: string;
}

/** Runs a program to its end. Aborting kills it and throws the signal's reason. */
export function run(
  program: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<RunResult> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(signal && { signal }),
    });
    let output = '';
    const collect = (chunk: Buffer) => {
      output = (output + chunk).slice(-20_000);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (signal?.aborted) reject(signal.reason);
      else resolve({ code: undefined, output: error.message });
    });
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** The line of `output` that says what went wrong: the last that matches, else the very last. */
export function lastLine(output: string, telling: RegExp): string {
  const lines = output.trim().split(/\r?\n/);
  return (lines.findLast((line) => telling.test(line)) ?? lines.at(-1) ?? '').slice(0, 500);
}
