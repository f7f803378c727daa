export const rooms = ['learn', 'compare', 'ask', 'search', 'inspect'] as const;
export type Room = (typeof rooms)[number];

interface Route {
  readonly room: Room;
  /** What stands behind the question mark: `#/compare?fusions=sum,gated`. */
  readonly query: URLSearchParams;
}

/** `#/ask?x=1` → room `ask` and its query; whatever is unknown leads to the first room. */
function parseRoute(hash: string): Route {
  const [, name = '', query = ''] = /^#\/?([^?]*)\??(.*)$/.exec(hash) ?? [];
  const room = rooms.find((room) => room === name) ?? 'learn';
  return { room, query: new URLSearchParams(query) };
}

/** The address of a room within the page, with a query that may be shared. */
export function linkTo(room: Room, query?: URLSearchParams): string {
  const text = query?.toString() ?? '';
  return `#/${room}${text && `?${text}`}`;
}

let shown = $state.raw(parseRoute(location.hash));
addEventListener('hashchange', () => {
  shown = parseRoute(location.hash);
});

/** The route that is shown; reactive. */
export const route = () => shown;
