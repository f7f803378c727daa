import { useNative } from './backend.js';

export { type Backend, type UseNativeOptions, useNative } from './backend.js';
export { type CompiledOptions, compiled } from './compiled/index.js';

/**
 * The backend that importing this package selected. Programs that train call
 * `useNative({ training: true })` instead, from `@chainrule/backend-node/backend`.
 */
export const backend = await useNative();
