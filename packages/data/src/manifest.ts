import { readFile, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { ChainruleError, nearestName } from '@chainrule/tensor';
import { z } from 'zod';
import { type Dataset, dataset, type Example } from './dataset.js';
import { type DecodeOptions, imageFile } from './decode.js';
import type { ImageSource } from './image.js';
import { parseRows, type Row } from './rows.js';

export interface ManifestOptions extends DecodeOptions {
  /** The classes in the order of their ids. Default: the labels that occur, sorted. */
  readonly classes?: readonly string[];
  /** Lets images lie outside the manifest's folder. Default false. */
  readonly allowOutside?: boolean;
}

const COLUMNS = ['image', 'text', 'label', 'target', 'kind', 'split'];
const optionsSchema = z.object({
  maxPixels: z.int().positive().optional(),
  classes: z.array(z.string()).min(1).optional(),
  allowOutside: z.boolean().optional(),
});
const filled = z.string('must be text').trim().min(1, 'is empty');
const finite = z.number('must be a finite number or a list of them');
const rowSchema = z.object({
  image: filled.exactOptional(),
  text: filled.exactOptional(),
  label: z
    .union([filled, z.number().transform(String), z.boolean().transform(String)], {
      error: 'must be the name of a class',
    })
    .exactOptional(),
  target: z
    .union([finite, z.array(finite).min(1)], {
      error: 'must be a finite number or a list of them',
    })
    .exactOptional(),
  kind: filled.exactOptional(),
  split: z
    .enum(['train', 'validation', 'test'], { error: 'must be train, validation or test' })
    .exactOptional(),
});

/**
 * Reads a manifest: a table of examples, as JSON Lines (`.jsonl`, `.ndjson`) or CSV (`.csv`).
 *
 * | column   | holds                                                                     |
 * |----------|---------------------------------------------------------------------------|
 * | `image`  | a PNG, JPEG, WebP or SVG file, relative to the manifest's folder          |
 * | `text`   | words                                                                     |
 * | `label`  | the name of a class (classification), or                                  |
 * | `target` | a number or a list of numbers (regression; in CSV a list is `"[1, 2.5]"`) |
 * | `kind`   | optional: a group to report accuracy by                                   |
 * | `split`  | optional: `train`, `validation` or `test`                                 |
 *
 * At least one of `image` and `text` is there, the same in all rows, and exactly one of `label` and
 * `target`. Other columns are ignored; rows may repeat. Images are looked up now and decoded later.
 *
 * @throws ChainruleError `DATA_MANIFEST`, naming file and line; `DATA_EMPTY` without rows.
 * @example
 * const faces = await manifest('faces/manifest.jsonl');
 * const { train, test } = split(faces, { fractions: { train: 0.8, test: 0.2 } });
 */
export async function manifest(path: string, options: ManifestOptions = {}): Promise<Dataset> {
  const checked = optionsSchema.safeParse(options);
  if (!checked.success) {
    throw fail(`wrong options: ${z.prettifyError(checked.error)}`);
  }
  const file = basename(path);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw fail(`can not read ${path}: ${(cause as Error).message}`, cause);
  });
  const rows = parseRows(file, text);
  if (rows.length === 0) {
    throw new ChainruleError(
      'DATA_EMPTY',
      `data.manifest: ${file} has no rows; add lines such as {"image": "a.png", "text": "what is this?", "label": "cat"}`,
    );
  }

  const folder = await realpath(dirname(path));
  const images = new Map<string, Promise<ImageSource>>();
  const examples: Example[] = [];
  for (const row of rows) {
    const { image, text, ...rest } = parseRow(file, row, rows);
    let source: ImageSource | undefined;
    if (image !== undefined) {
      if (!images.has(image)) images.set(image, findImage(image, folder, options));
      source = await images.get(image)!.catch((cause: unknown) => {
        throw fail(`${file} line ${row.line}: ${(cause as Error).message}`, cause);
      });
    }
    examples.push({
      ...rest,
      inputs: { ...(source && { image: source }), ...(text !== undefined && { text }) },
    });
  }
  try {
    return dataset({
      name: file,
      examples,
      ...(options.classes && { classes: options.classes }),
      describe: (index) => `line ${rows[index]!.line}`,
    });
  } catch (cause) {
    const problem = (cause as Error).message.replace(/^data\.dataset: [^:]*: /, '');
    throw fail(`${file} ${problem}`, cause);
  }
}

function parseRow(file: string, { line, values }: Row, rows: readonly Row[]) {
  const row = rowSchema.safeParse(values);
  if (!row.success) {
    const issue = row.error.issues[0]!;
    const column = String(issue.path[0]);
    throw fail(
      `${file} line ${line}: ${column} ${issue.message}, got ${JSON.stringify(values[column])}`,
    );
  }
  const { image, text, label, target } = row.data;
  const missing =
    image === undefined && text === undefined
      ? ['image', 'text']
      : label === undefined && target === undefined
        ? ['label', 'target']
        : undefined;
  if (missing !== undefined) throw missingColumn(file, line, missing, values, rows);
  return row.data;
}

/** A column that no row has is the header's fault, not the line's. */
function missingColumn(
  file: string,
  line: number,
  [a, b]: readonly string[],
  values: Row['values'],
  rows: readonly Row[],
): ChainruleError {
  const got = Object.keys(values);
  const everywhere = rows.every(
    (row) => row.values[a!] === undefined && row.values[b!] === undefined,
  );
  const near = got
    .filter((name) => !COLUMNS.includes(name))
    .find((name) => [a, b].includes(nearestName(name, COLUMNS)));
  const hint = near === undefined ? '' : `; rename "${near}" to "${nearestName(near, COLUMNS)}"?`;
  return fail(
    `${file} ${everywhere ? '' : `line ${line} `}has neither "${a}" nor "${b}"; its columns are ${got.join(', ') || 'none'}${hint}`,
  );
}

async function findImage(
  image: string,
  folder: string,
  options: ManifestOptions,
): Promise<ImageSource> {
  const wanted = resolve(folder, image);
  const outside = (path: string) => {
    const way = relative(folder, path);
    return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way);
  };
  const refusal = `image "${image}" lies outside the manifest's folder ${folder}; move it there or allow it with allowOutside`;
  // Before touching the file, so that a manifest can not probe which files exist elsewhere.
  if (!options.allowOutside && outside(wanted)) throw new Error(refusal);
  const real = await realpath(wanted).catch((cause: unknown) => {
    throw new Error(`there is no image "${image}" (looked for ${wanted})`, { cause });
  });
  if (!options.allowOutside && outside(real)) throw new Error(refusal);
  const { maxPixels } = options;
  return imageFile(real, image, maxPixels === undefined ? {} : { maxPixels });
}

function fail(message: string, cause?: unknown): ChainruleError {
  return new ChainruleError('DATA_MANIFEST', `data.manifest: ${message}`, { cause });
}
