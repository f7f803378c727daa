/** Exit status after Ctrl-C, as shells expect it. */
export const INTERRUPTED = 130;
