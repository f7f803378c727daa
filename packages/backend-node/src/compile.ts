import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ChainruleError } from '@chainrule/tensor';
import type { NativePaths } from './cache.js';
import { type BindingCheck, checkBinding } from './check.js';
import { findLibrary, type Library } from './library.js';
import type { OnProgress } from './progress.js';
import { run } from './run.js';
import { outputOf } from './tools.js';

export interface CompileOptions {
  readonly compiler: string;
  readonly staging: string;
  readonly onProgress: OnProgress;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Compiles tfjs-node's two C++ files into a Node-API binding, which runs on any later Node, and
 * puts it in its place once it has passed its check.
 *
 * @returns what the check found; undefined when the binding was there already
 * @throws ChainruleError `NATIVE_COMPILE`, `NATIVE_CHECK`
 */
export async function ensureBinding(
  paths: NativePaths,
  options: CompileOptions,
): Promise<BindingCheck | undefined> {
  if (existsSync(paths.binding)) return undefined;
  const { staging, onProgress, signal } = options;
  const library = findLibrary(paths.library);
  onProgress({ stage: 'compile', message: 'compiling the binding (a few seconds)' });

  // Sibling of the folder's final place, so that the relative path in the binding is right before
  // the rename and after it.
  const folder = `${staging}-binding`;
  await mkdir(folder);
  const rpath = paths.ownLibrary ? library.folder : `$ORIGIN/../${basename(paths.library)}`;
  const binding = join(folder, basename(paths.binding));
  await Promise.all([
    compileBinding(paths, library, rpath, binding, options),
    compileQuiet(join(folder, basename(paths.quiet)), options),
  ]);

  onProgress({ stage: 'check', message: 'checking that it computes' });
  const check = await checkBinding(binding, signal);
  await rename(folder, paths.bindingFolder);
  return check;
}

/**
 * Compiles the operations that TensorFlow lacks (native/operations.cc). Where that fails (another
 * compiler, a library of the user's own that is older) their folder stays empty and TensorFlow's
 * own operations do the work.
 */
export async function ensureOperations(paths: NativePaths, options: CompileOptions): Promise<void> {
  if (existsSync(paths.operationsFolder)) return;
  const { staging, onProgress, signal } = options;
  const library = findLibrary(paths.library);
  onProgress({ stage: 'compile', message: 'compiling the operations that TensorFlow lacks' });
  const folder = `${staging}-operations`;
  await mkdir(folder);
  const rpath = paths.ownLibrary ? library.folder : `$ORIGIN/../${basename(paths.library)}`;
  const output = join(folder, basename(paths.operations));
  try {
    await compileOperations(library, rpath, output, options);
  } catch (error) {
    signal?.throwIfAborted();
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n', 1);
    onProgress({ stage: 'compile', message: `going on without them (${reason})` });
  }
  await rename(folder, paths.operationsFolder);
}

const PARTS = [
  'adam',
  'attention',
  'batch-norm',
  'convolution',
  'dense',
  'factors',
  'gelu',
  'images',
  'layer-norm',
  'linear',
  'lstm',
  'modulate',
  'rows',
  'segment-sum',
  'transpose',
];
const OPERATIONS = ['operations', 'pages', 'product', ...PARTS];
const LOOPS = PARTS.map((name) => `${name}-kernels`);
const OPTIMIZE = ['-O3', '-fno-math-errno', '-fno-trapping-math', '-ffp-contract=fast'];

/** The instruction sets that the operations choose from when they run. */
const INSTRUCTION_SETS: { readonly [set: string]: readonly string[] } = {
  base: ['-DLANES=4'],
  ...(process.arch === 'x64' && {
    avx2: ['-DLANES=8', '-march=x86-64-v3'],
    avx512: ['-DLANES=16', '-march=x86-64-v4', '-mprefer-vector-width=512'],
  }),
};

/** For product-kernels.cc alone, which chooses nothing: product.cc asks it whether it can run. */
const TILES = ['-DTILES', '-march=x86-64-v4', '-mamx-tile', '-mamx-bf16'];

async function compileOperations(
  library: Library,
  rpath: string,
  output: string,
  options: CompileOptions,
): Promise<void> {
  const built = async (name: string, source: string, flags: readonly string[]) => {
    const object = join(options.staging, `${name}.o`);
    await compile([...flags, '-c', native(`${source}.cc`), '-o', object], options);
    return object;
  };
  /** One after the other: all at once would be more compilers than processors, and a lot of memory. */
  const inTurn = async (sources: readonly string[], flags: readonly string[], suffix = '') => {
    const objects: string[] = [];
    for (const source of sources) objects.push(await built(source + suffix, source, flags));
    return objects;
  };
  /** An old compiler does not know tiles; without these flags it makes functions that do nothing. */
  const product = async () => {
    const name = 'product-kernels';
    const plain = () => built(name, name, OPTIMIZE);
    if (process.arch !== 'x64') return [await plain()];
    return [await built(name, name, [...OPTIMIZE, ...TILES]).catch(plain)];
  };
  const objects = await Promise.all([
    inTurn(OPERATIONS, ['-O2', '-isystem', library.include]),
    product(),
    ...Object.entries(INSTRUCTION_SETS).map(([set, flags]) =>
      inTurn(LOOPS, [...OPTIMIZE, ...flags, `-DSET=${set}`], `-${set}`),
    ),
  ]);
  const stubs = await linkable(library.files, options);
  // With `now` a function that the library lacks is found when it is loaded, not when it is called.
  const link = ['-shared', '-Wl,--no-as-needed', '-Wl,-z,now', ...objects.flat(), ...stubs];
  await compile([...link, '-pthread', `-Wl,-rpath,${rpath}`, '-o', output], options);
}

const native = (name: string) => fileURLToPath(new URL(`../native/${name}`, import.meta.url));

async function compileBinding(
  paths: NativePaths,
  library: Library,
  rpath: string,
  output: string,
  options: CompileOptions,
): Promise<void> {
  const sources = ['tfjs_backend', 'tfjs_binding'];
  const object = (name: string) => join(options.staging, `${name}.o`);
  await Promise.all(
    sources.map((name) => {
      const source = join(paths.kernels, 'binding', `${name}.cc`);
      const include = ['-isystem', library.include];
      const flags = ['-O2', ...include, '-include', native('session.h')];
      return compile([...flags, '-c', source, '-o', object(name)], options);
    }),
  );
  const libraries = await linkable(library.files, options);
  const link = ['-shared', '-Wl,--no-as-needed', ...sources.map(object), ...libraries];
  await compile([...link, `-Wl,-rpath,${rpath}`, '-o', output], options);
}

/**
 * What to link against: empty libraries of the same names. The linker would read all 800 MB of the
 * real one, which takes it 10 s, only to note its name. The check finds a function that is missing.
 */
async function linkable(files: readonly string[], options: CompileOptions): Promise<string[]> {
  return Promise.all(
    files.map(async (file) => {
      const name = basename(file);
      const stub = join(options.staging, name);
      await compile(
        ['-shared', '-x', 'c++', '/dev/null', `-Wl,-soname,${name}`, '-o', stub],
        options,
      );
      return stub;
    }),
  );
}

/** The small module that keeps the library's banner off stderr. */
async function compileQuiet(output: string, options: CompileOptions): Promise<void> {
  await compile(['-O2', '-shared', native('quiet.cc'), '-ldl', '-o', output], options);
}

async function compile(args: readonly string[], options: CompileOptions): Promise<void> {
  const { compiler, signal } = options;
  const headers = dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json'));
  const flags = ['-std=c++17', '-fPIC', '-DNAPI_VERSION=8', '-I', join(headers, 'include')];
  const result = await run(compiler, [...flags, ...args], { signal });
  if (result.status === 0) return;
  throw new ChainruleError(
    'NATIVE_COMPILE',
    `chainrule-native: ${compiler} could not build the binding; a g++ or clang++ that knows C++17 is needed (\`${compiler} --version\`). It said:\n${outputOf(result)}`,
  );
}
