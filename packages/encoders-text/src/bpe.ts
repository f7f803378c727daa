import TinyQueue from 'tinyqueue';

/** Two tokens that become one. */
export type Merge = readonly [left: number, right: number];

/** One number for a pair of ids, both below 2^26. */
const pairKey = (left: number, right: number): number => left * 2 ** 26 + right;

interface Word {
  readonly tokens: number[];
  readonly count: number;
}
interface Candidate {
  readonly left: number;
  readonly right: number;
  /** When it was queued; stale where it is not the pair's present count. */
  readonly count: number;
}

/**
 * Byte-pair encoding (Gage, 1994; Sennrich et al., 2016): again and again, the commonest pair of
 * neighbours becomes a token, whose id is the next free one. Pairs of equal count go by their ids,
 * so the order of `words` does not matter.
 *
 * @param words how often each sequence of ids occurs.
 * @param first the first free id.
 */
export function learnMerges(
  words: readonly Word[],
  first: number,
  { most, minCount }: { readonly most: number; readonly minCount: number },
): Merge[] {
  const counts = new Map<number, number>();
  const places = new Map<number, Set<number>>();
  const queue = new TinyQueue<Candidate>(
    [],
    (a, b) => b.count - a.count || a.left - b.left || a.right - b.right,
  );
  const add = (left: number, right: number, word: number, n: number) => {
    const name = pairKey(left, right);
    const count = (counts.get(name) ?? 0) + n;
    counts.set(name, count);
    const found = places.get(name);
    if (found) found.add(word);
    else places.set(name, new Set([word]));
  };
  const changed = new Map<number, Merge>();
  const eachPair = (tokens: readonly number[], visit: (left: number, right: number) => void) => {
    for (let i = 1; i < tokens.length; i++) visit(tokens[i - 1]!, tokens[i]!);
  };
  const enqueue = () => {
    for (const [name, [left, right]] of changed) {
      const count = counts.get(name)!;
      if (count >= minCount) queue.push({ left, right, count });
    }
    changed.clear();
  };
  words.forEach(({ tokens, count }, index) => {
    eachPair(tokens, (left, right) => {
      add(left, right, index, count);
      changed.set(pairKey(left, right), [left, right]);
    });
  });
  enqueue();

  const merges: Merge[] = [];
  while (merges.length < most) {
    const best = queue.pop();
    if (best === undefined) break;
    const name = pairKey(best.left, best.right);
    if (counts.get(name) !== best.count) continue;
    const id = first + merges.length;
    merges.push([best.left, best.right]);
    for (const index of places.get(name)!) {
      const { tokens, count } = words[index]!;
      eachPair(tokens, (left, right) => {
        add(left, right, index, -count);
        changed.set(pairKey(left, right), [left, right]);
      });
      mergeAll(tokens, best.left, best.right, id);
      eachPair(tokens, (left, right) => {
        add(left, right, index, count);
        changed.set(pairKey(left, right), [left, right]);
      });
    }
    counts.delete(name);
    places.delete(name);
    changed.delete(name);
    enqueue();
  }
  return merges;
}

/** Puts `id` in place of each `left, right`, from the left. */
function mergeAll(tokens: number[], left: number, right: number, id: number): void {
  let to = 0;
  for (let from = 0; from < tokens.length; from++, to++) {
    const both = tokens[from] === left && tokens[from + 1] === right;
    tokens[to] = both ? id : tokens[from]!;
    if (both) from++;
  }
  tokens.length = to;
}

/** Merges ids the way they were learnt: the earliest learnt pair first, wherever it stands. */
export function merger(merges: readonly Merge[], first: number): (tokens: number[]) => number[] {
  const ranks = new Map(merges.map(([left, right], i) => [pairKey(left, right), first + i]));
  return (tokens) => {
    for (;;) {
      let best = Number.POSITIVE_INFINITY;
      let at = 0;
      for (let i = 1; i < tokens.length; i++) {
        const id = ranks.get(pairKey(tokens[i - 1]!, tokens[i]!));
        if (id !== undefined && id < best) [best, at] = [id, i - 1];
      }
      if (best === Number.POSITIVE_INFINITY) return tokens;
      mergeAll(tokens, tokens[at]!, tokens[at + 1]!, best);
    }
  };
}
