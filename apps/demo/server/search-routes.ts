import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { pictureBody } from './answer-routes.js';
import type { Parts } from './app.js';
import { Refusal } from './problems.js';
import { refusals } from './refusals.js';
import { hits, searchText } from './schemas.js';
import type { Finder } from './search.js';

const responses = {
  200: {
    description: 'The nearest pictures and names, the most similar first',
    content: { 'application/json': { schema: hits } },
  },
  400: refusals[400],
  413: refusals[413],
  415: refusals[415],
  503: refusals[503],
};

const searchByText = createRoute({
  method: 'post',
  path: '/api/search',
  summary: 'Search by words',
  request: { body: { required: true, content: { 'application/json': { schema: searchText } } } },
  responses,
});

const searchByPicture = createRoute({
  method: 'post',
  path: '/api/search/picture',
  summary: 'Search by a picture',
  request: { body: pictureBody },
  responses: { ...responses, 422: refusals[422] },
});

export function searchRoutes(app: OpenAPIHono, { finder }: Parts): void {
  const found = (): Finder => {
    if ('missing' in finder) throw new Refusal(503, finder.missing);
    return finder;
  };
  app.openapi(searchByText, async (c) =>
    c.json(await found().search({ text: c.req.valid('json').text }), 200),
  );
  app.openapi(searchByPicture, async (c) => {
    const finder = found();
    return c.json(await finder.search({ image: new Uint8Array(await c.req.arrayBuffer()) }), 200);
  });
}
