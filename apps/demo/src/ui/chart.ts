/** A curve of a chart: its points, in order of x. */
export interface Series {
  readonly label: string;
  /** A CSS custom property: `--series-1`. */
  readonly color: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly dashed?: boolean;
}

export interface Axis {
  readonly label: string;
  /** Behind the label, in brackets. */
  readonly unit?: string;
  readonly range?: readonly [number, number];
  readonly log?: boolean;
  /** Counts something: no ticks between whole numbers. */
  readonly whole?: boolean;
}

/**
 * All series over one x, in order; `null` where a series has no point there, or
 * one that its axis can not show.
 */
export function join(series: readonly Series[], log = false): [number[], ...(number | null)[][]] {
  const xs = [...new Set(series.flatMap(({ x }) => x))].sort((a, b) => a - b);
  const place = new Map(xs.map((x, i) => [x, i]));
  const columns = series.map(({ x, y }) => {
    const column: (number | null)[] = xs.map(() => null);
    x.forEach((at, i) => {
      const value = y[i]!;
      column[place.get(at)!] = Number.isFinite(value) && !(log && value <= 0) ? value : null;
    });
    return column;
  });
  return [xs, ...columns];
}

/** At most `most` row numbers of `length`, evenly spread, with the first and the last. */
export function sample(length: number, most: number): number[] {
  if (length <= most) return Array.from({ length }, (_, i) => i);
  return Array.from({ length: most }, (_, i) => Math.round((i * (length - 1)) / (most - 1)));
}

export const axisTitle = ({ label, unit }: Axis): string => (unit ? `${label} (${unit})` : label);

/** Distances between ticks: 1, 2, 5, 10, … */
export const whole = [1, 10, 100, 1e3, 1e4, 1e5].flatMap((ten) => [ten, 2 * ten, 5 * ten]);

/** At most six powers of ten from `least` to `most`, evenly spread. */
export function decades(least: number, most: number): number[] {
  const [from, to] = [Math.ceil(Math.log10(least) - 1e-9), Math.floor(Math.log10(most) + 1e-9)];
  const every = Math.max(1, Math.ceil((to - from) / 5));
  const places: number[] = [];
  for (let exponent = to; exponent >= from; exponent -= every) places.unshift(10 ** exponent);
  return places;
}
