import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { useNative } from '@chainrule/backend-node/backend';
import { sha256 } from '@chainrule/data/node';
import { disposeTree, isChainruleError } from '@chainrule/tensor';
import type { TrainEvent } from '@chainrule/trainer';
import { checkModelFolder, loadDualEncoder, saveModel } from '@chainrule/trainer/node';
import { progress } from '../progress.js';
import { type Frozen, openFrozen, SIDE } from '../retrieval/frozen.js';
import { fitHeads, type Heads } from '../retrieval/heads.js';
import { examplesOf, openMaterial, splitOf } from '../retrieval/material.js';
import { type Tested, tested } from '../retrieval/measure.js';
import { page } from '../retrieval/page.js';
import { prompt } from '../retrieval/prompt.js';
import { queriesOf } from '../retrieval/queries.js';
import { recipes } from '../retrieval/recipes.js';
import {
  asJson,
  type Results,
  resultsJson,
  resultsOf,
  resultsTable,
  stylesOf,
} from '../retrieval/results.js';
import { fromScratch } from '../retrieval/scratch.js';
import { openGallery, openSearch } from '../retrieval/search.js';
import { headsOf, wholeModel } from '../retrieval/whole.js';
import { count, type Terminal } from '../terminal.js';
import { checkWritable } from '../write.js';

export interface RetrievalOptions {
  readonly seeds: number;
  readonly out: string;
  /** Only so many concepts. */
  readonly concepts?: number;
  readonly prompt: boolean;
  readonly json?: boolean;
  readonly retrain?: boolean;
}

/**
 * Text to picture and back: trains on five artists' emoji, measures on an artist and on concepts
 * that were held out, saves a model to use, writes a page of examples, and answers queries.
 */
export async function retrieval(
  options: RetrievalOptions,
  out: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const folder = resolve(options.out);
  const html = `${folder}.html`;
  await checkModelFolder(folder);
  await checkWritable(html, '--out');
  const { name } = await useNative({ training: true });
  const say = (text = '') => void process.stdout.write(`${text}\n`);

  const saved = options.retrain ? undefined : await savedResults(folder, options);
  if (saved) out.line(`The very same model is in ${folder} already; --retrain trains it anew.`);
  const show = (results: Results) => {
    out.settle();
    say(resultsTable(results));
    say(`\nModel: ${folder}\nExamples: ${html}`);
    if (options.json) say(resultsJson(results));
  };
  // With --json the results are to be the last line, so nothing is asked.
  const asks = options.prompt && !options.json;
  if (saved && !asks) {
    show(saved);
    return 0;
  }
  const frozen = await openFrozen(out, name === 'tensorflow', signal);
  try {
    show(saved ?? (await trained(folder, html, frozen, options, out, signal)));
    if (asks) await answerQueries(folder, frozen, options, out, signal);
    return 0;
  } finally {
    frozen.dispose();
  }
}

/** What a model in the folder reached, where these options would train it again. */
async function savedResults(folder: string, options: RetrievalOptions) {
  try {
    const { about, params } = await loadDualEncoder(folder);
    disposeTree(params as never);
    return about?.key === keyOf(options) ? resultsOf(about) : undefined;
  } catch (error) {
    if (isChainruleError(error)) return undefined;
    throw error;
  }
}

const keyOf = ({ seeds, concepts = 0 }: RetrievalOptions): string =>
  sha256(Buffer.from(JSON.stringify([4, SIDE, recipes, seeds, concepts])));

async function trained(
  folder: string,
  html: string,
  frozen: Frozen,
  options: RetrievalOptions,
  out: Terminal,
  signal: AbortSignal,
): Promise<Results> {
  const began = performance.now();
  const material = await openMaterial(frozen, options, out, signal);
  out.settle();
  const drawings = `${count(material.drawings.length, 'drawing')} by ${material.data.artists.length} artists`;
  out.line(
    `${drawings}, ${count(new Set(material.drawings.map(({ concept }) => concept)).size, 'concept')}; ${since(began)}`,
  );

  const seeds = Array.from({ length: options.seeds }, (_, seed) => seed);
  const runs: { [task in 'A' | 'B']: Tested[] } = { A: [], B: [] };
  const shown: { task: 'A' | 'B'; heads: Heads }[] = [];
  for (const task of ['A', 'B'] as const) {
    // Task A splits by artist, the same way for each seed, and nothing in the heads is random.
    const known = new Map<string, Tested>();
    for (const seed of seeds) {
      const start = performance.now();
      const { train, test, digest } = splitOf(material, task, seed);
      let result = known.get(digest);
      if (result === undefined) {
        out.live(`task ${task}, seed ${seed}: learning from ${count(train.length, 'drawing')}`);
        const heads = await fitHeads(examplesOf(material, train), recipes[task]);
        result = await tested(heads, material, test);
        known.set(digest, result);
        if (seed === 0) shown.push({ task, heads });
        else disposeTree(heads.params as never);
      }
      signal.throwIfAborted();
      runs[task].push(result);
      out.line(`task ${task}, seed ${seed}: ${foundOf(result)}; ${since(start)}`);
    }
  }
  const plain: Tested[] = [];
  for (const seed of seeds) {
    const start = performance.now();
    const result = await fromScratch(material, seed, signal, quiet(out));
    plain.push(result);
    out.line(`from scratch, seed ${seed}: ${foundOf(result)}; ${since(start)}`);
  }

  out.live('learning from all drawings');
  const use = await fitHeads(examplesOf(material, material.drawings), recipes.use);
  const results: Results = {
    seeds: seeds.length,
    taskA: stylesOf(runs.A),
    taskB: stylesOf(runs.B),
    fromScratch: stylesOf(plain),
    seconds: (performance.now() - began) / 1000,
  };
  const about = {
    task: 'retrieval',
    key: keyOf(options),
    results: asJson(results),
  };
  await saveModel(folder, wholeModel(frozen, use, about));
  const queries = await queriesOf(shown, material);
  await writeFile(html, await page(queries, resultsTable(results), material.data.licences));
  for (const { params } of [use, ...shown.map(({ heads }) => heads)]) disposeTree(params as never);
  out.line(`in all ${since(began)}`);
  return results;
}

const foundOf = ({ flat: { recall }, gallery }: Tested): string =>
  `R@1 ${recall[1]!.toFixed(3)}, R@10 ${recall[10]!.toFixed(3)} of ${gallery} pictures`;

async function answerQueries(
  folder: string,
  frozen: Frozen,
  options: RetrievalOptions,
  out: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { model, params } = await loadDualEncoder(folder);
  const heads = headsOf({ model, params });
  const { data, gallery } = await openGallery(options, out, signal);
  const search = await openSearch({ model, params, heads }, frozen, data, gallery);
  out.settle();
  await prompt(search, signal);
  disposeTree(params as never);
}

/** The live line of a training run, without its lines. */
function quiet(out: Terminal): (event: TrainEvent) => void {
  return progress({ ...out, line: () => {} });
}

const since = (began: number): string => `${((performance.now() - began) / 1000).toFixed(1)} s`;
