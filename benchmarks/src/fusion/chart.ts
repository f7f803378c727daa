import type { Spread } from './results.js';

/** One row of the chart: a strategy, and its accuracy in each panel. */
export interface ChartRow {
  readonly name: string;
  readonly values: readonly (Spread | undefined)[];
}
export interface Panel {
  readonly title: string;
  /** Where the axis begins; it ends at 1. */
  readonly from: number;
  /** What guessing reaches, drawn as a line. */
  readonly chance: number;
}

const [NAME, WIDTH, GAP, ROW, TOP, BOTTOM] = [170, 190, 24, 18, 46, 26];

/** Dots with their deviations: a row a strategy, a panel a task. An SVG that reads on white and black. */
export function dotChart(
  title: string,
  panels: readonly Panel[],
  rows: readonly ChartRow[],
): string {
  const width = NAME + panels.length * (WIDTH + GAP);
  const height = TOP + rows.length * ROW + BOTTOM;
  const bottom = TOP + rows.length * ROW;
  const left = (panel: number) => NAME + panel * (WIDTH + GAP);
  const x = (panel: number, value: number) => {
    const { from } = panels[panel]!;
    return left(panel) + (WIDTH * (Math.min(1, Math.max(from, value)) - from)) / (1 - from);
  };
  const line = (x1: number, y1: number, x2: number, y2: number, className: string) =>
    `<line class="${className}" x1="${n(x1)}" y1="${n(y1)}" x2="${n(x2)}" y2="${n(y2)}"/>`;
  const text = (at: number, y: number, content: string, anchor: string, className = '') =>
    `<text class="${className}" x="${n(at)}" y="${n(y)}" text-anchor="${anchor}">${escaped(content)}</text>`;

  const frames = panels.flatMap(({ title, from, chance }, panel) => {
    const ticks = [from, (1 + from) / 2, 1];
    return [
      text(left(panel), TOP - 26, title, 'start', 'title'),
      ...ticks.map((tick) => line(x(panel, tick), TOP - 8, x(panel, tick), bottom, 'grid')),
      ...ticks.map((tick) =>
        text(x(panel, tick), bottom + 14, `${Math.round(100 * tick)}`, 'middle', 'tick'),
      ),
      line(x(panel, chance), TOP - 8, x(panel, chance), bottom, 'chance'),
    ];
  });
  const marks = rows.flatMap(({ name, values }, row) => {
    const y = TOP + (row + 0.5) * ROW;
    return [
      text(NAME - 10, y + 4, name, 'end'),
      ...values.flatMap((value, panel) => {
        if (value === undefined) return [];
        const { mean, deviation } = value;
        const label = `${name}: ${(100 * mean).toFixed(1)} ± ${(100 * deviation).toFixed(1)}`;
        return [
          line(x(panel, mean - deviation), y, x(panel, mean + deviation), y, 'whisker'),
          `<circle cx="${n(x(panel, mean))}" cy="${n(y)}" r="4"><title>${escaped(label)}</title></circle>`,
        ];
      }),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">`,
    '<style>',
    'text { font: 12px system-ui, sans-serif; fill: #57606a }',
    '.title { font-weight: 600 }',
    '.tick { font-size: 10px }',
    '.grid { stroke: #8c959f; stroke-opacity: .3 }',
    '.chance { stroke: #cf222e; stroke-dasharray: 3 3 }',
    '.whisker { stroke: #0969da; stroke-width: 2; stroke-opacity: .5 }',
    'circle { fill: #0969da }',
    '@media (prefers-color-scheme: dark) { text { fill: #9da7b3 } circle { fill: #4493f8 } .whisker { stroke: #4493f8 } }',
    '</style>',
    ...frames,
    ...marks,
    '</svg>',
    '',
  ].join('\n');
}

const n = (value: number): string => String(Math.round(10 * value) / 10);

function escaped(content: string): string {
  return content.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
