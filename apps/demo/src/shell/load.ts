import type { Component } from 'svelte';
import type { Room } from './route.svelte.js';

const loaders: { readonly [R in Room]: () => Promise<{ default: Component }> } = {
  learn: () => import('../rooms/learn/Learn.svelte'),
  compare: () => import('../rooms/compare/Compare.svelte'),
  ask: () => import('../rooms/ask/Ask.svelte'),
  search: () => import('../rooms/search/Search.svelte'),
  inspect: () => import('../rooms/inspect/Inspect.svelte'),
};

/** A room's code comes when the room is entered: the first load stays small. */
export const load = (room: Room) => loaders[room]();
