/**
 * The one error class that Chainrule throws on bad input.
 *
 * The message says where, what was expected and what came
 * (`fusion.gated: image must be [batch, 512], got [32, 768]`); `code` is stable and
 * for programs; `cause` holds the underlying error where there is one.
 */
export class ChainruleError extends Error {
  override readonly name = 'ChainruleError';
  /** Stable identifier such as `SHAPE`, `UNKNOWN_NAME` or `DATA_MANIFEST`. */
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Two copies of this package may meet in one process, so this looks at the name, not the class. */
export function isChainruleError(error: unknown): error is ChainruleError {
  return error instanceof Error && error.name === 'ChainruleError' && 'code' in error;
}
