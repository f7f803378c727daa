import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));

// tfjs (also where it lies outside node_modules, in Chainrule's cache), Node and this folder.
const LIBRARY =
  /[\\/]@tensorflow[\\/]|[\\/]tfjs-node[^\\/]*[\\/]|[\\/]tfjs-(core|layers)[^\\/]*[\\/]|node:internal|\(native\)|<anonymous>/;
// Chainrule itself, installed or in its own repository.
const CHAINRULE = /[\\/]@chainrule[\\/]|[\\/]packages[\\/][^\\/]+[\\/](src|dist)[\\/]/;

/**
 * The line of the user's code that a stack leads to, `model.ts:12:5`: the innermost one that is
 * neither in tfjs nor in Chainrule, or else the innermost one that is not in tfjs.
 */
export function userLine(stack: string | undefined): string {
  const frames = (stack ?? '')
    .split('\n')
    .filter((line) => line.trimStart().startsWith('at '))
    .filter((line) => !LIBRARY.test(line) && !line.includes(HERE));
  const frame =
    frames.find((line) => !CHAINRULE.test(line) && !/[\\/]node_modules[\\/]/.test(line)) ??
    frames[0];
  return /\(?((?:file:\/\/)?[^()\s]+:\d+:\d+)\)?$/.exec(frame ?? '')?.[1] ?? 'an unknown line';
}

/** The user's line that is running now. */
export function currentLine(): string {
  return userLine(new Error('here').stack);
}
