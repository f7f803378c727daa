import { easyVqa } from '@chainrule/data/node';
import { fitWordTokenizer } from '@chainrule/encoders-text';
import type { TaskData } from '../src/lab/runs.js';

let loaded: Promise<TaskData> | undefined;

/** easy-VQA with the tokenizer of its training questions, as `npm start` has it; loaded once. */
export function taskData(): Promise<TaskData> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<TaskData> {
  const { train, test } = await easyVqa({ log: (line) => void process.stderr.write(`${line}\n`) });
  const tokenizer = fitWordTokenizer(train.examples.map(({ inputs }) => inputs.text));
  return { train, test, tokenizer };
}
