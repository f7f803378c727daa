import { extname } from 'node:path';
import { ChainruleError } from '@chainrule/tensor';
import { CsvError, parse } from 'csv-parse/sync';

/** One row of a manifest and the line of the file that it starts on. */
export interface Row {
  readonly line: number;
  readonly values: { readonly [column: string]: unknown };
}

/** The rows of a manifest, by the file's extension. */
export function parseRows(file: string, text: string): Row[] {
  const extension = extname(file).toLowerCase();
  if (extension === '.csv') return parseCsv(file, text);
  if (extension === '.jsonl' || extension === '.ndjson') return parseJsonLines(file, text);
  throw fail(`${file} must be a .jsonl, .ndjson or .csv file`);
}

function parseJsonLines(file: string, text: string): Row[] {
  const rows: Row[] = [];
  text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .forEach((content, index) => {
      if (content.trim() === '') return;
      const line = index + 1;
      let values: unknown;
      try {
        values = JSON.parse(content);
      } catch (cause) {
        throw fail(`${file} line ${line} is not JSON: ${(cause as Error).message}`, cause);
      }
      if (typeof values !== 'object' || values === null || Array.isArray(values)) {
        throw fail(`${file} line ${line} must be a JSON object, got ${content.slice(0, 80)}`);
      }
      // Tables exported to JSON write a missing value as null.
      const given = Object.entries(values).filter(([, value]) => value !== null);
      rows.push({ line, values: Object.fromEntries(given) });
    });
  return rows;
}

interface CsvRecord {
  readonly record: { readonly [column: string]: string };
  readonly info: { readonly lines: number };
}

function parseCsv(file: string, text: string): Row[] {
  let records: CsvRecord[];
  try {
    records = parse(text, {
      bom: true,
      columns: (header: string[]) => header.map((name) => name.trim()),
      info: true,
      skip_empty_lines: true,
    }) as unknown as CsvRecord[];
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    const { lines } = cause as CsvError & { readonly lines?: number };
    throw fail(`${file} line ${lines ?? 1} is not CSV: ${cause.message}`, cause);
  }
  return records.map(({ record, info }) => ({
    line: info.lines,
    values: Object.fromEntries(
      Object.entries(record)
        // An empty cell is a missing value.
        .filter(([, cell]) => cell.trim() !== '')
        .map(([column, cell]) => [column, column === 'target' ? numbers(cell) : cell]),
    ),
  }));
}

/** A cell of numbers: `2.5` or `[1, 2.5]`. Anything else is left for the check of the row. */
function numbers(cell: string): unknown {
  try {
    return JSON.parse(cell);
  } catch {
    return cell;
  }
}

function fail(message: string, cause?: unknown): ChainruleError {
  return new ChainruleError('DATA_MANIFEST', `data.manifest: ${message}`, { cause });
}
