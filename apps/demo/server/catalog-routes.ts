import { fusion as strategies } from '@chainrule/fusion/registry';
import { nearestName } from '@chainrule/tensor';
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Parts } from './app.js';
import { Refusal } from './problems.js';
import { refusals } from './refusals.js';
import { catalog, inspection } from './schemas.js';

const getCatalog = createRoute({
  method: 'get',
  path: '/api/catalog',
  summary: 'What there is',
  description:
    'The strategies, the trained model, pictures to ask about, and whether search is ready.',
  responses: {
    200: { description: 'The catalogue', content: { 'application/json': { schema: catalog } } },
  },
});

const getSample = createRoute({
  method: 'get',
  path: '/api/samples/{file}',
  summary: 'A picture of the test set',
  request: { params: z.object({ file: z.string().regex(/^\d{1,6}\.png$/) }) },
  responses: {
    200: {
      description: '64×64 pixels as a PNG',
      content: { 'image/png': { schema: z.string().openapi({ format: 'binary' }) } },
    },
    404: refusals[404],
  },
});

const getInspection = createRoute({
  method: 'get',
  path: '/api/inspections/{fusion}',
  summary: 'A composed model as a diagram needs it',
  description: 'Parts with shapes and parameter counts, and the config that rebuilds the model.',
  request: {
    params: z.object({
      fusion: z
        .string()
        .max(40)
        .openapi({ example: 'gated', enum: [...strategies.names] }),
    }),
  },
  responses: {
    200: { description: 'The model', content: { 'application/json': { schema: inspection } } },
    404: refusals[404],
  },
});

export function catalogRoutes(app: OpenAPIHono, { asking, finder, log }: Parts): void {
  const summaries = strategies.describe().map(({ name, summary }) => ({ name, summary }));

  app.openapi(getCatalog, async (c) => {
    const { backend, samples } = await asking.samples().catch((error: Error) => {
      // Without a network the data may be missing; the rest is there.
      log(`no sample pictures: ${error.message}`);
      return { backend: 'tensorflow', samples: [] };
    });
    const model = await asking.model().catch((error: Error) => {
      log(`no model: ${error.message}`);
      return undefined;
    });
    const missing = await finder.missing();
    return c.json(
      {
        where: 'server' as const,
        backend,
        fusions: summaries,
        ...(model && { model }),
        samples: samples.map(({ id, questions }) => ({
          image: `/api/samples/${fileOf(id)}`,
          questions,
        })),
        search: { ready: missing === undefined, ...(missing && { missing }) },
      },
      200,
    );
  });

  app.openapi(getSample, async (c) => {
    const { file } = c.req.valid('param');
    const { samples } = await asking.samples();
    const found = samples.find(({ id }) => fileOf(id) === file);
    if (found === undefined) throw new Refusal(404, 'there is no such picture');
    return c.body(new Uint8Array(found.png), 200, {
      'content-type': 'image/png',
      'cache-control': 'public, max-age=3600',
    });
  });

  app.openapi(getInspection, async (c) => {
    const { fusion } = c.req.valid('param');
    checkFusion(404, fusion);
    return c.json(await asking.inspect(fusion), 200);
  });
}

/** `test/104` is `104.png`. */
const fileOf = (id: string) => `${id.replace(/^.*\//, '')}.png`;

/** @throws Refusal where there is no such strategy. */
export function checkFusion(status: number, name: string): void {
  if (strategies.names.includes(name)) return;
  const nearest = nearestName(name, strategies.names);
  const hint = nearest === undefined ? '' : ` did you mean "${nearest}"?`;
  throw new Refusal(
    status,
    `there is no fusion strategy of this name;${hint} GET /api/catalog lists them`,
  );
}
