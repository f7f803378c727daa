import { readFileSync } from 'node:fs';

/**
 * Reads `fixtures/NAME` beside the test: JSON, made by the script that is committed with it.
 *
 * @example
 * const cases = loadFixture<Case[]>(import.meta.url, 'dense.json');
 */
export function loadFixture<T>(testUrl: string, name: string): T {
  return JSON.parse(readFileSync(new URL(`fixtures/${name}`, testUrl), 'utf8')) as T;
}

/** The bytes of `fixtures/NAME` beside the test. */
export function loadFixtureBytes(testUrl: string, name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`fixtures/${name}`, testUrl)));
}
