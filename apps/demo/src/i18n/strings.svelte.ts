import { settings } from '../shell/settings.svelte.js';

type Values = { readonly [name: string]: string | number };

/**
 * A dictionary in both languages, and the function that looks it up in the reader's. The compiler
 * refuses a key that one language lacks. `{name}` in a text is replaced by `values.name`.
 *
 * @example
 * export const t = strings({ en: { hello: 'Hello, {name}' }, zh: { hello: '你好，{name}' } });
 * t('hello', { name: 'Ada' });
 */
export function strings<const T extends { readonly [key: string]: string }>(table: {
  readonly en: T;
  readonly zh: { readonly [K in keyof T]: string };
}) {
  const t = (key: keyof T & string, values: Values = {}): string =>
    table[settings.language][key].replace(/\{(\w+)\}/g, (whole, name: string) =>
      name in values ? String(values[name]) : whole,
    );
  return Object.assign(t, { table });
}

/** A number as the reader's language writes it. */
export function number(value: number, digits = 2): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? '–' : value > 0 ? '∞' : '−∞';
  // What is left by rounding is nothing.
  const size = Math.abs(value) < 1e-15 ? 0 : Math.abs(value);
  if (size >= 1e5 || (size > 0 && size < 10 ** -digits / 2 && digits > 3)) {
    const [mantissa, exponent] = value.toExponential(1).split('e') as [string, string];
    return `${mantissa.replace('-', '−')}·${power(Number(exponent))}`;
  }
  const fixed = value.toLocaleString(settings.language === 'zh' ? 'zh-CN' : 'en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return fixed.replace('-', '−').replace(/^−(0(?:\.0*)?)$/, '$1');
}

const superscripts: { readonly [character: string]: string } = {
  '-': '⁻',
  0: '⁰',
  1: '¹',
  2: '²',
  3: '³',
  4: '⁴',
  5: '⁵',
  6: '⁶',
  7: '⁷',
  8: '⁸',
  9: '⁹',
};

/** A power of ten: 10⁻³. */
export const power = (exponent: number): string =>
  `10${[...String(Math.round(exponent))].map((c) => superscripts[c] ?? c).join('')}`;

/** A count with the language's separators: 68,832. */
export const count = (value: number): string =>
  value.toLocaleString(settings.language === 'zh' ? 'zh-CN' : 'en');
