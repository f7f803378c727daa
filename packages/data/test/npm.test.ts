import { existsSync, readdirSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from 'tar';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { emoji, npmDownload, packageFiles, sha256 } from '../src/node.js';
import { messageOf, put, temporaryFolder } from './support.js';

const root = temporaryFolder();
let cache = '';
let count = 0;
beforeEach(() => {
  cache = join(root, `cache ${count++}`);
  vi.stubEnv('CHAINRULE_CACHE', cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** A program that stands for npm. */
async function program(name: string, script: string) {
  const path = await put(root, name, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  vi.stubEnv('CHAINRULE_NPM', path);
}

const wanted = { name: '@scope/x', version: '1.2.3', sha256: 'f00' };

describe('npmDownload', () => {
  it('takes a file that was put in the cache by hand, without any network', async () => {
    vi.stubEnv('CHAINRULE_NPM', '/no/such/npm');
    const bytes = Buffer.from('a tarball');
    await put(cache, 'downloads/scope-x-1.2.3.tgz', bytes);
    const got = await npmDownload({ ...wanted, sha256: sha256(bytes) });
    expect(Buffer.from(got)).toEqual(bytes);
  });

  it('refuses a fetched file with another hash and keeps nothing', async () => {
    const deliver =
      'while [ "$1" != --pack-destination ]; do shift; done; echo wrong > "$2/any.tgz"';
    await program('fetches-wrong', deliver);
    const right = sha256(Buffer.from('wrong\n'));
    expect(await messageOf(() => npmDownload(wanted))).toContain(
      `scope-x-1.2.3.tgz must have sha256 f00, got ${right}`,
    );
    expect(readdirSync(join(cache, 'downloads'))).toEqual([]);
    await npmDownload({ ...wanted, sha256: right });
    expect(readdirSync(join(cache, 'downloads'))).toEqual(['scope-x-1.2.3.tgz']);
  });

  it('says what to do without network and cache', async () => {
    vi.stubEnv('npm_config_registry', 'http://127.0.0.1:9/');
    vi.stubEnv('npm_config_cache', join(cache, 'npm'));
    const log: string[] = [];
    const message = await messageOf(() => emoji({ log: (line) => log.push(line) }));
    expect(message).toContain('data.download: emojibase-data 17.0.0 is not in the cache and could');
    expect(message).toContain('(npm said: npm error code ECONNREFUSED');
    expect(message).toContain('run: npm pack emojibase-data@17.0.0');
    expect(message).toContain(`put emojibase-data-17.0.0.tgz in ${join(cache, 'downloads')}`);
    expect(log).toHaveLength(1);
    expect(log[0]).toContain('fetching emojibase-data 17.0.0 with npm (6.7 MB, MIT, ');
    expect(readdirSync(join(cache, 'downloads'))).toEqual([]);
  });

  it('says what to install without npm', async () => {
    vi.stubEnv('CHAINRULE_NPM', '/no/such/npm');
    expect(await messageOf(() => emoji())).toContain('there is no /no/such/npm; install it (it');
  });

  it('deletes a damaged package and names both hashes', async () => {
    const path = await put(cache, 'downloads/emojibase-data-17.0.0.tgz', 'damaged');
    const message = await messageOf(() => emoji());
    expect(message).toContain('emojibase-data-17.0.0.tgz must have sha256 d01d0e2ca4e22cb4026');
    expect(message).toContain('has been deleted: run again to fetch it anew');
    expect(existsSync(path)).toBe(false);
  });

  it('stops when aborted', async () => {
    await program('slow', 'exec sleep 30');
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('enough')), 50);
    expect(await messageOf(() => emoji({ signal: stop.signal }))).toBe('enough');
    expect(readdirSync(join(cache, 'downloads'))).toEqual([]);
  });
});

describe('packageFiles', () => {
  const tarball = async () => {
    await put(root, 'package/a.json', '{"a": 1}');
    await put(root, 'package/deep/b.txt', 'b'.repeat(100_000));
    const stream = create({ cwd: root, gzip: true }, ['package']);
    return stream.concat();
  };

  it('gives the wanted files', async () => {
    const files = await packageFiles(await tarball(), 'x', (path) => path !== 'a.json');
    expect([...files.keys()]).toEqual(['deep/b.txt']);
    expect(files.get('deep/b.txt')).toHaveLength(100_000);
  });

  it('says so where a tarball is cut short or is none', async () => {
    const whole = await tarball();
    for (const bytes of [whole.subarray(0, whole.length / 2), Buffer.alloc(5000, 7)]) {
      const message = await messageOf(() => packageFiles(bytes, 'x', () => true));
      expect(message).toContain('data.download: the tarball of x can not be read: ');
    }
  });
});
