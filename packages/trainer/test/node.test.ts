import '@tensorflow/tfjs';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bagOfWords } from '@chainrule/encoders-text';
import { huggingFace, huggingFaceTokenizer } from '@chainrule/encoders-text/huggingface';
import { sum } from '@chainrule/fusion';
import { key, mlp } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fromFiles, toFiles } from '../src/files.js';
import { multimodal, predictor } from '../src/index.js';
import { checkModelFolder, loadModel, saveModel } from '../src/node.js';
import { queries, trainedModel } from './answers.js';
import { failure, inChild, temporaryFolder } from './support.js';

beforeAll(() => tf.setBackend('cpu'));

const temporary = temporaryFolder();
let parent = '';
beforeEach(async () => {
  parent = await mkdtemp(join(temporary, 'case-'));
});

const MODEL = ['config.json', 'example.png', 'model.safetensors', 'vocabulary.json'];

describe('saveModel and loadModel', () => {
  it('give identical predictions in another process', async () => {
    const folder = join(parent, 'models/mine');
    const trained = trainedModel();
    await saveModel(folder, trained);
    expect(await readdir(join(parent, 'models'))).toEqual(['mine']);
    expect((await readdir(folder)).sort()).toEqual(MODEL);
    const elsewhere = await inChild<number[][]>(`
      import '@tensorflow/tfjs';
      import * as tf from '@tensorflow/tfjs-core';
      import { predictor } from '@chainrule/trainer';
      import { loadModel } from '@chainrule/trainer/node';
      import { queries } from './answers.js';

      await tf.setBackend('cpu');
      const trained = await loadModel(${JSON.stringify(folder)});
      console.log('RESULT' + JSON.stringify(await predictor(trained).outputs(queries())));
    `);
    expect(elsewhere).toEqual(await predictor(trained).outputs(queries()));
  });

  it('replace a model that stood there', async () => {
    const folder = join(parent, 'mine');
    const trained = trainedModel();
    await saveModel(folder, trained);
    await saveModel(folder, { ...trained, labels: ['a', 'b', 'c'] });
    expect((await loadModel(folder)).labels).toEqual(['a', 'b', 'c']);
    expect(await readdir(parent)).toEqual(['mine']);
  });
});

describe('saveModel', () => {
  it('touches no folder that holds something else', async () => {
    const folder = join(parent, 'project');
    await mkdir(folder);
    await writeFile(join(folder, 'config.json'), '{}');
    await writeFile(join(folder, 'thesis.txt'), 'three years of work');
    const error = await failure(() => saveModel(folder, trainedModel()));
    expect(error).toMatchObject({ code: 'WRITE' });
    expect(error.message).toBe(
      `saveModel: ${folder} holds "thesis.txt", so it is not just a saved model and will not be replaced; choose another folder`,
    );
    expect((await readdir(folder)).sort()).toEqual(['config.json', 'thesis.txt']);
    expect(await readdir(parent)).toEqual(['project']);
  });

  it('says so where it can not write, and leaves nothing behind', async () => {
    const file = join(parent, 'file');
    await writeFile(file, 'a file, not a folder');
    for (const folder of [file, join(file, 'model'), '/proc/model', '/dev/null/model']) {
      for (const save of [
        () => saveModel(folder, trainedModel()),
        () => checkModelFolder(folder),
      ]) {
        const error = await failure(save);
        expect(error).toMatchObject({ code: 'WRITE' });
        expect(error.message).toMatch(`saveModel: can not write ${folder}: `);
        expect(error.message).toMatch(
          /choose a folder that you may write to, on a disk with room$/,
        );
      }
    }
    expect(await readdir(parent)).toEqual(['file']);
    expect(await readFile(file, 'utf8')).toBe('a file, not a folder');
  });

  it('keeps the old model where there is no room for the new one', async () => {
    const folder = join(parent, 'mine');
    await saveModel(folder, trainedModel());
    const before = await readFile(join(folder, 'model.safetensors'));
    // A place for 8 KiB: config.json fits, the weights do not.
    const message = await inChild<string>(
      `
      import '@tensorflow/tfjs';
      import { saveModel } from '@chainrule/trainer/node';
      import { trainedModel } from './answers.js';

      const error = await saveModel(${JSON.stringify(folder)}, trainedModel()).catch((e) => e);
      console.log('RESULT' + JSON.stringify(error.message));
    `,
      (node, program) => ['bash', '-c', `ulimit -f 8 && exec "${node}" "${program}"`],
    );
    expect(message).toMatch(
      `saveModel: can not write ${folder}: EFBIG: file too large, write; choose`,
    );
    expect(await readdir(parent)).toEqual(['mine']);
    expect(await readFile(join(folder, 'model.safetensors'))).toEqual(before);
  });
});

describe('loadModel', () => {
  it('says which file is missing or broken', async () => {
    const folder = join(parent, 'mine');
    const messageOf = async (path = folder) => {
      const error = await failure(() => loadModel(path));
      expect(error.code).toBe('MODEL_FILE');
      return error.message;
    };
    expect(await messageOf()).toMatch(
      `loadModel: can not read the folder ${folder}: ENOENT: no such file or directory`,
    );
    await mkdir(folder);
    expect(await messageOf()).toBe(
      `${folder}: has no config.json; give the folder of a saved model`,
    );
    await mkdir(join(folder, 'config.json'));
    expect(await messageOf()).toBe(`${folder}/config.json: it is not a regular file`);

    const other = join(parent, 'other');
    await saveModel(other, trainedModel());
    expect(await messageOf(join(other, 'config.json'))).toMatch(/ENOTDIR/);
    await writeFile(join(other, 'model.safetensors'), 'nonsense');
    expect(await messageOf(other)).toMatch(`${other}/model.safetensors: safetensors: `);
  });

  it('does not wait for a pipe, nor follow a link out of the data', async () => {
    const folder = join(parent, 'mine');
    await mkdir(folder);
    execFileSync('mkfifo', [join(folder, 'config.json')]);
    expect((await failure(() => loadModel(folder))).message).toMatch(/not a regular file/);

    const other = join(parent, 'other');
    await mkdir(other);
    await symlink('/dev/zero', join(other, 'config.json'));
    expect((await failure(() => loadModel(other))).message).toMatch(/not a regular file/);
  });
});

describe('a model with a Hugging Face tokenizer', () => {
  const file = {
    added_tokens: [
      { id: 0, content: '[PAD]', special: true },
      { id: 1, content: '[UNK]', special: true },
    ],
    normalizer: { type: 'Lowercase' },
    pre_tokenizer: { type: 'Whitespace' },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: { '[PAD]': 0, '[UNK]': 1, circle: 2, square: 3, red: 4, '##s': 5 },
    },
  };
  const tokenizer = huggingFaceTokenizer(file, { maxLength: 8 });
  const trained = () => {
    const model = multimodal({
      encoders: { text: bagOfWords({ vocabulary: tokenizer.vocabulary.length, width: 4 }) },
      fusion: sum,
      head: (width) => mlp({ in: width, out: 2 }),
    });
    const { config } = tokenizer;
    return { model, params: model.init(key(0)), tokenizer: config, labels: ['yes', 'no'] };
  };
  const asked = { text: ['red circles', 'a square'] };

  it('is loaded and answers, with nothing said of the tokenizer', async () => {
    const folder = join(parent, 'mine');
    await saveModel(folder, trained());
    const { model, params } = trained();
    const ids = tf.tensor2d(tokenizer.encodeBatch(asked.text), [2, 8], 'int32');
    const expected = model.apply(params, { inputs: { text: ids } }).arraySync();
    expect(await predictor(await loadModel(folder)).outputs(asked)).toEqual(expected);
  });

  it('is read from bytes with the library given', async () => {
    const files = toFiles(trained());
    const again = fromFiles(files, 'model', { tokenizers: huggingFace });
    expect(await predictor(again).outputs(asked)).toHaveLength(2);
    expect(toFiles(again)).toEqual(files);
    const without = await failure(() => fromFiles(files));
    expect(without.message).toContain('model/vocabulary.json');
    expect(without.message).toContain('needs `huggingFace`');
  });
});
