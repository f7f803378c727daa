import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ChainruleError } from '@chainrule/tensor';
import { run, tail } from './run.js';

/** The commands that an install needs, with the version each reports; undefined = not found. */
export interface Tools {
  readonly python: Tool | undefined;
  readonly pip: Tool | undefined;
  readonly compiler: Tool | undefined;
  readonly npm: Tool | undefined;
}

export interface Tool {
  readonly command: string;
  readonly version: string;
}

export async function findTools(signal?: AbortSignal): Promise<Tools> {
  const [python, compiler, npm] = await Promise.all([
    firstThatRuns(['python3', 'python'], ['--version'], signal),
    firstThatRuns(['g++', 'c++', 'clang++'], ['--version'], signal),
    firstThatRuns(['npm'], ['--version'], signal),
  ]);
  const pip = python && (await firstThatRuns([python.command], ['-m', 'pip', '--version'], signal));
  return { python, pip, compiler, npm };
}

async function firstThatRuns(
  commands: readonly string[],
  args: readonly string[],
  signal?: AbortSignal,
): Promise<Tool | undefined> {
  for (const command of commands) {
    const { status, stdout } = await run(command, args, { signal });
    const version = /\d+(\.\d+)+/.exec(stdout.split('\n')[0] ?? '')?.[0];
    if (status === 0 && version && !/^Python 2/.test(stdout)) return { command, version };
  }
  return undefined;
}

export type ToolName = keyof Tools;

const PACKAGES: { readonly [manager: string]: { readonly [name in ToolName]: string } } = {
  'apt-get': { python: 'python3', pip: 'python3-pip', compiler: 'g++', npm: 'npm' },
  dnf: { python: 'python3', pip: 'python3-pip', compiler: 'gcc-c++', npm: 'npm' },
  pacman: { python: 'python', pip: 'python-pip', compiler: 'gcc', npm: 'npm' },
  zypper: { python: 'python3', pip: 'python3-pip', compiler: 'gcc-c++', npm: 'npm' },
  brew: { python: 'python', pip: 'python', compiler: 'gcc', npm: 'node' },
};
const VERB: { readonly [manager: string]: string } = { pacman: '-S' };
const LABELS: { readonly [name in ToolName]: string } = {
  python: 'Python 3',
  pip: 'pip',
  compiler: 'a C++ compiler',
  npm: 'npm',
};

/** The very command that installs what is missing, for this machine's package manager. */
export function installCommand(missing: readonly ToolName[]): string {
  const folders = (process.env.PATH ?? '').split(delimiter).concat('/usr/bin', '/opt/homebrew/bin');
  const manager =
    Object.keys(PACKAGES).find((name) => folders.some((f) => existsSync(join(f, name)))) ??
    'apt-get';
  const packages = new Set(missing.map((name) => PACKAGES[manager]![name]));
  const sudo = manager !== 'brew' && process.getuid?.() !== 0 ? 'sudo ' : '';
  return `${sudo}${manager} ${VERB[manager] ?? 'install'} ${[...packages].join(' ')}`;
}

/**
 * @throws ChainruleError `NATIVE_TOOLS`, naming everything that is missing at once and the command
 * that installs it.
 */
export function requireTools(tools: Tools, needed: readonly ToolName[]): void {
  const missing = needed.filter((name) => tools[name] === undefined);
  if (missing.length === 0) return;
  const labels = missing.map((name) => LABELS[name]).join(', ');
  throw new ChainruleError(
    'NATIVE_TOOLS',
    `chainrule-native: ${labels} not found on the PATH; install with \`${installCommand(missing)}\` and run this again. Until then programs run on the slower wasm or cpu backend.`,
  );
}

/** What the last lines of a failed command say. */
export function outputOf(result: { stdout: string; stderr: string }): string {
  return tail(result.stderr.trim() || result.stdout);
}
