import { connect } from 'node:net';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { gray, residentMb, type Served, serve, smallPage, temporaryFolder } from './support.js';

const folder = temporaryFolder();
let server: Served;

beforeAll(async () => {
  const page = await smallPage(join(folder, 'page'));
  server = await serve('--model', join(folder, 'no-models'), '--page', page, '--runs', '1');
});

async function refused(response: Response, status: number): Promise<string> {
  const body = (await response.json()) as { status: number; title: string; detail: string };
  expect({ status: response.status, type: response.headers.get('content-type') }).toEqual({
    status,
    type: 'application/problem+json',
  });
  expect(body).toMatchObject({ type: 'about:blank', status, title: expect.any(String) });
  return body.detail;
}

/** A request as it stands, for what `fetch` will not send. Gives the whole answer. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('close', () => resolve(answer)).on('error', reject);
  });
}

const get = (path: string, headers = '') =>
  raw(
    `GET ${path} HTTP/1.1\r\nHost: localhost:${server.port}\r\nConnection: close\r\n${headers}\r\n`,
  );

describe('a question', () => {
  const ask = (body: unknown, headers?: { [name: string]: string }) =>
    server.post('/api/answers', body, headers);

  it.each([
    ['no JSON', '{"pixels": ', 400, /JSON/],
    ['no object', '[]', 400, /json/],
    ['too few pixels', { pixels: 'AAAA', text: 'why?' }, 400, /json\.pixels/],
    ['no base64', { pixels: '!'.repeat(16384), text: 'why?' }, 400, /json\.pixels/],
    ['no text', { pixels: gray, text: '' }, 400, /json\.text/],
    ['a long text', { pixels: gray, text: 'why? '.repeat(99) }, 400, /json\.text/],
    ['unknown keys', { pixels: gray, text: 'why?', path: '/etc/passwd' }, 400, /path/],
    ['too much', { pixels: gray.repeat(4), text: 'why?' }, 413, /32768 bytes/],
  ])('with %s is refused', async (_, body, status, detail) => {
    expect(await refused(await ask(body), status)).toMatch(detail);
  });

  it('of another type is refused', async () => {
    const body = { pixels: gray, text: 'why?' };
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const detail = await refused(await ask(body, { 'content-type': type }), 415);
      expect(detail).toMatch('send application/json');
    }
  });

  it('without a model is told what to do', async () => {
    const detail = await refused(await ask({ pixels: gray, text: 'why?' }), 503);
    expect(detail).toMatch('npm start');
  });
});

describe('a picture', () => {
  const upload = (body: BodyInit, type = 'image/png', query = 'text=why') =>
    fetch(`${server.url}/api/answers/picture?${query}`, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
      // For streams.
      ...({ duplex: 'half' } as object),
    });

  it('that is none is refused', async () => {
    expect(await refused(await upload('hello'), 422)).toMatch('is not a PNG');
    const png = await sharp({
      create: { width: 90, height: 90, channels: 3, background: 'red' },
    })
      .png()
      .toBuffer();
    expect(await refused(await upload(png.subarray(0, 80)), 422)).toMatch('can not be decoded');
    expect(await refused(await upload('<svg xmlns="http://www.w3.org/2000/svg"/>'), 415)).toMatch(
      'PNG',
    );
    await refused(await upload(png, 'image/svg+xml'), 415);
    await refused(await upload(png, 'image/png', 'text='), 400);
  });

  it('with more than 4 MB is refused, also where it does not say so', async () => {
    const large = new Uint8Array(5 * 2 ** 20);
    expect(await refused(await upload(large), 413)).toMatch('4194304 bytes');
    const chunks = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 5; i++) controller.enqueue(new Uint8Array(2 ** 20));
        controller.close();
      },
    });
    await refused(await upload(chunks), 413);
  });

  it('with too many pixels is refused before it is decoded', async () => {
    const bomb = await sharp({
      create: { width: 4_100, height: 4_100, channels: 3, background: 'white' },
    })
      .png()
      .toBuffer();
    expect(bomb.length).toBeLessThan(4 * 2 ** 20);
    expect(await refused(await upload(bomb), 422)).toMatch('16000000 pixels');
  });

  it('leaves no memory behind, 500 broken ones neither', async () => {
    const broken = (i: number) => {
      const bytes = new Uint8Array(200_000).map((_, k) => (k * (i + 7)) & 255);
      bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
      return bytes;
    };
    const many = async (count: number) => {
      for (let i = 0; i < count; i += 10) {
        const statuses = Array.from(
          { length: 10 },
          async (_, k) => (await upload(broken(i + k))).status,
        );
        expect(new Set(await Promise.all(statuses))).toEqual(new Set([422]));
      }
    };
    await many(200);
    const before = residentMb(server.process.pid!);
    await many(500);
    const grown = residentMb(server.process.pid!) - before;
    expect(grown).toBeLessThan(30);
  });
});

describe('a run', () => {
  it.each([
    [{}, /json\.fusion/],
    [{ fusion: 'gatd' }, /did you mean "gated"/],
    [{ fusion: 'gated', epochs: 31 }, /json\.epochs/],
    [{ fusion: 'gated', learningRate: -1 }, /json\.learningRate/],
    [{ fusion: 'gated', optimizer: '__proto__' }, /json\.optimizer/],
    [{ fusion: 'constructor' }, /no fusion strategy/],
  ])('with %j is refused', async (body, detail) => {
    expect(await refused(await server.post('/api/runs', body), 400)).toMatch(detail);
  });

  it('that is not there is not found', async () => {
    const id = '6e1ac69a-4f8a-4a55-a21a-0a9a4c9b2a71';
    await refused(await fetch(`${server.url}/api/runs/${id}/events`), 404);
    for (const what of ['pause', 'resume', 'stop']) {
      const response = await fetch(`${server.url}/api/runs/${id}/${what}`, { method: 'POST' });
      await refused(response, 404);
    }
    await refused(await fetch(`${server.url}/api/runs/..%2f..%2fetc/events`), 400);
  });
});

describe('the page', () => {
  it('comes with a policy that lets only its own scripts run', async () => {
    const { headers, status } = await fetch(server.url);
    expect(status).toBe(200);
    const policy = headers.get('content-security-policy')!;
    expect(policy).toMatch(/script-src 'self' 'wasm-unsafe-eval' blob: 'sha256-[\w+/]{43}='(;|$)/);
    expect(policy).not.toMatch(/script-src[^;]*'unsafe-(inline|eval)'/);
    expect(Object.fromEntries(headers)).toMatchObject({
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-cache',
    });
  });

  it('is compressed, and cached by the names that have a hash', async () => {
    const response = await fetch(`${server.url}/assets/index-Ab12Cd34.js`);
    expect(await response.text()).toBe('console.log(1);'.repeat(100));
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'content-encoding': 'gzip',
      'cache-control': 'public, max-age=31536000, immutable',
    });
    const again = await fetch(server.url, {
      headers: { 'if-none-match': (await fetch(server.url)).headers.get('etag')! },
    });
    expect(again.status).toBe(304);
  });

  it.each([
    '/../server/main.ts',
    '/..%2f..%2fpackage.json',
    '/%2e%2e/%2e%2e/package.json',
    '/assets/../../../../../../etc/passwd',
    '/assets/..%5c..%5cpackage.json',
    '//etc/passwd',
    '/%00index.html',
    '/%zz',
    '/__proto__',
    '/api/samples/../../package.json',
    '/api/samples/..%2f..%2fpackage.json',
  ])('has nothing at %s', async (path) => {
    expect(await get(path)).toMatch(/^HTTP\/1\.1 40[04] /);
  });
});

describe('others', () => {
  it('that lead here by another name are refused', async () => {
    const as = (host: string) =>
      raw(`GET /openapi.json HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    for (const host of ['evil.example', `evil.example:${server.port}`, 'localhost.evil.example']) {
      expect(await as(host)).toMatch(/^HTTP\/1\.1 403 /);
    }
    for (const host of [`localhost:${server.port}`, '127.0.0.1', '[::1]']) {
      expect(await as(host)).toMatch(/^HTTP\/1\.1 200 /);
    }
  });

  it('and their pages can have nothing done', async () => {
    const from = (headers: { [name: string]: string }) =>
      server.post('/api/runs', { fusion: 'nothing' }, headers);
    await refused(await from({ origin: 'https://evil.example' }), 403);
    await refused(await from({ origin: 'null' }), 403);
    await refused(await from({ origin: server.url, 'sec-fetch-site': 'cross-site' }), 403);
    await refused(await from({ origin: server.url, 'sec-fetch-site': 'same-origin' }), 400);
  });

  it('that use other methods are refused', async () => {
    await refused(await fetch(`${server.url}/api/runs`, { method: 'PUT', body: '{}' }), 415);
    await refused(await fetch(`${server.url}/api/catalog`, { method: 'DELETE' }), 405);
    expect(await raw('NONSENSE\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await get('/', `X-Large: ${'a'.repeat(20_000)}\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('that open a thousand connections and stay silent keep nobody out', async () => {
    const sockets = Array.from({ length: 1000 }, (_, i) => {
      const socket = connect(server.port, '127.0.0.1');
      // Half of them begin to speak.
      if (i % 2) socket.write('POST /api/answers HTTP/1.1\r\nHost: localhost\r\nContent-Le');
      return socket.on('error', () => {});
    });
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (let i = 0; i < 20; i++) {
      const began = performance.now();
      expect((await fetch(`${server.url}/openapi.json`)).status).toBe(200);
      expect(performance.now() - began).toBeLessThan(1000);
    }
    expect(sockets.filter(({ destroyed }) => !destroyed).length).toBeLessThan(300);
    for (const socket of sockets) socket.destroy();
  });
});
