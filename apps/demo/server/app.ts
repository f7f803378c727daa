import { OpenAPIHono } from '@hono/zod-openapi';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { answerRoutes } from './answer-routes.js';
import type { Asking } from './asking.js';
import { bodies } from './bodies.js';
import { catalogRoutes } from './catalog-routes.js';
import { headers, hostCheck, sameOrigin } from './guard.js';
import type { Pages } from './pages.js';
import { PICTURE_BYTES } from './pictures.js';
import { issuesOf, onError, problem } from './problems.js';
import { runRoutes } from './run-routes.js';
import type { Runs } from './runs.js';
import type { Finder } from './search.js';
import { searchRoutes } from './search-routes.js';

export interface Parts {
  readonly asking: Asking;
  readonly runs: Runs;
  readonly finder: Finder;
  readonly pages: Pages;
  /** Names by which the server may be called; addresses always may. */
  readonly hosts: ReadonlySet<string>;
  readonly log: (line: string) => void;
}

const JSON_BYTES = 32 * 1024;
/** Where pictures come in; everywhere else JSON does, or nothing. */
const PICTURES = ['/api/answers/picture', '/api/search/picture'];

/** All that the server answers. */
export function createApp(parts: Parts): OpenAPIHono {
  const app = new OpenAPIHono({
    defaultHook: (result) =>
      result.success ? undefined : problem(400, issuesOf(result.target, result.error.issues)),
  });
  app.onError(onError(parts.log));
  app.notFound(() => problem(404, 'there is nothing at this address'));

  app.use(headers(parts.pages.scripts));
  app.use(hostCheck(parts.hosts));
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (_, methods) =>
        problem(405, `only ${methods.join(', ')} is served here`, { allow: methods.join(', ') }),
    }),
  );
  app.use('/api/*', sameOrigin, async (c, next) => {
    await next();
    if (!c.res.headers.has('cache-control')) c.header('cache-control', 'no-store');
  });
  const json = bodies(JSON_BYTES, 'application/json');
  const picture = bodies(PICTURE_BYTES, 'image/png', 'image/jpeg', 'image/webp');
  app.use('/api/*', (c, next) => (PICTURES.includes(c.req.path) ? picture : json)(c, next));

  catalogRoutes(app, parts);
  runRoutes(app, parts);
  answerRoutes(app, parts);
  searchRoutes(app, parts);
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: {
      title: 'Chainrule demo',
      version: '1',
      description:
        'Trains fusion strategies on easy-VQA side by side and answers questions about pictures. Refusals are problem descriptions (RFC 9457).',
    },
  });
  app.get('/api/*', () => problem(404, 'there is nothing at this address'));
  app.get('*', (c) => parts.pages.serve(c));
  return app;
}
