import { fitWordTokenizer } from '@chainrule/encoders-text';
import { fromFiles, type TrainedModel } from '@chainrule/trainer/files';
import type { Reference } from './answer.js';
import { fetchBytes, fetchGzip, fetchJson, type OnProgress } from './fetching.js';
import { type PackedCatalog, packedCatalog, packedData, unpack } from './pack.js';
import type { TaskData } from './runs.js';

/** What lies packed beside the page; everything is fetched when it is first needed, and once. */
export interface Source {
  catalog(): Promise<PackedCatalog>;
  /** Questions and pixels to train on and to be measured with. */
  task(onProgress?: OnProgress): Promise<TaskData>;
  /** The trained model, where one was packed. */
  model(): Promise<TrainedModel | undefined>;
  /** The sample pictures and their questions. */
  reference(): Promise<Reference>;
}

export function source(base: URL): Source {
  const at = (path: string) => new URL(path, base);
  const listeners = new Set<OnProgress>();
  const catalog = once(() => fetchJson(at('catalog.json'), packedCatalog));

  const task = once(async () => {
    const packed = await fetchJson(at('easy-vqa.json'), packedData);
    const total = packed.train.bytes + packed.test.bytes;
    const loaded = { train: 0, test: 0 };
    const part = async (name: 'train' | 'test') => {
      const pixels = await fetchGzip(at(packed[name].pixels), (bytes) => {
        loaded[name] = bytes;
        for (const tell of listeners) tell(loaded.train + loaded.test, total);
      });
      return unpack(packed, name, pixels);
    };
    const [train, test] = await Promise.all([part('train'), part('test')]);
    const tokenizer = fitWordTokenizer(train.examples.map(({ inputs }) => inputs.text ?? ''));
    return { train, test, tokenizer };
  });

  return {
    catalog,
    async task(onProgress) {
      if (onProgress) listeners.add(onProgress);
      try {
        return await task();
      } finally {
        if (onProgress) listeners.delete(onProgress);
      }
    },
    model: once(async () => {
      const { model } = await catalog();
      if (model === undefined) return undefined;
      const read = async (name: string) =>
        [name, await fetchBytes(at(`${model.folder}/${name}`))] as const;
      return fromFiles(Object.fromEntries(await Promise.all(model.files.map(read))), model.folder);
    }),
    reference: once(async () => {
      const { reference, samples } = await catalog();
      return {
        pixels: await fetchGzip(at(reference)),
        texts: samples.flatMap(({ questions }) => questions.map(({ text }) => text)),
      };
    }),
  };
}

/** The first call does the work, later ones share its result; a failure is tried again. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work().catch((error: unknown) => {
      result = undefined;
      throw error;
    });
    return result;
  };
}
