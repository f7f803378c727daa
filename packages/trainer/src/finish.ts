import type { Params } from '@chainrule/tensor';
import type { TrainEvent, TrainResult } from './events.js';

/**
 * Runs a training stream to its end: shows each event to `onEvent` and gives what `train` returns,
 * which a `for await` loop would drop.
 *
 * @throws whatever `train` throws.
 *
 * @example
 * const { params, history } = await finish(train(options), (event) => console.log(event.type));
 */
export async function finish<P extends Params>(
  run: AsyncGenerator<TrainEvent, TrainResult<P>, void>,
  onEvent: (event: TrainEvent) => void = () => {},
): Promise<TrainResult<P>> {
  try {
    for (;;) {
      const next = await run.next();
      if (next.done) return next.value;
      onEvent(next.value);
    }
  } finally {
    // Where `onEvent` threw, the run is not over and holds tensors.
    await run.return(undefined as never);
  }
}
