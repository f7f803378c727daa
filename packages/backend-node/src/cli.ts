import { isChainruleError } from '@chainrule/tensor';
import { Command, CommanderError } from 'commander';
import { type Diagnosis, diagnose } from './doctor.js';
import { installNative } from './install.js';
import { progressPrinter } from './print.js';

const EXAMPLES = `
Examples:
  $ npx chainrule-native install          fetch and build the native backend, once a machine
  $ npx chainrule-native doctor           see what is there, what is missing, how to mend it
  $ npx chainrule-native doctor --json    the same for programs

Environment:
  CHAINRULE_CACHE           folder for downloads (default: the platform's cache folder)
  CHAINRULE_LIBTENSORFLOW   folder with a libtensorflow of your own, for install and for programs
`;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

interface Options {
  readonly json?: boolean;
  readonly force?: boolean;
}

/**
 * The `chainrule-native` command. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
 */
export async function main(args: readonly string[]): Promise<number> {
  const stop = new AbortController();
  const interrupt = () => stop.abort(new DOMException('interrupted', 'AbortError'));
  for (const signal of SIGNALS) process.once(signal, interrupt);
  let status = 0;
  let json = false;
  const program = new Command('chainrule-native')
    .description('Native TensorFlow for Chainrule programs on Node.')
    .addHelpText('after', EXAMPLES)
    .exitOverride();
  program
    .command('install')
    .description('fetch libtensorflow and build the binding (about 20 s; 850 MB on disk)')
    .option('--force', 'build everything anew')
    .option('--json', 'print the result as JSON')
    .action(async (options: Options) => {
      json = options.json ?? false;
      await install(options, stop.signal);
    });
  program
    .command('doctor')
    .description('say what is found, what is missing and the command that mends it')
    .option('--json', 'print the findings as JSON')
    .action(async (options: Options) => {
      json = options.json ?? false;
      const diagnosis = await diagnose(stop.signal);
      console.log(json ? JSON.stringify(diagnosis, null, 2) : report(diagnosis));
      status = diagnosis.ok ? 0 : 1;
    });
  try {
    await program.parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return fail(error, stop.signal.aborted, json);
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}

async function install({ json = false, force = false }: Options, signal: AbortSignal) {
  const printer = json ? undefined : progressPrinter(process.stderr);
  try {
    const onProgress = printer?.show ?? (() => {});
    const result = await installNative({ force, signal, onProgress });
    printer?.end();
    const done = result.already ? 'is installed already' : `installed in ${result.seconds} s`;
    const text = `TensorFlow ${result.version} ${done}, in ${result.folder}; it computes.`;
    console.log(json ? JSON.stringify({ ok: true, ...result }, null, 2) : text);
  } finally {
    printer?.end();
  }
}

function fail(error: unknown, interrupted: boolean, json: boolean): number {
  const message = interrupted
    ? 'chainrule-native: interrupted; what is finished is kept, and running this again goes on from there.'
    : error instanceof Error
      ? error.message
      : String(error);
  const code = interrupted ? 'INTERRUPTED' : isChainruleError(error) ? error.code : 'UNEXPECTED';
  if (json) console.log(JSON.stringify({ ok: false, code, message }, null, 2));
  else console.error(code === 'UNEXPECTED' && error instanceof Error ? error.stack : message);
  return interrupted ? 130 : 1;
}

function report({ ok, findings }: Diagnosis): string {
  const lines = findings.map((finding) => {
    const line = `${finding.ok ? '✓' : '✗'} ${finding.name.padEnd(14)} ${finding.found}`;
    return finding.fix ? `${line}\n  ${''.padEnd(14)} mend it: ${finding.fix}` : line;
  });
  const verdict = ok
    ? 'The native backend works.'
    : 'The native backend does not work; programs run on the slower wasm or cpu backend.';
  return `${lines.join('\n')}\n\n${verdict}`;
}
