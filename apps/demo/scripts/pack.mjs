// Packs easy-VQA and, where there is one, the trained model for the page that has no server.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { easyVqa } from '@chainrule/data/node';
import { fitWordTokenizer } from '@chainrule/encoders-text';
import sharp from 'sharp';

const SIDE = 64;
const SIZE = { height: SIDE, width: SIDE, channels: 3, fit: 'fill' };

/**
 * Writes `catalog.json` (what the page needs at once), `easy-vqa.json` with the pixels of both parts
 * (what training needs), sample pictures and the model into `folder`. The forms of both files are
 * in `src/lab/pack.ts`.
 *
 * @param {string} folder
 * @param {{ model?: string, images?: number, samples?: number, log?: (line: string) => void }} options
 *   `model`: a folder of a saved model, left out where it does not exist; `images`: at most so many
 *   of each part.
 */
export async function pack(folder, { model, images = Infinity, samples = 24, log } = {}) {
  const { train, test, classes, licence } = await easyVqa({ log });
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'samples'), { recursive: true });
  const texts = [...new Set(train.examples.map(({ inputs }) => inputs.text))];
  const parts = { train: grouped(train, images), test: grouped(test, images) };

  const written = {};
  for (const [name, pictures] of Object.entries(parts)) {
    const packed = gzipSync(pixelsOf(pictures), { level: 9 });
    const file = `${name}.pixels`;
    await writeFile(join(folder, file), packed);
    written[name] = {
      images: pictures.length,
      pixels: file,
      bytes: packed.length,
      questions: pictures.map(({ questions }) =>
        questions.flatMap(({ text, answer }) => [texts.indexOf(text), classes.indexOf(answer)]),
      ),
    };
  }
  await writeJson(join(folder, 'easy-vqa.json'), { version: 1, classes, texts, ...written });

  const shown = varied(parts.test, samples);
  await writeFile(join(folder, 'samples.pixels'), gzipSync(pixelsOf(shown)));
  await Promise.all(
    shown.map(({ pixels }, i) =>
      sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } })
        .png()
        .toFile(join(folder, 'samples', `${i}.png`)),
    ),
  );
  const tokenizer = fitWordTokenizer(train.examples.map(({ inputs }) => inputs.text));
  await writeJson(join(folder, 'catalog.json'), {
    version: 1,
    source: 'easy-VQA 1.0 by Victor Zhou',
    licence,
    sizes: {
      vocabulary: tokenizer.vocabulary.length,
      classes: classes.length,
      words: tokenizer.maxLength,
    },
    reference: 'samples.pixels',
    samples: shown.map(({ questions }, i) => ({ image: `samples/${i}.png`, questions })),
    model: model === undefined ? undefined : await packModel(model, join(folder, 'model')),
  });
  await writeFile(join(folder, 'LICENCE.txt'), licence.text);
}

/** The pictures of a part, each with its pixels and all its questions. */
function grouped({ examples }, most) {
  const pictures = new Map();
  for (const { inputs, label } of examples) {
    const { id } = inputs.image;
    if (!pictures.has(id)) {
      if (pictures.size >= most) break;
      pictures.set(id, { pixels: inputs.image.read(SIZE), questions: [] });
    }
    pictures.get(id).questions.push({ text: inputs.text, answer: label });
  }
  return [...pictures.values()];
}

function pixelsOf(pictures) {
  return Buffer.concat(pictures.map(({ pixels }) => pixels));
}

/** Pictures whose questions have as many different answers as can be: every colour, every shape. */
function varied(pictures, wanted) {
  const seen = new Map();
  for (const picture of pictures) {
    const looks = picture.questions
      .map(({ answer }) => answer)
      .filter((answer) => answer !== 'yes' && answer !== 'no')
      .sort()
      .join();
    if (!seen.has(looks)) seen.set(looks, picture);
    if (seen.size === wanted) break;
  }
  return [...seen.values()];
}

/** Copies the files of a saved model; nothing where there is none. */
async function packModel(from, to) {
  const wanted = ['config.json', 'model.safetensors', 'vocabulary.json'];
  const present = await readdir(from).catch(() => []);
  if (!wanted.every((name) => present.includes(name))) return undefined;
  await mkdir(to, { recursive: true });
  for (const name of wanted) await writeFile(join(to, name), await readFile(join(from, name)));
  const { about, model } = JSON.parse(await readFile(join(from, 'config.json'), 'utf8'));
  const { accuracy } = about ?? {};
  return {
    folder: 'model',
    files: wanted,
    fusion: about?.fusion ?? model.fusion.type,
    ...(typeof accuracy === 'number' && { accuracy }),
  };
}

async function writeJson(path, value) {
  await writeFile(path, JSON.stringify(value));
}
