import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { streamSSE } from 'hono/streaming';
import { runRequest } from '../src/lab/lab.js';
import type { Parts } from './app.js';
import { checkFusion } from './catalog-routes.js';
import { refusals } from './refusals.js';
import type { Listener, Logged } from './runs.js';
import { runEvent, started } from './schemas.js';

/** Between comments on a stream that has nothing to say, so that a dead connection is noticed. */
const HEARTBEAT_MS = 15_000;

const id = z.object({ id: z.uuid().describe('the id of the run') });

const startRun = createRoute({
  method: 'post',
  path: '/api/runs',
  summary: 'Start training',
  description:
    'Trains on easy-VQA in a process of its own. Follow its events; a run that nobody follows for a minute is stopped.',
  request: {
    body: { required: true, content: { 'application/json': { schema: runRequest } } },
  },
  responses: {
    201: { description: 'It has begun', content: { 'application/json': { schema: started } } },
    400: refusals[400],
    413: refusals[413],
    415: refusals[415],
    429: refusals[429],
  },
});

const getEvents = createRoute({
  method: 'get',
  path: '/api/runs/{id}/events',
  summary: 'What a run tells',
  description:
    'Server-sent events, the past ones first; each has an id and is one RunEvent in JSON. `Last-Event-ID` goes on after that event. The stream ends with the run.',
  request: {
    params: id,
    headers: z.object({
      'last-event-id': z.coerce.number().int().min(0).default(0).openapi({ example: 0 }),
    }),
  },
  responses: {
    200: { description: 'Events', content: { 'text/event-stream': { schema: runEvent } } },
    404: refusals[404],
    429: refusals[429],
  },
});

const told = (path: 'pause' | 'resume' | 'stop', summary: string) =>
  createRoute({
    method: 'post',
    path: `/api/runs/{id}/${path}`,
    summary,
    description: 'The events of the run tell when it has happened.',
    request: { params: id },
    responses: {
      202: { description: 'The run has been told' },
      404: refusals[404],
      409: refusals[409],
    },
  });

export function runRoutes(app: OpenAPIHono, { runs }: Parts): void {
  app.openapi(startRun, (c) => {
    const request = c.req.valid('json');
    checkFusion(400, request.fusion);
    const id = runs.start(request);
    return c.json({ id }, 201, { location: `/api/runs/${id}/events` });
  });
  app.openapi(told('pause', 'Pause a run'), (c) => {
    runs.pause(c.req.valid('param').id);
    return c.body(null, 202);
  });
  app.openapi(told('resume', 'Go on with a paused run'), (c) => {
    runs.resume(c.req.valid('param').id);
    return c.body(null, 202);
  });
  app.openapi(told('stop', 'Stop a run'), (c) => {
    runs.stop(c.req.valid('param').id);
    return c.body(null, 202);
  });

  app.openapi(getEvents, (c) => {
    const waiting: Logged[] = [];
    let ended = false;
    let wake = () => {};
    const listener: Listener = {
      onEvent(logged) {
        waiting.push(logged);
        wake();
      },
      onEnd() {
        ended = true;
        wake();
      },
    };
    const after = c.req.valid('header')['last-event-id'];
    const leave = runs.follow(c.req.valid('param').id, after, listener);
    return streamSSE(c, async (stream) => {
      stream.onAbort(listener.onEnd);
      try {
        while (!stream.aborted) {
          const next = waiting.shift();
          if (next !== undefined) {
            await stream.writeSSE({ id: `${next.id}`, data: JSON.stringify(next.event) });
            continue;
          }
          if (ended) break;
          let timer: NodeJS.Timeout | undefined;
          const isQuiet = await new Promise<boolean>((resolve) => {
            wake = () => resolve(false);
            timer = setTimeout(() => resolve(true), HEARTBEAT_MS);
          });
          clearTimeout(timer);
          if (isQuiet) await stream.write(': still here\n\n');
        }
      } finally {
        leave();
      }
    });
  });
}
