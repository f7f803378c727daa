import type { Catalog, Hit, Inspection, Lab, Reply, Run, RunEvent } from './lab.js';
import { events } from './sse.js';

/** What the server refused, or that it can not be reached, in words for the reader. */
export class RemoteError extends Error {
  /** The HTTP status; 0 where no answer came. */
  readonly status: number;
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** Waits before a lost stream of events is asked for again, in ms. */
const RETRY_MS = [300, 1000, 3000, 5000, 5000];

/** The lab of the server that served the page. */
export function remoteLab(base: string = document.baseURI): Lab {
  const at = (path: string) => new URL(`api/${path}`, base);

  async function ask<T>(path: string, init?: RequestInit): Promise<T> {
    const response = await request(at(path), init);
    // Page and server are one build; what comes back has the type that was asked for.
    return response.json() as Promise<T>;
  }

  const absolute = <T extends { readonly image: string }>(one: T): T => ({
    ...one,
    image: new URL(one.image, base).href,
  });
  const json = (value: unknown): RequestInit => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  });

  /** Hands on the events until the last one, also over a connection that breaks in between. */
  async function follow(run: string, onEvent: (event: RunEvent) => void): Promise<void> {
    let last = '0';
    let failures = 0;
    for (;;) {
      try {
        const response = await request(at(`runs/${run}/events`), {
          headers: { accept: 'text/event-stream', 'last-event-id': last },
        });
        for await (const { id, data } of events(response.body!)) {
          const event = JSON.parse(data) as RunEvent;
          last = id;
          failures = 0;
          onEvent(event);
          if (event.type === 'stop' || event.type === 'error') return;
        }
      } catch (error) {
        if (error instanceof RemoteError && error.status >= 400 && error.status < 500) throw error;
        if (failures === RETRY_MS.length) throw error;
      }
      const wait = RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)];
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  function attach(id: string, onEvent: (event: RunEvent) => void): Run {
    follow(id, onEvent).catch((error: Error) =>
      onEvent({ run: id, type: 'error', message: error.message }),
    );
    const tell = (what: 'pause' | 'resume' | 'stop') => async () => {
      await request(at(`runs/${id}/${what}`), { method: 'POST' });
    };
    return { id, pause: tell('pause'), resume: tell('resume'), stop: tell('stop') };
  }

  return {
    async catalog() {
      const catalog = await ask<Catalog>('catalog');
      return { ...catalog, samples: catalog.samples.map(absolute) };
    },
    inspect: (fusion) => ask<Inspection>(`inspections/${encodeURIComponent(fusion)}`),
    async start(given, onEvent) {
      const { id } = await ask<{ readonly id: string }>('runs', json(given));
      return attach(id, onEvent);
    },
    attach,
    answer: ({ pixels, text }, signal) =>
      ask<Reply>('answers', { ...json({ pixels: base64(pixels), text }), signal: signal ?? null }),
    async search(query, signal) {
      const { pictures, names } = await ask<{ pictures: readonly Hit[]; names: readonly Hit[] }>(
        'text' in query ? 'search' : 'search/picture',
        {
          ...('text' in query ? json(query) : { method: 'POST', body: query.image }),
          signal: signal ?? null,
        },
      );
      return { pictures: pictures.map(absolute), names: names.map(absolute) };
    },
  };
}

async function request(url: URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(url, init).catch((cause: Error) => {
    if (cause.name === 'AbortError') throw cause;
    throw new RemoteError(0, 'the server can not be reached; is `npm start` still running?', {
      cause,
    });
  });
  if (response.ok) return response;
  const problem: unknown = await response.json().catch(() => undefined);
  const detail =
    typeof problem === 'object' && problem !== null && 'detail' in problem
      ? String(problem.detail)
      : `the server answered ${response.status}`;
  throw new RemoteError(response.status, detail);
}

/** In pieces, since each byte becomes an argument. */
function base64(bytes: Uint8ClampedArray): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 4096) {
    text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  }
  return btoa(text);
}
