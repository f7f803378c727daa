import { ChainruleError } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { RELAXED_SIMD, SIMD } from './binary.js';
import { withSharedMemory } from './shared.js';
import { alone, CONTROL, startThreads, type Threads } from './threads.js';

/** The functions of assembly/: pointers are byte addresses in the backend's memory, strides in bytes. */
interface SimdFunctions {
  readonly [name: string]: (...numbers: number[]) => void;
}

/** The wasm backend's memory, and our functions that work on it. */
export interface Simd {
  readonly call: SimdFunctions;
  readonly memory: WebAssembly.Memory;
  readonly threads: Threads;
  /** Address of a tensor's first number. */
  pointer(info: tf.TensorInfo): number;
  /** A new tensor, with whatever was in the memory. */
  output(shape: readonly number[], dtype?: tf.DataType): tf.TensorInfo;
  /** A new tensor of zeros. */
  zeros(shape: readonly number[], dtype?: tf.DataType): tf.TensorInfo;
  /** Memory for use within one call of a kernel: address of that many bytes. */
  scratch(bytes: number): number;
}

/** What we use of tfjs's `BackendWasm`, part of it not in its types. */
interface WasmBackend {
  readonly wasm: {
    _malloc(bytes: number): number;
    _free(pointer: number): void;
    /** With threads. */
    readonly wasmMemory?: WebAssembly.Memory;
    /** Without. */
    readonly asm?: { readonly memory?: WebAssembly.Memory };
  };
  readonly dataIdMap: { get(dataId: object): { memoryOffset: number } };
  makeOutput(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo;
}

let wanted = globalThis.navigator?.hardwareConcurrency ?? 1;

/** How many threads our functions use where the memory is shared; default the logical cores. */
export function setThreads(count: number): void {
  wanted = count;
}

const made = new WeakMap<object, Simd | false>();

/** Our functions on a backend's memory, or undefined where the engine lacks SIMD. */
export function simdOf(backend: unknown): Simd | undefined {
  const key = backend as WasmBackend;
  let simd = made.get(key);
  if (simd === undefined) {
    simd = make(key) ?? false;
    made.set(key, simd);
  }
  return simd || undefined;
}

function make(backend: WasmBackend): Simd | undefined {
  const { wasm } = backend;
  const memory = wasm.wasmMemory ?? wasm.asm?.memory;
  const shared = memory && !(memory.buffer instanceof ArrayBuffer);
  const module = memory && compile(shared === true);
  if (!memory || !module) return undefined;
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const call = instance.exports as unknown as SimdFunctions;
  const others = shared && typeof Worker !== 'undefined' ? wanted - 1 : 0;
  let room = { pointer: 0, bytes: 0 };
  const simd: Simd = {
    call,
    memory,
    threads:
      others > 0 ? startThreads(others, module, memory, call, zeroed(wasm, memory)) : alone(call),
    pointer: ({ dataId }) => backend.dataIdMap.get(dataId).memoryOffset,
    output: (shape, dtype = 'float32') => backend.makeOutput([...shape], dtype),
    zeros(shape, dtype) {
      const info = simd.output(shape, dtype);
      const bytes = tf.util.sizeFromShape([...shape]) * tf.util.bytesPerElement(info.dtype);
      new Uint8Array(memory.buffer, simd.pointer(info), bytes).fill(0);
      return info;
    },
    scratch(bytes) {
      if (bytes > room.bytes) {
        if (room.pointer) wasm._free(room.pointer);
        room = { pointer: wasm._malloc(bytes) >>> 0, bytes };
        if (room.pointer === 0) {
          room.bytes = 0;
          throw new ChainruleError(
            'BACKEND',
            `backend-web: the wasm backend has no ${bytes} bytes left; use smaller batches`,
          );
        }
      }
      return room.pointer;
    },
  };
  return simd;
}

function zeroed(wasm: WasmBackend['wasm'], memory: WebAssembly.Memory): number {
  const pointer = wasm._malloc(4 * CONTROL) >>> 0;
  new Int32Array(memory.buffer, pointer, CONTROL).fill(0);
  return pointer;
}

/** Whether the engine can run our functions. */
export const hasSimd = (): boolean => compile(false) !== undefined;

const compiled = new Map<boolean, WebAssembly.Module | undefined>();

function compile(shared: boolean): WebAssembly.Module | undefined {
  if (!compiled.has(shared)) {
    const candidates = [RELAXED_SIMD, SIMD].map((text) => {
      const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
      return shared ? withSharedMemory(bytes) : bytes;
    });
    const valid = candidates.find((bytes) => WebAssembly.validate(bytes));
    compiled.set(shared, valid && new WebAssembly.Module(valid));
  }
  return compiled.get(shared);
}
