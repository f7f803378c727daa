import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** Pinned, with everything that they need: two sets, so that one does without the other. */
const PACKAGES = {
  pgvector: ['pgserver==0.1.4'],
  milvus: [
    ...['milvus-lite==3.2.2', 'pymilvus==3.0.2', 'faiss-cpu==1.15.1', 'grpcio==1.85.1'],
    ...['numpy==2.4.6', 'pyarrow==26.0.1', 'pandas==3.1.1', 'python-dateutil==4.0.0'],
    ...['protobuf==7.36.2', 'orjson==3.13.0', 'cachetools==8.0.1', 'python-dotenv==1.2.4'],
    ...['requests==2.34.2', 'urllib3==2.8.0', 'idna==3.20', 'certifi==2026.10.18'],
    ...['charset-normalizer==3.5.2', 'packaging==26.3', 'typing_extensions==4.16.0'],
    ...['tzdata==2026.6', 'setuptools==65.5.0'],
  ],
};

function cacheFolder(): string {
  const { CHAINRULE_CACHE, XDG_CACHE_HOME } = process.env;
  if (CHAINRULE_CACHE) return CHAINRULE_CACHE;
  const xdg = XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : undefined;
  return join(xdg ?? join(homedir(), '.cache'), 'chainrule');
}

/**
 * Python packages in the user's cache, installed at the first call; or why there are none (no Python,
 * no registry), for the name of a test that says so.
 */
export async function provided(
  name: keyof typeof PACKAGES,
): Promise<{ readonly folder: string } | { readonly why: string }> {
  const packages = PACKAGES[name];
  const hash = createHash('sha256').update(packages.join()).digest('hex').slice(0, 12);
  const parent = join(cacheFolder(), 'retrieval');
  const folder = join(parent, `${name}-${hash}`);
  if (existsSync(folder)) return { folder };
  let made: string | undefined;
  try {
    await mkdir(parent, { recursive: true });
    made = await mkdtemp(join(parent, `${name}-partial-`));
    const python = await pip(made);
    await exec(
      python,
      [
        ...['-m', 'pip', 'install', '--disable-pip-version-check', '--quiet', '--no-deps'],
        ...['--only-binary=:all:', '--target', join(made, 'packages')],
        // PostgreSQL's own programs are what is wanted of this one, and no Python beyond 3.12 has it.
        ...(name === 'pgvector' ? ['--python-version', '3.11'] : []),
        ...packages,
      ],
      { timeout: 240_000 },
    );
    // Two test runs may make it at once: the first one stays.
    await rename(join(made, 'packages'), folder).catch((error: Error) => {
      if (!existsSync(folder)) throw error;
    });
    return { folder };
  } catch (error) {
    const { message, stderr } = error as Error & { stderr?: string };
    const text = stderr?.trim().split('\n').at(-1) || message.split('\n')[0];
    return { why: `pip can not install ${packages[0]}: ${text}` };
  } finally {
    if (made !== undefined) await rm(made, { recursive: true, force: true });
  }
}

/** A Python with pip: Debian's has none of its own, and an environment has one where venv is installed. */
async function pip(folder: string): Promise<string> {
  const venv = join(folder, 'venv');
  try {
    await exec('python3', ['-m', 'venv', venv]);
    return join(venv, 'bin', 'python');
  } catch (error) {
    await exec('python3', ['-m', 'pip', '--version']).catch(() => {
      throw error;
    });
    return 'python3';
  }
}

export interface Server {
  /** Ends it as a crash would. */
  crash(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** PostgreSQL on a socket in a folder of its own; `host` is that folder. */
export async function postgres(packages: string): Promise<Server & { readonly host: string }> {
  const host = await mkdtemp(join(tmpdir(), 'chainrule-pg-'));
  // It refuses to run as root, and who it runs as must reach its files.
  const root = process.getuid?.() === 0;
  const user = root ? { uid: 65_534, gid: 65_534 } : {};
  const home = join(host, 'postgres');
  await cp(join(packages, 'pgserver', 'pginstall'), home, { recursive: true });
  await mkdir(join(host, 'data'), { mode: 0o700 });
  if (root) for (const path of [host, join(host, 'data')]) await chown(path, 65_534, 65_534);
  const bin = (name: string) => join(home, 'bin', name);
  // Libraries that the wheel brings along lie beside it, where its binaries look for them.
  const libraries = join(host, 'pgserver.libs');
  if (existsSync(join(packages, 'pgserver.libs'))) {
    await cp(join(packages, 'pgserver.libs'), libraries, { recursive: true });
  }
  const env = { ...process.env, LC_ALL: 'C', LD_LIBRARY_PATH: `${join(home, 'lib')}:${libraries}` };
  const data = join(host, 'data');
  await exec(bin('initdb'), ['-D', data, '-A', 'trust', '-U', 'chainrule', '-E', 'UTF8'], {
    env,
    ...user,
  });
  let child: ChildProcess | undefined;
  const ended = () =>
    new Promise<void>((resolve) => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) resolve();
      else child.once('exit', () => resolve());
    });
  return {
    host,
    async start() {
      const settings = [
        `unix_socket_directories=${host}`,
        'listen_addresses=',
        'shared_buffers=32MB',
      ];
      const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])];
      child = spawn(bin('postgres'), args, { env, ...user, stdio: ['ignore', 'ignore', 'pipe'] });
      await saying(child, 'ready to accept connections');
    },
    async crash() {
      // Immediate shutdown: nothing is written, the next start recovers from the log.
      child?.kill('SIGQUIT');
      await ended();
    },
    async stop() {
      child?.kill('SIGINT');
      await ended();
      await rm(host, { recursive: true, force: true });
    },
  };
}

/** Milvus Lite, which speaks Milvus's protocol, on a port of the loopback interface. */
export async function milvusLite(packages: string): Promise<Server & { readonly address: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'chainrule-milvus-'));
  const port = await freePort();
  const host = '127.0.0.1';
  const args = ['--data-dir', join(folder, 'data'), '--host', host, '--port', `${port}`];
  let child: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  return {
    address: `${host}:${port}`,
    async start() {
      const env = { ...process.env, PYTHONPATH: packages, PYTHONUNBUFFERED: '1' };
      const program = 'from milvus_lite.cmdline import main; main()';
      child = spawn('python3', ['-c', program, 'server', ...args], {
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      await saying(child, 'listening on');
    },
    crash: () => end('SIGKILL'),
    async stop() {
      await end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves when the program has written the text. */
function saying(child: ChildProcess, text: string): Promise<void> {
  let all = '';
  return new Promise((resolve, reject) => {
    const read = (chunk: Buffer) => {
      all += chunk;
      if (all.includes(text)) resolve();
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${all}`)));
  });
}

/** A port of the loopback interface that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
