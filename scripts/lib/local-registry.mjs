// A real npm registry on this machine: our packages are published to it, all others come through it
// from the registry that npm is configured to use here.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runServer } from 'verdaccio';
import { root, run } from './run.mjs';
import { pnpm } from './setup.mjs';

/** A setting as npm sees it (its files, environment and defaults); undefined where there is none. */
async function npmSetting(name) {
  const { stdout } = await run('npm', ['config', 'get', name]);
  const value = stdout.trim();
  return value === '' || value === 'null' || value === 'undefined' ? undefined : value;
}

/** Starts the registry on a free loopback port, with its storage in a folder that `close` removes. */
export async function startRegistry() {
  const folder = mkdtempSync(join(tmpdir(), 'chainrule-registry-'));
  const [upstream, httpProxy, httpsProxy, noProxy] = await Promise.all(
    ['registry', 'proxy', 'https-proxy', 'noproxy'].map(npmSetting),
  );
  const anyone = { access: '$all', publish: '$all', unpublish: '$all' };
  const server = await runServer({
    self_path: folder,
    configPath: join(folder, 'config.yaml'),
    storage: join(folder, 'storage'),
    auth: { htpasswd: { file: join(folder, 'htpasswd') } },
    uplinks: {
      upstream: { url: upstream, cache: true, maxage: '1h', max_fails: 10, timeout: '60s' },
    },
    packages: { '@chainrule/*': anyone, '**': { access: '$all', proxy: 'upstream' } },
    ...(httpProxy && { http_proxy: httpProxy }),
    ...(httpsProxy && { https_proxy: httpsProxy }),
    ...(noProxy && { no_proxy: noProxy }),
    max_body_size: '100mb',
    web: { enable: false },
    log: { type: 'stdout', format: 'pretty', level: 'fatal' },
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${server.address().port}/`;
  // npm wants to see a login before it publishes; any will do.
  const npmrc = join(folder, 'npmrc');
  writeFileSync(
    npmrc,
    `registry=${url}\n${url.replace('http:', '')}:_authToken=anyone\nfund=false\naudit=false\nupdate-notifier=false\n`,
  );
  return {
    url,
    /** Environment that makes npm, npx and pnpm use this registry alone, with a cache of its own. */
    env: {
      npm_config_registry: url,
      npm_config_userconfig: npmrc,
      npm_config_cache: join(folder, 'npm-cache'),
      npm_config_store_dir: join(folder, 'pnpm-store'),
    },
    folder,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Folders and manifests of all packages that are published. */
export function publicPackages() {
  const folder = join(root, 'packages');
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .map((path) => ({
      path,
      manifest: JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')),
    }))
    .filter(({ manifest }) => !manifest.private);
}

/** Packs all public packages as pnpm publishes them; returns the tarballs by package name. */
export async function packAll(destination) {
  mkdirSync(destination, { recursive: true });
  const filters = publicPackages().map(({ manifest }) => `--filter=${manifest.name}`);
  const { stdout } = await pnpm([...filters, 'pack', '--json', '--pack-destination', destination]);
  const packed = JSON.parse(stdout.slice(stdout.indexOf('[')));
  return Object.fromEntries(packed.map(({ name, filename }) => [name, filename]));
}

/** Publishes packed packages to a registry that `startRegistry` returned. */
export async function publishAll(tarballs, registry) {
  for (const tarball of Object.values(tarballs)) {
    await run('npm', ['publish', tarball, '--ignore-scripts', '--tag=latest'], {
      env: registry.env,
    });
  }
}
