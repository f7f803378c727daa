import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ChainruleError } from '@chainrule/tensor';
import type { WheelPin } from './pins.js';
import { byteProgress, type OnProgress } from './progress.js';
import { run } from './run.js';
import { outputOf } from './tools.js';

export interface DownloadOptions {
  readonly python: string;
  /** Where verified files are kept. */
  readonly folder: string;
  /** A folder of this install alone, on the same disk. */
  readonly staging: string;
  readonly onProgress: OnProgress;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Path of the verified wheel: the one kept by an earlier, interrupted install, or else fetched by
 * pip, which honours the user's mirrors, proxies and certificates.
 *
 * @throws ChainruleError `NATIVE_DOWNLOAD` (no network), `NATIVE_HASH`
 */
export async function fetchWheel(pin: WheelPin, options: DownloadOptions): Promise<string> {
  const kept = join(options.folder, pin.file);
  const { onProgress, signal } = options;
  if (await stat(kept).catch(() => undefined)) {
    await verify(kept, pin, onProgress, signal);
    return kept;
  }
  const fetched = await pipDownload(pin, options);
  await verify(fetched, pin, onProgress, signal);
  await mkdir(options.folder, { recursive: true });
  await rename(fetched, kept);
  return kept;
}

async function pipDownload(pin: WheelPin, options: DownloadOptions): Promise<string> {
  const { python, staging, signal } = options;
  const version = pin.file.split('-')[1];
  const target = join(staging, 'wheel');
  const scratch = join(staging, 'pip');
  await mkdir(scratch, { recursive: true });
  const report = byteProgress(
    'download',
    `downloading ${pin.project} ${version}`,
    pin.bytes,
    options.onProgress,
  );
  // pip shows no progress when its output is a pipe, so watch the file grow.
  const timer = setInterval(() => void largestFile(scratch).then(report), 250);
  try {
    const args = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:'];
    args.push('--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311');
    args.push('--platform', pin.platform, '--no-cache-dir', '--disable-pip-version-check');
    args.push('--retries', '2', '--dest', target, `${pin.project}==${version}`);
    const env = { ...process.env, TMPDIR: scratch, PIP_REQUIRE_VIRTUALENV: '0' };
    const result = await run(python, args, { env, signal });
    if (result.status !== 0) throw downloadError(pin, result);
    return join(target, pin.file);
  } finally {
    clearInterval(timer);
  }
}

function downloadError(pin: WheelPin, result: { stdout: string; stderr: string }): Error {
  const output = outputOf(result);
  if (/No space left on device/i.test(output)) {
    return Object.assign(new Error(output), { code: 'ENOSPC' });
  }
  return new ChainruleError(
    'NATIVE_DOWNLOAD',
    `chainrule-native: pip could not download ${pin.project} (${Math.round(pin.bytes / 1e6)} MB), and it is not in the cache. Check the network and pip's index and proxy settings (\`pip config list\`), then run this again; or set CHAINRULE_LIBTENSORFLOW to a folder with libtensorflow. pip said:\n${output}`,
  );
}

/** Size of the largest file under a folder: the wheel that pip is writing. */
async function largestFile(folder: string): Promise<number> {
  let largest = 0;
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  for (const entry of entries) {
    const info = await stat(join(folder, entry)).catch(() => undefined);
    if (info?.isFile()) largest = Math.max(largest, info.size);
  }
  return largest;
}

/**
 * Reads the whole file against the pinned sha256; a file that differs is deleted, so that the next
 * run fetches it anew.
 */
async function verify(
  path: string,
  pin: Pick<WheelPin, 'file' | 'sha256' | 'bytes'>,
  onProgress: OnProgress,
  signal?: AbortSignal,
): Promise<void> {
  const report = byteProgress('verify', 'checking sha256', pin.bytes, onProgress);
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    signal?.throwIfAborted();
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    report(bytes);
  }
  const actual = hash.digest('hex');
  if (actual === pin.sha256) return;
  await rm(path, { force: true });
  throw new ChainruleError(
    'NATIVE_HASH',
    `chainrule-native: ${pin.file} has sha256 ${actual}, expected ${pin.sha256}; the download was damaged or replaced on the way. The file has been deleted: run this again, and if it repeats, distrust the mirror or proxy that pip uses.`,
  );
}
