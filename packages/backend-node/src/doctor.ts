import { existsSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isWholeLibrary, type NativePaths, nativePaths } from './cache.js';
import { checkBinding } from './check.js';
import { findLibrary, wheelForThisMachine } from './library.js';
import { TENSORFLOW_VERSION, TFJS_NODE } from './pins.js';
import { findTools, installCommand, type Tool, type ToolName, type Tools } from './tools.js';

/** One line of the report. */
export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  /** What was found, or what is wrong. */
  readonly found: string;
  /** The command that mends it, where `ok` is false. */
  readonly fix?: string;
}

export interface Diagnosis {
  /** The native backend computes. */
  readonly ok: boolean;
  readonly findings: readonly Finding[];
}

const INSTALL = 'npx chainrule-native install';

/**
 * Looks at everything that the native backend needs and multiplies two matrices through it, in a
 * child process. Changes nothing.
 *
 * @example
 * ```ts
 * import { diagnose } from '@chainrule/backend-node/doctor';
 * const { ok, findings } = await diagnose();
 * ```
 */
export async function diagnose(signal?: AbortSignal): Promise<Diagnosis> {
  const paths = nativePaths();
  const tools = await findTools(signal);
  const computes = await computing(paths, signal);
  const findings = [
    nodeVersion(),
    platform(paths),
    ...toolFindings(tools, computes.ok),
    await cache(paths),
    library(paths),
    present('tfjs-node', paths.kernels, TFJS_NODE.version),
    present('binding', paths.binding, paths.binding),
    computes,
  ];
  return { ok: computes.ok, findings };
}

function nodeVersion(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const ok = major > 20 || (major === 20 && minor >= 19);
  const fix = 'install Node 20.19 or later';
  return { name: 'node', ok, found: process.versions.node, ...(!ok && { fix }) };
}

function platform(paths: NativePaths): Finding {
  const found = `${process.platform}-${process.arch}`;
  if (paths.ownLibrary) return { name: 'platform', ok: true, found };
  try {
    wheelForThisMachine();
    return { name: 'platform', ok: true, found };
  } catch {
    const fix = 'export CHAINRULE_LIBTENSORFLOW=/folder/with/libtensorflow';
    return { name: 'platform', ok: false, found: `${found}: no prebuilt libtensorflow`, fix };
  }
}

/** What the install needs: absent, it is a fault only while the install is still to be done. */
function toolFindings(tools: Tools, installed: boolean): Finding[] {
  const finding = (name: ToolName, tool: Tool | undefined): Finding => {
    if (tool) return { name, ok: true, found: `${tool.version} (${tool.command})` };
    const found = installed ? 'not found (only an install needs it)' : 'not found';
    return { name, ok: installed, found, ...(!installed && { fix: installCommand([name]) }) };
  };
  return (['python', 'pip', 'compiler', 'npm'] as const).map((name) => finding(name, tools[name]));
}

async function cache(paths: NativePaths): Promise<Finding> {
  let folder = paths.root;
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
  const ok = await access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
  const fix = 'export CHAINRULE_CACHE=/a/folder/of/yours';
  const found = ok ? paths.root : `${paths.root} can not be written`;
  return { name: 'cache', ok, found, ...(!ok && { fix }) };
}

function library(paths: NativePaths): Finding {
  const name = 'libtensorflow';
  if (!paths.ownLibrary) {
    if (isWholeLibrary(paths)) return { name, ok: true, found: TENSORFLOW_VERSION };
    return { name, ok: false, found: 'not installed', fix: INSTALL };
  }
  try {
    return { name, ok: true, found: findLibrary(paths.library).files[0]! };
  } catch (error) {
    const fix = 'unset CHAINRULE_LIBTENSORFLOW';
    return { name, ok: false, found: (error as Error).message, fix };
  }
}

function present(name: string, path: string, found: string): Finding {
  if (existsSync(path)) return { name, ok: true, found };
  return { name, ok: false, found: 'not installed', fix: INSTALL };
}

async function computing(paths: NativePaths, signal?: AbortSignal): Promise<Finding> {
  const name = 'computes';
  if (!existsSync(paths.binding) || !existsSync(paths.kernels)) {
    return { name, ok: false, found: 'no: not installed', fix: INSTALL };
  }
  try {
    const { version, milliseconds } = await checkBinding(paths.binding, signal);
    const found = `yes: a matrix product with TensorFlow ${version}, ${milliseconds} ms with start-up`;
    return { name, ok: true, found };
  } catch (error) {
    signal?.throwIfAborted();
    return { name, ok: false, found: (error as Error).message, fix: `${INSTALL} --force` };
  }
}
