import { useWeb } from '@chainrule/backend-web';
import { ChainruleError } from '@chainrule/tensor';
import wasmPlain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import wasmSimd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import wasmThreaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import { type BrowserLab, browserLab } from './browser-lab.js';
import { type LabMessage, type LabReply, labMessage } from './messages.js';

const wasmPaths = {
  'tfjs-backend-wasm.wasm': wasmPlain,
  'tfjs-backend-wasm-simd.wasm': wasmSimd,
  'tfjs-backend-wasm-threaded-simd.wasm': wasmThreaded,
};

let lab: Promise<BrowserLab> | undefined;
const say = (reply: LabReply) => self.postMessage(reply);

self.addEventListener('message', async ({ data }: MessageEvent<unknown>) => {
  const id = (data as { readonly id?: number } | null)?.id ?? -1;
  try {
    const message = labMessage.parse(data);
    say({ type: 'result', id, value: await handle(message) });
  } catch (error) {
    const code = error instanceof ChainruleError ? error.code : 'MESSAGE';
    say({ type: 'failure', id, code, message: (error as Error).message });
  }
});

async function handle(message: LabMessage): Promise<unknown> {
  if (message.type === 'open') {
    lab ??= open(message);
    await lab;
    return null;
  }
  if (lab === undefined) throw new ChainruleError('MESSAGE', 'lab: open it first');
  const opened = await lab;
  switch (message.type) {
    case 'catalog':
      return opened.catalog();
    case 'inspect':
      return opened.inspect(message.fusion);
    case 'answer':
      return opened.answer(message.question);
    case 'start':
      return opened.start(message.run, message.request);
    default:
      return opened[message.type](message.run);
  }
}

async function open({ base, prefer, batchSize }: LabMessage & { type: 'open' }) {
  const { name, simd, threads } = await useWeb({ ...(prefer && { prefer }), wasmPaths });
  const details = [simd && 'SIMD', threads && threads > 1 && `${threads} threads`];
  const backend = [name, ...details.filter(Boolean)].join(', ');
  return browserLab({
    base: new URL(base),
    backend,
    emit: (event) => say({ type: 'event', event }),
    ...(batchSize !== undefined && { batchSize }),
  });
}
