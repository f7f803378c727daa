import Table from 'cli-table3';

/** Lines and a live line on stderr, so that stdout stays free for results. */
export interface Terminal {
  line(text?: string): void;
  /** Rewrites the last line on a terminal; elsewhere says nothing. */
  live(text: string): void;
  /** Ends the live line. */
  settle(): void;
}

/** Least time between two live lines. */
const MILLISECONDS = 80;

export function terminal(
  stream: Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'> = process.stderr,
): Terminal {
  let isLive = false;
  let last = 0;
  const settle = () => {
    if (isLive) stream.write('\r\u001b[K');
    isLive = false;
  };
  return {
    line(text = '') {
      settle();
      stream.write(`${text}\n`);
    },
    live(text) {
      const now = performance.now();
      if (!stream.isTTY || now - last < MILLISECONDS) return;
      last = now;
      stream.write(`\r\u001b[K${text.slice(0, (stream.columns ?? 100) - 1)}`);
      isLive = true;
    },
    settle,
  };
}

export type Align = 'left' | 'right';

/** A table without vertical rules. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  align?: readonly Align[],
): string {
  const drawn = new Table({
    head: [...head],
    colAligns: [...(align ?? head.map((_, i): Align => (i === 0 ? 'left' : 'right')))],
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      'left-mid': '',
      right: '',
      'right-mid': '',
      mid: '',
      'mid-mid': '',
      middle: '',
    },
  });
  drawn.push(...rows.map((row) => [...row]));
  return drawn.toString().replace(/ +$/gm, '');
}

/** `1 step`, `38,575 examples`. */
export const count = (n: number, noun: string): string =>
  `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : 's'}`;

export const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** 0:07, 2:31, 1:02:03. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${h > 0 ? String(m).padStart(2, '0') : m}:${String(s).padStart(2, '0')}`;
  return h > 0 ? `${h}:${tail}` : tail;
}
