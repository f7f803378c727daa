/** A step counter that one can play, step and reset. */
export function player(last: () => number, milliseconds = 450) {
  let step = $state(0);
  let playing = $state(false);

  $effect(() => {
    if (!playing) return;
    const timer = setInterval(() => {
      if (step < last()) step += 1;
      if (step >= last()) playing = false;
    }, milliseconds);
    return () => clearInterval(timer);
  });

  return {
    get step() {
      return Math.min(step, last());
    },
    get playing() {
      return playing;
    },
    toggle() {
      // At the end, playing means to see it again.
      if (!playing && step >= last()) step = 0;
      playing = !playing;
    },
    forward() {
      playing = false;
      if (step < last()) step += 1;
    },
    reset() {
      playing = false;
      step = 0;
    },
  };
}

export type Player = ReturnType<typeof player>;
