import * as tf from '@tensorflow/tfjs';
import { APPLY_ADAM, APPLY_MOMENTUM, APPLY_SGD } from '../src/index.js';

type Arrays = { readonly [input: string]: Float32Array };
type Attributes = { readonly [name: string]: number | boolean };
/** Writes outputs, the first of which is the new parameter, from inputs, in one pass. */
type Pass = (inputs: Arrays, outputs: Float32Array[], attributes: Attributes) => void;

const sgd: Pass = ({ param, grad, rate }, [next]) => {
  for (let i = 0; i < next!.length; i++) next![i] = param![i]! - rate![0]! * grad![i]!;
};

const momentum: Pass = ({ param, grad, trace, rate }, [next, sum], { decay, nesterov }) => {
  const mu = Number(decay);
  for (let i = 0; i < next!.length; i++) {
    sum![i] = grad![i]! + mu * trace![i]!;
    next![i] = param![i]! - rate![0]! * (nesterov ? grad![i]! + mu * sum![i]! : sum![i]!);
  }
};

const adam: Pass = (
  { param, grad, m, v, rate, epsilon, decay },
  [next, mean, square],
  { beta1, beta2 },
) => {
  const [b1, b2] = [Number(beta1), Number(beta2)];
  for (let i = 0; i < next!.length; i++) {
    mean![i] = b1 * m![i]! + (1 - b1) * grad![i]!;
    square![i] = b2 * v![i]! + (1 - b2) * grad![i]! ** 2;
    next![i] =
      param![i]! -
      (rate![0]! * mean![i]!) / (Math.sqrt(square![i]!) + epsilon![0]!) -
      decay![0]! * param![i]!;
  }
};

/** The fused kernels as a backend could have them, for the cpu backend; `calls` counts them. */
export function registerFusedKernels() {
  const calls = new Map<string, number>();
  const kernels: readonly [name: string, outputs: number, pass: Pass][] = [
    [APPLY_SGD, 1, sgd],
    [APPLY_MOMENTUM, 2, momentum],
    [APPLY_ADAM, 3, adam],
  ];
  return {
    calls,
    register() {
      for (const [kernelName, outputs, pass] of kernels) {
        tf.registerKernel({
          kernelName,
          backendName: 'cpu',
          kernelFunc({ inputs, attrs }) {
            calls.set(kernelName, (calls.get(kernelName) ?? 0) + 1);
            const engine = tf.engine();
            const arrays = Object.fromEntries(
              Object.entries(inputs).map(([name, info]) => [
                name,
                engine.backend.readSync(info!.dataId) as Float32Array,
              ]),
            );
            const { shape } = inputs.param!;
            const results = Array.from(
              { length: outputs },
              () => new Float32Array(arrays.param!.length),
            );
            pass(arrays, results, (attrs ?? {}) as Attributes);
            const infos = results.map((values) => ({
              dataId: engine.backend.write(values, shape, 'float32'),
              shape,
              dtype: 'float32' as const,
            }));
            return infos.length === 1 ? infos[0]! : infos;
          },
        });
      }
    },
    unregister() {
      for (const [kernelName] of kernels) tf.unregisterKernel(kernelName, 'cpu');
    },
  };
}
