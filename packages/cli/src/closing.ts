import { join, relative } from 'node:path';
import { firstSample } from './saved.js';
import type { Task } from './task.js';

/**
 * How to call a command the way this one was called: by an npm script of the repository, or as an
 * installed program. Lines that are shown to copy must run.
 */
export function invocation(command: 'start' | 'ask' | 'retrieval' | 'catalog'): string {
  if (process.env.npm_package_name !== 'chainrule') return `npx chainrule ${command}`;
  return command === 'start' ? 'npm start --' : `npm run ${command} --`;
}

/** Where the model is, and what to try next. */
export function closing(folder: string, task: Task, fusion: string): string {
  const place = shortest(folder);
  const { image, text } = firstSample(task).inputs;
  const ask = [
    `${invocation('ask')} --model ${quote(place)}`,
    ...(image ? [`--image ${quote(join(place, 'example.png'))}`] : []),
    ...(text === undefined ? [] : [quote(text)]),
  ].join(' ');
  const other = fusion === 'gated' ? 'product' : 'gated';
  const lines = [
    [ask, 'ask it, with any picture'],
    [`${invocation('start')} --fusion ${other}`, 'another fusion strategy'],
    [`${invocation('start')} --data my/manifest.jsonl`, 'your own pictures and words'],
  ] as const;
  return [
    `Saved in ${place}. What to try next:`,
    ...lines.map(([command, what]) => `  ${command}   # ${what}`),
  ].join('\n');
}

function shortest(path: string): string {
  const way = relative(process.cwd(), path);
  return way.startsWith('..') ? path : way;
}

/** As a POSIX shell reads it. */
function quote(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `"${text.replace(/["$`\\!]/g, '\\$&')}"`;
}
