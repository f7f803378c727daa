import type { Progress } from './progress.js';

/** Where progress is written: a terminal, or a file or pipe. */
export interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/**
 * Shows progress: on a terminal as one line that is redrawn, elsewhere as a line at each stage's
 * start and quarter.
 */
export function progressPrinter(output: Output): { show(p: Progress): void; end(): void } {
  let previous = '';
  let open = false;
  const show = (progress: Progress) => {
    if (output.isTTY) {
      const changed = previous !== '' && previous !== progress.message;
      output.write(`${changed ? '\n' : ''}\r\x1b[2K${describe(progress)}`);
      open = true;
      previous = progress.message;
      return;
    }
    const quarter = progress.fraction === undefined ? '' : Math.floor(progress.fraction * 4);
    const key = `${progress.message} ${quarter}`;
    if (key !== previous) output.write(`${describe(progress)}\n`);
    previous = key;
  };
  const end = () => {
    if (open) output.write('\n');
    open = false;
  };
  return { show, end };
}

function describe({ message, fraction, secondsLeft }: Progress): string {
  if (fraction === undefined) return `${message} …`;
  const percent = `${Math.floor(fraction * 100)} %`.padStart(5);
  const left = secondsLeft && secondsLeft >= 1 ? `, ${Math.ceil(secondsLeft)} s left` : '';
  return `${message} ${percent}${left}`;
}
