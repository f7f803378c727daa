export { type MainOptions, main, type Serve } from './main.js';
