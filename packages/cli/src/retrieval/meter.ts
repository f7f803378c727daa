import { clock, type Terminal } from '../terminal.js';

/** A live line with how much is done, how fast it goes and how long it still takes. */
export function meter(
  out: Terminal,
  what: string,
  total: number,
  unit: string,
): (more: number) => void {
  const began = performance.now();
  let done = 0;
  return (more) => {
    done += more;
    const seconds = (performance.now() - began) / 1000;
    const rate = done / Math.max(seconds, 1e-3);
    out.live(
      `${what}: ${done.toLocaleString('en')} of ${total.toLocaleString('en')} ${unit}  ` +
        `${Math.round(rate).toLocaleString('en')}/s  ${clock((total - done) / rate)} left`,
    );
  };
}
