/**
 * The first key that stands twice in one object of `text`, which must be valid JSON. `JSON.parse`
 * keeps the last of two equal keys without a word, so two readers could see two different files.
 */
export function duplicateKey(text: string): string | undefined {
  // The keys of each object that is open; undefined for an array.
  const open: (Set<string> | undefined)[] = [];
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '{') open.push(new Set());
    else if (character === '[') open.push(undefined);
    else if (character === '}' || character === ']') open.pop();
    else if (character === '"') {
      const start = i++;
      while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
      const keys = open.at(-1);
      if (keys === undefined || !isFollowedByColon(text, i + 1)) continue;
      const key = JSON.parse(text.slice(start, i + 1)) as string;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}

function isFollowedByColon(text: string, from: number): boolean {
  let i = from;
  while (' \t\n\r'.includes(text[i] ?? ':')) i++;
  return text[i] === ':';
}
