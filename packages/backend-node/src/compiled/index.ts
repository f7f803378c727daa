export { type CompiledOptions, compiled } from './compiled.js';
