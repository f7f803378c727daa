import leven from 'leven';
import { ChainruleError } from './errors.js';

/** The name nearest to `name` by edit distance, or `undefined` where nothing is near. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = leven(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return bestDistance <= Math.max(2, Math.ceil(name.length / 2)) ? best : undefined;
}

/**
 * Looks `name` up in a registry (a plain object), ignoring inherited properties.
 *
 * @throws ChainruleError `UNKNOWN_NAME`, with the nearest known name and the whole list.
 */
export function lookUp<T>(
  where: string,
  registry: { readonly [name: string]: T },
  name: string,
): T {
  if (Object.hasOwn(registry, name)) return registry[name] as T;
  const known = Object.keys(registry).sort();
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? '' : ` Did you mean "${nearest}"?`;
  throw new ChainruleError(
    'UNKNOWN_NAME',
    `${where}: unknown name "${name}".${hint} Known: ${known.join(', ')}.`,
  );
}
