export interface Token {
  readonly kind: 'word' | 'string' | 'number' | 'plain';
  readonly text: string;
}

const pattern =
  /(?<string>'(?:[^'\\]|\\.)*')|(?<word>\b(?:import|from|export|const|true|false|null)\b)|(?<number>\b\d[\d.e-]*\b)/g;

/** The code in coloured pieces; put together they are the code. */
export function tokens(source: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  for (const match of source.matchAll(pattern)) {
    if (match.index > at) found.push({ kind: 'plain', text: source.slice(at, match.index) });
    const kind = match.groups?.string ? 'string' : match.groups?.word ? 'word' : 'number';
    found.push({ kind, text: match[0] });
    at = match.index + match[0].length;
  }
  if (at < source.length) found.push({ kind: 'plain', text: source.slice(at) });
  return found;
}
