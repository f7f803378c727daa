export * from './gradient-shares.js';
export * from './missing.js';
export * from './partial-information.js';
export * from './representations.js';
export * from './shuffled.js';
