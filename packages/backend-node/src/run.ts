import { spawn } from 'node:child_process';

export interface RunResult {
  /** Exit status; null when the command could not be started or was ended by a signal. */
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

/** Runs a command to its end; never throws except when `signal` aborts it. */
export function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  options.signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs,
      // A process group of its own: g++ and pip have children, which are to end with them.
      detached: true,
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    const abort = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid);
      } catch {
        // It has just ended by itself.
      }
    };
    options.signal?.addEventListener('abort', abort, { once: true });
    let failure = '';
    child.on('error', (error) => {
      failure = error.message;
      if (child.pid === undefined) finish(null, null);
    });
    child.on('close', finish);
    function finish(status: number | null, signal: string | null) {
      options.signal?.removeEventListener('abort', abort);
      if (options.signal?.aborted) return reject(options.signal.reason);
      const stderr = Buffer.concat(err).toString() + failure;
      resolve({ status, signal, stdout: Buffer.concat(out).toString(), stderr });
    }
  });
}

/** The last lines of a command's output, for an error message. */
export function tail(text: string, lines = 6): string {
  return text.trim().split('\n').slice(-lines).join('\n');
}
