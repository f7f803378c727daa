/** An encoder that `pnpm bench encoders` measures. */
interface EncoderBench {
  /** As the table says it, with the size of its input. */
  readonly title: string;
  /** How many inputs one step embeds. */
  readonly batch: number;
  /** Its name in `workloads`. */
  readonly workload: string;
  /** The file of `peers` that does the same in PyTorch, and what stands before the data's path. */
  readonly peer: readonly [file: string, ...args: string[]];
  /** How far the checks may differ, relatively. */
  readonly tolerance: number;
}

export const encoders: { readonly [name: string]: EncoderBench } = {
  efficientNetLite0: {
    title: 'EfficientNet-Lite0, 224×224, batch 32',
    batch: 32,
    workload: 'efficientnet',
    peer: ['encoders_efficientnet.py'],
    tolerance: 1e-4,
  },
  miniLm: {
    title: 'MiniLM-L6, 16 tokens, batch 100',
    batch: 100,
    workload: 'mini-lm',
    peer: ['torch_peer.py', 'mini-lm', 'eager'],
    tolerance: 1e-3,
  },
};
