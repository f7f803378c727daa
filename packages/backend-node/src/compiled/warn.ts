const warned = new Set<string>();

/** Says, once for each operation, why something runs slower than it could. */
export function warnOnce(operation: string): void {
  if (warned.has(operation)) return;
  warned.add(operation);
  console.warn(
    `chainrule: ${operation} can not be compiled, so the step runs operation by operation, slower`,
  );
}
