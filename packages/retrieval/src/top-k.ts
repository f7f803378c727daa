/** Keeps the `k` highest scores of those offered; of equal ones, those offered first. */
export interface TopK {
  offer(key: number, score: number): void;
  /** The highest first. */
  take(): { readonly key: number; readonly score: number }[];
}

/** A heap of `k` places whose root is the lowest score kept: most offers cost one comparison. */
export function topK(k: number): TopK {
  const keys: number[] = [];
  const scores: number[] = [];
  // `a` is given up before `b`.
  const below = (a: number, b: number) =>
    scores[a]! < scores[b]! || (scores[a] === scores[b] && keys[a]! > keys[b]!);
  const swap = (a: number, b: number) => {
    [scores[a], scores[b]] = [scores[b]!, scores[a]!];
    [keys[a], keys[b]] = [keys[b]!, keys[a]!];
  };
  return {
    offer(key, score) {
      if (scores.length < k) {
        let at = scores.push(score) - 1;
        keys.push(key);
        while (at > 0 && below(at, (at - 1) >> 1)) {
          swap(at, (at - 1) >> 1);
          at = (at - 1) >> 1;
        }
        return;
      }
      if (score < scores[0]! || (score === scores[0] && key > keys[0]!)) return;
      scores[0] = score;
      keys[0] = key;
      for (let at = 0; ; ) {
        const left = 2 * at + 1;
        const right = left + 1;
        if (left >= k) return;
        const least = right < k && below(right, left) ? right : left;
        if (!below(least, at)) return;
        swap(least, at);
        at = least;
      }
    },
    take() {
      return keys
        .map((key, i) => ({ key, score: scores[i]! }))
        .sort((a, b) => b.score - a.score || a.key - b.key);
    },
  };
}
