import { existsSync, readdirSync } from 'node:fs';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cacheFolder, easyVqa, pipDownload, sha256, writeAtomic } from '../src/node.js';
import { messageOf, put, temporaryFolder } from './support.js';

const root = temporaryFolder();
let cache = '';
let count = 0;
beforeEach(() => {
  cache = join(root, `cache ${count++}`);
  vi.stubEnv('CHAINRULE_CACHE', cache);
  vi.stubEnv('CHAINRULE_PYTHON', undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** A network on which nobody answers. */
function offline() {
  vi.stubEnv('PIP_INDEX_URL', 'http://127.0.0.1:9/simple');
  vi.stubEnv('PIP_EXTRA_INDEX_URL', '');
  vi.stubEnv('PIP_FIND_LINKS', '');
  vi.stubEnv('PIP_CONFIG_FILE', '/dev/null');
}

const WHEEL = 'easy_vqa-1.0-py3-none-any.whl';
const RUN = 'run: python3 -m pip download easy-vqa==1.0 --no-deps --only-binary=:all:';

describe('cacheFolder', () => {
  it('follows CHAINRULE_CACHE, then XDG_CACHE_HOME, then the platform', () => {
    const folder = (env: NodeJS.ProcessEnv, platform: NodeJS.Platform = 'linux') =>
      cacheFolder(env, platform, '/home/ann');
    expect(folder({ CHAINRULE_CACHE: '/c', XDG_CACHE_HOME: '/x' })).toBe('/c');
    expect(folder({ XDG_CACHE_HOME: '/x' })).toBe('/x/chainrule');
    expect(folder({ XDG_CACHE_HOME: 'relative' })).toBe('/home/ann/.cache/chainrule');
    expect(folder({})).toBe('/home/ann/.cache/chainrule');
    expect(folder({}, 'darwin')).toBe('/home/ann/Library/Caches/chainrule');
    expect(folder({ LOCALAPPDATA: '/local' }, 'win32')).toBe('/local/chainrule/Cache');
  });
});

describe('writeAtomic', () => {
  it('leaves the whole file and nothing else', async () => {
    const path = join(root, 'deep/er/file.txt');
    await Promise.all(['one', 'two'].map((text) => writeAtomic(path, text)));
    expect(['one', 'two']).toContain(await readFile(path, 'utf8'));
    expect(readdirSync(join(root, 'deep/er'))).toEqual(['file.txt']);
  });

  it('says what to do where it can not write', async () => {
    await put(root, 'blocked', 'a file, not a folder');
    const message = await messageOf(() => writeAtomic(join(root, 'blocked/file'), 'x'));
    expect(message).toMatch(/^data.cache: can not write to .*blocked: .*set CHAINRULE_CACHE to/);
  });
});

describe('pipDownload', () => {
  it('takes a file that was put in the cache by hand, without any network', async () => {
    offline();
    const bytes = Buffer.from('a wheel');
    await put(cache, 'downloads/x.whl', bytes);
    const wanted = { project: 'x', version: '1', file: 'x.whl', sha256: sha256(bytes) };
    expect(Buffer.from(await pipDownload(wanted))).toEqual(bytes);
  });

  it('deletes a file with another hash and names both', async () => {
    const path = await put(cache, `downloads/${WHEEL}`, 'damaged');
    const message = await messageOf(() => easyVqa());
    expect(message).toContain(
      `data.download: ${WHEEL} must have sha256 fcb51b309b78c7b00f97b64cdbcbcf5c105f94da1b39c0796cee5a787c4f650f, got ${sha256(Buffer.from('damaged'))}`,
    );
    expect(message).toContain('has been deleted: run again to fetch it anew');
    expect(existsSync(path)).toBe(false);
  });

  it('refuses a fetched file with another hash and keeps nothing', async () => {
    const python = await put(
      root,
      'fetches-wrong',
      '#!/bin/sh\nwhile [ "$1" != --dest ]; do shift; done\necho wrong > "$2/x.whl"\n',
    );
    await chmod(python, 0o755);
    vi.stubEnv('CHAINRULE_PYTHON', python);
    const wanted = { project: 'x', version: '1', file: 'x.whl', sha256: 'f00' };
    expect(await messageOf(() => pipDownload(wanted))).toContain(
      'x.whl must have sha256 f00, got ',
    );
    expect(await messageOf(() => pipDownload({ ...wanted, file: 'y.whl' }))).toContain(
      'y.whl was not delivered',
    );
    expect(readdirSync(join(cache, 'downloads'))).toEqual([]);
  });

  it('says what to do without network and cache', async () => {
    offline();
    const log: string[] = [];
    const message = await messageOf(() => easyVqa({ log: (line) => log.push(line) }));
    expect(message).toContain('data.download: easy-vqa 1.0 is not in the cache and could not be');
    expect(message).toContain('(pip said: ERROR: ');
    expect(message).toContain(RUN);
    expect(message).toContain(`then put ${WHEEL} in ${join(cache, 'downloads')}`);
    expect(log).toEqual(['fetching easy-vqa 1.0 with pip (3.2 MB, MIT licence)']);
    expect(readdirSync(join(cache, 'downloads'))).toEqual([]);
  });

  it('says what to install without Python, or without pip', async () => {
    vi.stubEnv('PATH', root);
    const missing = await messageOf(() => easyVqa());
    expect(missing).toContain('there is no python3 or python; install Python 3 with pip (Debian');
    expect(missing).toContain(RUN);
    const python = await put(root, 'no-pip', '#!/bin/sh\necho "No module named pip" >&2\nexit 1\n');
    await chmod(python, 0o755);
    vi.stubEnv('CHAINRULE_PYTHON', python);
    expect(await messageOf(() => easyVqa())).toContain('no-pip has no pip; install Python 3');
  });

  it('says so where the cache can not be written', async () => {
    await put(root, `cache ${count - 1}`, 'a file, not a folder');
    expect(await messageOf(() => easyVqa())).toMatch(/^data.cache: can not write to .*downloads: /);
  });

  it('stops when aborted', async () => {
    const python = await put(root, 'slow', '#!/bin/sh\nexec sleep 30\n');
    await chmod(python, 0o755);
    vi.stubEnv('CHAINRULE_PYTHON', python);
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('enough')), 50);
    expect(await messageOf(() => easyVqa({ signal: stop.signal }))).toBe('enough');
    expect(readdirSync(join(cache, 'downloads'))).toEqual([]);
  });
});
