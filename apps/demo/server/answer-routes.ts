import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Parts } from './app.js';
import { pixelsOf } from './pictures.js';
import { refusals } from './refusals.js';
import { pictureQuestion, question, reply } from './schemas.js';

const responses = {
  200: { description: 'The answers', content: { 'application/json': { schema: reply } } },
  400: refusals[400],
  413: refusals[413],
  415: refusals[415],
  503: refusals[503],
};

const answerPixels = createRoute({
  method: 'post',
  path: '/api/answers',
  summary: 'Answer a question about pixels',
  request: { body: { required: true, content: { 'application/json': { schema: question } } } },
  responses,
});

/** A body of bytes; `handler` reads it. */
export const pictureBody = {
  required: true,
  content: Object.fromEntries(
    ['image/png', 'image/jpeg', 'image/webp'].map((type) => [
      type,
      { schema: z.string().openapi({ format: 'binary' }) },
    ]),
  ),
};

const answerPicture = createRoute({
  method: 'post',
  path: '/api/answers/picture',
  summary: 'Answer a question about a picture file',
  description: 'At most 4 MB and 16 million pixels; the middle square is taken.',
  request: { query: pictureQuestion, body: pictureBody },
  responses: { ...responses, 422: refusals[422] },
});

export function answerRoutes(app: OpenAPIHono, { asking }: Parts): void {
  app.openapi(answerPixels, async (c) => {
    const { pixels, text } = c.req.valid('json');
    const bytes = Buffer.from(pixels, 'base64');
    const given = { pixels: new Uint8ClampedArray(bytes), text };
    return c.json(await asking.answer(given, c.req.raw.signal), 200);
  });
  app.openapi(answerPicture, async (c) => {
    const { text } = c.req.valid('query');
    const pixels = await pixelsOf(new Uint8Array(await c.req.arrayBuffer()));
    return c.json(await asking.answer({ pixels, text }, c.req.raw.signal), 200);
  });
}
