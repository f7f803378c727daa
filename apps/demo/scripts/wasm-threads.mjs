/**
 * The wasm backend hands the source of its factory function to its threads, `_scriptDir` of the
 * scope around it included: the function tests whether there is one, which a minifier takes for
 * certain, so that the threads fail on an unknown name. In a module there never is one.
 *
 * @returns {import('vite').Plugin}
 */
export function wasmThreads() {
  return {
    name: 'chainrule:wasm-threads',
    transform(code, id) {
      if (!/wasm-out\/tfjs-backend-wasm-threaded-simd\.js/.test(id)) return;
      const [head, ...rest] = code.split('return (');
      const body = rest.join('return (').replace(/\b_scriptDir\b/g, 'undefined');
      return { code: `${head}return (${body}`, map: null };
    },
  };
}
