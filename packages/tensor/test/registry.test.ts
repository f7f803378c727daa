import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { entry, issues, registry } from '../src/registry.js';

const count = z.int().positive();
const strategies = registry<{ name: string }>('fusion', {
  gated: entry(
    'Gates each modality.',
    z.object({
      widths: z.record(z.string(), count).describe('Width of each modality.'),
      width: count.default(128).describe('Width of the result.'),
      kind: z.enum(['soft', 'hard']).default('soft'),
    }),
    ({ widths, width, kind }) => ({ name: 'gated', widths, width, kind }),
  ),
  stack: entry(
    'Stacks blocks.',
    z
      .object({
        blocks: z.array(
          z.object({ filters: count, pool: z.literal(['max', false]).default('max') }),
        ),
        rate: z.number().min(0).lt(1).nullable().default(null),
        size: z.tuple([count, count]).optional(),
        flags: z.array(z.union([z.boolean(), count])).optional(),
      })
      .refine(({ blocks }) => blocks.length > 0, { path: ['blocks'], message: 'give one or more' }),
    (options) => ({ name: 'stack', ...options }),
  ),
});

describe('registry', () => {
  it('creates with defaults', () => {
    expect(strategies.names).toEqual(['gated', 'stack']);
    expect(strategies.create('gated', { widths: { a: 1 } })).toEqual({
      name: 'gated',
      widths: { a: 1 },
      width: 128,
      kind: 'soft',
    });
    expectTypeOf(strategies.create).returns.toEqualTypeOf<{ name: string }>();
  });

  it('rebuilds from a config', () => {
    const config = { type: 'gated', widths: { a: 1 }, width: 5, kind: 'hard' };
    expect(strategies.fromConfig(config)).toMatchObject({ width: 5, kind: 'hard' });
    for (const wrong of [undefined, null, 5, 'gated', [], {}, { type: 5 }]) {
      expect(() => strategies.fromConfig(wrong)).toThrow(
        'fusion: a config must be an object with a "type"',
      );
    }
  });

  const refused: [options: unknown, message: string][] = [
    [undefined, 'fusion.gated: "widths" is missing, expected record'],
    [{}, 'fusion.gated: "widths" is missing, expected record'],
    [5, 'fusion.gated: expected object, received number'],
    [
      { widths: {}, wdth: 3 },
      'fusion.gated: unknown option "wdth". Did you mean "width"? Known: widths, width, kind',
    ],
    [
      { widths: {}, temperature: 3 },
      'fusion.gated: unknown option "temperature". Known: widths, width, kind',
    ],
    [{ widths: { a: -1 } }, 'fusion.gated: "widths.a": Too small: expected number to be >0'],
    [
      { widths: {}, kind: 'sof', width: '5' },
      'fusion.gated: "width": expected number, received string; "kind": Invalid option: expected one of "soft"|"hard"',
    ],
    [JSON.parse('{"widths":{},"__proto__":{}}'), 'unknown option "__proto__"'],
  ];
  it.each(refused)('refuses the options %j', (options, message) => {
    expect(() => strategies.create('gated', options)).toThrow(message);
    expect(() => strategies.create('gated', options)).toThrow(
      expect.objectContaining({ code: 'OPTION', cause: expect.any(z.ZodError) }),
    );
  });

  it('keeps the rules of a schema that span options', () => {
    expect(() => strategies.create('stack', { blocks: [] })).toThrow(
      'fusion.stack: "blocks": give one or more',
    );
  });

  it.each(['gatd', 'GATED', 'toString', '__proto__', ''])('refuses the name "%s"', (name) => {
    expect(() => strategies.create(name)).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_NAME' }),
    );
    expect(() => strategies.create(name)).toThrow(`fusion: unknown name "${name}".`);
  });

  it('suggests the nearest name', () => {
    expect(() => strategies.create('gatd')).toThrow('Did you mean "gated"? Known: gated, stack.');
  });

  it('describes every option', () => {
    expect(strategies.describe()).toEqual([
      {
        name: 'gated',
        summary: 'Gates each modality.',
        options: [
          {
            name: 'widths',
            type: '{ [name]: integer }',
            required: true,
            description: 'Width of each modality.',
          },
          {
            name: 'width',
            type: 'integer',
            required: false,
            default: 128,
            description: 'Width of the result.',
          },
          { name: 'kind', type: '"soft" | "hard"', required: false, default: 'soft' },
        ],
      },
      {
        name: 'stack',
        summary: 'Stacks blocks.',
        options: [
          {
            name: 'blocks',
            type: '({ filters: integer, pool?: "max" | false })[]',
            required: true,
          },
          { name: 'rate', type: 'number | null', required: false, default: null },
          { name: 'size', type: '[integer, integer]', required: false },
          { name: 'flags', type: '(boolean | integer)[]', required: false },
        ],
      },
    ]);
  });
});

describe('issues', () => {
  it('keeps the words of zod where no options are known', () => {
    const { error } = z.strictObject({ a: z.string() }).safeParse({ a: 5, b: 1 });
    expect(issues(error!)).toBe('"a": expected string, received number; Unrecognized key: "b"');
  });
});
