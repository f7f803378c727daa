export { type CompiledOptions, compiled } from './compiled.js';
export {
  type CompiledFunction,
  type CompiledFunctionOptions,
  compiledFunction,
} from './function.js';
