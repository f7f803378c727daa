import { ChainruleError } from '@chainrule/tensor';
import { run } from './run.js';
import { outputOf } from './tools.js';

/** What the binding answered to a matrix product. */
export interface BindingCheck {
  /** Version of libtensorflow. */
  readonly version: string;
  readonly milliseconds: number;
}

/*
 * Runs in a process of its own: a library made for other processors ends its process, and that
 * must not be the user's.
 */
const PROGRAM = `
process.on('uncaughtException', (error) => {
  console.error(error.message);
  process.exit(1);
});
const start = performance.now();
const binding = require(process.argv[1]);
const { TF_ATTR_BOOL, TF_ATTR_TYPE, TF_FLOAT } = binding;
const x = binding.createTensor([2, 2], TF_FLOAT, new Float32Array([1, 2, 3, 4]));
const attributes = [
  { name: 'transpose_a', type: TF_ATTR_BOOL, value: false },
  { name: 'transpose_b', type: TF_ATTR_BOOL, value: false },
  { name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT },
];
const [y] = binding.executeOp('MatMul', attributes, [x, x], 1);
const values = Array.from(binding.tensorDataSync(y.id));
const milliseconds = Math.round(performance.now() - start);
console.log(JSON.stringify({ version: binding.TF_Version, values, milliseconds }));
`;

/**
 * Multiplies two matrices through the binding, in a child process.
 *
 * @throws ChainruleError `NATIVE_CHECK` when it does not load, dies, or multiplies wrongly
 */
export async function checkBinding(binding: string, signal?: AbortSignal): Promise<BindingCheck> {
  // BIND_NOW: a function that the library lacks shows at once, not at its first call.
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2', LD_BIND_NOW: '1' };
  const result = await run(process.execPath, ['-e', PROGRAM, binding], {
    env,
    signal,
    timeoutMs: 60_000,
  });
  const answer = result.status === 0 ? parse(result.stdout) : undefined;
  if (answer?.values.join() === '7,10,15,22') {
    return { version: answer.version, milliseconds: answer.milliseconds };
  }
  const illegal = result.signal === 'SIGILL' ? ' (this processor lacks AVX, which it needs)' : '';
  const how = result.signal ? `ended with ${result.signal}${illegal}` : outputOf(result);
  throw new ChainruleError(
    'NATIVE_CHECK',
    `chainrule-native: the native library does not compute: ${how || 'no answer'}. Programs run on the slower wasm or cpu backend; \`npx chainrule-native install --force\` builds it anew.`,
  );
}

function parse(
  text: string,
): { version: string; values: number[]; milliseconds: number } | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
