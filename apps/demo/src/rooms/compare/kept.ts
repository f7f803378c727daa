import { z } from 'zod';
import { type Setup, setupSchema } from './setup.js';

/** The runs of this tab, by the server's ids, and the set-up that they have in common. */
const keptSchema = z.strictObject({ setup: setupSchema, ids: z.array(z.uuid()).max(4) });
type Kept = z.infer<typeof keptSchema>;

const KEY = 'chainrule.runs';

/** Kept for this tab, so that a reload finds the runs again. */
export function keep(setup: Setup, ids: readonly string[]): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ setup, ids }));
  } catch {
    // Private windows may refuse; then a reload forgets.
  }
}

export function forget(): void {
  try {
    sessionStorage.removeItem(KEY);
  } catch {}
}

/** What was kept; nothing where there is nothing, or nothing of ours. */
export function kept(): Kept | undefined {
  try {
    const parsed = keptSchema.safeParse(JSON.parse(sessionStorage.getItem(KEY) ?? ''));
    return parsed.success && parsed.data.ids.length === parsed.data.setup.fusions.length
      ? parsed.data
      : undefined;
  } catch {
    return undefined;
  }
}
