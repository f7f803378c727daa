import { ChainruleError } from '@chainrule/tensor';

/** @throws ChainruleError `OPTION` unless the value is finite and at least `low`. */
export function checkAtLeast(where: string, name: string, value: number, low: number): void {
  if (Number.isFinite(value) && value >= low) return;
  throw new ChainruleError('OPTION', `${where}: ${name} must be at least ${low}, got ${value}`);
}

/** @throws ChainruleError `OPTION` unless the value is positive and finite. */
export function checkPositive(where: string, name: string, value: number): void {
  if (Number.isFinite(value) && value > 0) return;
  throw new ChainruleError('OPTION', `${where}: ${name} must be positive, got ${value}`);
}

/** @throws ChainruleError `OPTION` unless 0 <= value < 1: the factor of a moving average. */
export function checkDecay(where: string, name: string, value: number): void {
  if (value >= 0 && value < 1) return;
  throw new ChainruleError(
    'OPTION',
    `${where}: ${name} must be at least 0 and less than 1, got ${value}`,
  );
}
