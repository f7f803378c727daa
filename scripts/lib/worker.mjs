/**
 * Answers the calls that page.mjs passes on to a worker.
 *
 * @param {{ [name: string]: (...args: any[]) => unknown }} functions
 */
export function answer(functions) {
  globalThis.onmessage = async ({ data: { id, name, args } }) => {
    try {
      globalThis.postMessage({ id, value: await functions[name](...args) });
    } catch (error) {
      globalThis.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
    }
  };
}

/** @param {string} line */
export const say = (line) => globalThis.postMessage({ log: line });
