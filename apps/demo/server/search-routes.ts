import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { pictureBody } from './answer-routes.js';
import type { Parts } from './app.js';
import { Refusal } from './problems.js';
import { refusals } from './refusals.js';
import { hits, searchText } from './schemas.js';

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

const getEmoji = createRoute({
  method: 'get',
  path: '/api/emoji/{file}',
  summary: 'A picture that a search has found',
  request: { params: z.object({ file: z.string().regex(/^\d{1,5}\.png$/) }) },
  responses: {
    200: {
      description: '128×128 pixels as a PNG',
      content: { 'image/png': { schema: z.string().openapi({ format: 'binary' }) } },
    },
    404: refusals[404],
  },
});

export function searchRoutes(app: OpenAPIHono, { finder }: Parts): void {
  app.openapi(searchByText, async (c) =>
    c.json(await finder.search({ text: c.req.valid('json').text }), 200),
  );
  app.openapi(searchByPicture, async (c) => {
    const image = new Uint8Array(await c.req.arrayBuffer());
    return c.json(await finder.search({ image }), 200);
  });
  app.openapi(getEmoji, async (c) => {
    const png = await finder.picture(Number.parseInt(c.req.valid('param').file, 10));
    if (png === undefined) throw new Refusal(404, 'there is no such picture');
    return c.body(new Uint8Array(png), 200, {
      'content-type': 'image/png',
      'cache-control': 'public, max-age=3600',
    });
  });
}
