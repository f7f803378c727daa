/** Stages of an install, in their order. */
export type Stage = 'wait' | 'download' | 'verify' | 'extract' | 'kernels' | 'compile' | 'check';

export interface Progress {
  readonly stage: Stage;
  /** One line for people. */
  readonly message: string;
  /** 0..1 within the stage, where it can be known. */
  readonly fraction?: number;
  /** Seconds until this stage ends, once there is something to estimate from. */
  readonly secondsLeft?: number;
}

export type OnProgress = (progress: Progress) => void;

/** Turns counted bytes into progress with the time left, at most ten times a second. */
export function byteProgress(
  stage: Stage,
  message: string,
  total: number,
  onProgress: OnProgress,
): (bytes: number) => void {
  const start = performance.now();
  let lastTime = 0;
  let lastBytes = -1;
  return (bytes) => {
    const now = performance.now();
    if (bytes <= lastBytes || (now - lastTime < 100 && bytes < total)) return;
    lastTime = now;
    lastBytes = bytes;
    const fraction = Math.min(1, bytes / total);
    const seconds = (now - start) / 1000;
    onProgress({
      stage,
      message,
      fraction,
      ...(bytes > 0 && seconds > 0.5 && { secondsLeft: (seconds * (1 - fraction)) / fraction }),
    });
  };
}
