import { existsSync, statSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ChainruleError } from '@chainrule/tensor';
import type { NativePaths } from './cache.js';
import { type DownloadOptions, fetchWheel } from './download.js';
import { extractZip } from './extract.js';
import { WHEELS, type WheelPin } from './pins.js';
import { byteProgress } from './progress.js';

/** A libtensorflow on disk, as the compiler and the loader need it. */
export interface Library {
  /** Folder of the shared libraries, which is compiled into the binding. */
  readonly folder: string;
  /** Full paths, to link against. */
  readonly files: readonly string[];
  /** Folder that holds `tensorflow/c/c_api.h`. */
  readonly include: string;
}

const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow.so.2'];
const FRAMEWORK = 'libtensorflow_framework.so.2';

/**
 * Finds the libraries and headers in a folder: the cache's, an unpacked libtensorflow archive
 * (`lib/`, `include/`) or an installed Python package (`site-packages/tensorflow`).
 *
 * @throws ChainruleError `NATIVE_LIBRARY`, saying which part is absent
 */
export function findLibrary(folder: string): Library {
  const fail = (what: string) =>
    new ChainruleError(
      'NATIVE_LIBRARY',
      `CHAINRULE_LIBTENSORFLOW=${folder}: ${what}; point it at an unpacked libtensorflow 2 archive or at a Python site-packages/tensorflow folder, or unset it to use the pinned one.`,
    );
  if (!existsSync(folder)) throw fail('there is no such folder');
  if (!statSync(folder).isDirectory()) throw fail('expected a folder, got a file');
  for (const sub of ['', 'lib', 'tensorflow']) {
    const files = LIBRARIES.map((name) => join(folder, sub, name)).filter((path) =>
      existsSync(path),
    );
    if (files.length === 0) continue;
    const library = join(folder, sub);
    const framework = join(library, FRAMEWORK);
    const include = [
      join(library, 'include'),
      join(folder, 'include'),
      join(folder, '..', 'include'),
    ]
      .filter((path) => existsSync(join(path, 'tensorflow', 'c', 'c_api.h')))
      .at(0);
    if (!include) throw fail('found the library but no headers (include/tensorflow/c/c_api.h)');
    return {
      folder: library,
      files: [files[0]!, ...(existsSync(framework) ? [framework] : [])],
      include,
    };
  }
  throw fail(`expected ${LIBRARIES.join(' or ')} in it`);
}

/**
 * The wheel for this machine.
 *
 * @throws ChainruleError `NATIVE_PLATFORM`
 */
export function wheelForThisMachine(): WheelPin {
  const machine = `${process.platform}-${process.arch}`;
  const pin = WHEELS[machine];
  const musl = process.platform === 'linux' && !hasGlibc();
  if (pin && !musl) return pin;
  throw new ChainruleError(
    'NATIVE_PLATFORM',
    `chainrule-native: no prebuilt libtensorflow for ${machine}${musl ? ' with musl' : ''} (there is one for ${Object.keys(WHEELS).join(', ')}, with glibc). On another Linux, set CHAINRULE_LIBTENSORFLOW to a folder with a libtensorflow 2 of your own; elsewhere, and until then, programs run on the slower wasm or cpu backend.`,
  );
}

function hasGlibc(): boolean {
  // Without this the report looks up the names of all open connections.
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime !== undefined;
}

/** Only the C API's headers: all of `tensorflow/include` is 13,000 files. */
const HEADERS =
  /^tensorflow\/(include\/(tensorflow\/c\/|xla\/tsl\/c\/|tensorflow\/core\/platform\/ctstring|tsl\/platform\/ctstring|LICENSE$).*)$/;

function placeOf(name: string): string | undefined {
  const header = HEADERS.exec(name)?.[1];
  if (header) return header;
  const library = /^tensorflow\/(libtensorflow(_cc|_framework)\.so\.2)$/.exec(name)?.[1];
  return library;
}

/** Puts the pinned library in its place, unless it is there already. */
export async function ensureLibrary(
  paths: NativePaths,
  options: Omit<DownloadOptions, 'folder'>,
): Promise<void> {
  if (existsSync(paths.library)) return;
  const pin = wheelForThisMachine();
  const wheel = await fetchWheel(pin, { ...options, folder: paths.downloads });
  const folder = join(options.staging, 'library');
  await mkdir(folder, { recursive: true });
  let report: ((bytes: number) => void) | undefined;
  await extractZip(wheel, {
    place: placeOf,
    folder,
    signal: options.signal,
    onBytes: (written, total) => {
      report ??= byteProgress('extract', 'extracting libtensorflow', total, options.onProgress);
      report(written);
    },
  });
  findLibrary(folder);
  await rename(folder, paths.library);
  await rm(paths.downloads, { recursive: true, force: true });
}
