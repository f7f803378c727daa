export { registerTrainingKernels } from './register.js';
export { type UseWebOptions, useWeb, type WebBackend, type WebBackendName } from './use-web.js';
