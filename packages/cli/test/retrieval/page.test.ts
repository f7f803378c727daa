import type { EmojiDrawing } from '@chainrule/data/node';
import { describe, expect, it } from 'vitest';
import { escaped, page } from '../../src/retrieval/page.js';

const HOSTILE = `<script>alert("a & 'b'")</script>`;

/** Four by four pixels of one colour, by that name. */
function drawing(name: string): EmojiDrawing {
  const rgba = async () => new Uint8Array(64).fill(200);
  const concept = { id: '1f600', name } as EmojiDrawing['concept'];
  return { id: name, artist: 'noto', concept, rgba, read: rgba };
}

describe('page', () => {
  it('escapes what is text', async () => {
    expect(escaped(HOSTILE)).toBe(
      '&lt;script&gt;alert(&quot;a &amp; &#39;b&#39;&quot;)&lt;/script&gt;',
    );
    const found = [{ drawing: drawing(HOSTILE), similarity: 0.5, right: true }];
    const licence = { name: HOSTILE, url: 'https://example.com', holder: HOSTILE };
    const html = await page([{ text: HOSTILE, task: 'A', found }], HOSTILE, { [HOSTILE]: licence });
    expect(html).not.toContain('<script');
    expect(html.match(/&lt;script&gt;/g)).toHaveLength(7);
  });

  it('marks the right pictures, in more than colour, and holds everything itself', async () => {
    const found = ['cow', 'ox', 'owl'].map((name) => ({
      drawing: drawing(name),
      similarity: 0.25,
      right: name === 'ox',
    }));
    const html = await page(
      [
        { text: 'ox', task: 'A', found },
        { text: 'yak', task: 'B', found: found.slice(0, 1) },
      ],
      'a table',
      {},
    );
    expect(html).toMatch(/ox <small>at place 2</);
    expect(html).toMatch(/yak <small>not among the ten</);
    expect(html.match(/<li class="right"/g)).toHaveLength(1);
    expect(html).toMatch(/alt="ox, right"><b aria-hidden="true">✓/);
    expect(html).toContain('Of these 1 queries 0 have the right picture first, 1 among');
    expect(html).not.toMatch(/(?:src|href)="(?!data:)/);
  });
});
