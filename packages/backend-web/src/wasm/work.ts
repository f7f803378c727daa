/**
 * Takes chunks of the present job until none is left, and returns the word that changes when
 * there is a new one. Its text runs in the threads too, so it uses nothing from outside.
 *
 * The control block: [generation << 16 | next chunk, chunks completed, chunks, function,
 * position of the range among the arguments, count, chunk size, argument that varies by
 * chunk and its stride, argument that varies by thread and its stride, number of arguments,
 * arguments …].
 */
export function work(
  control: Int32Array,
  functions: { readonly [name: string]: unknown },
  names: readonly string[],
  thread: number,
): number {
  for (;;) {
    const next = Atomics.load(control, 0);
    const chunk = next & 0xffff;
    const job = control.slice(2);
    if (chunk >= job[0]!) return next;
    // Fails where another thread took the chunk, or the job is another by now.
    if (Atomics.compareExchange(control, 0, next, next + 1) !== next) continue;
    const args = Array.from(job.subarray(10, 10 + job[9]!));
    const from = chunk * job[4]!;
    args[job[2]!] = from;
    args[job[2]! + 1] = Math.min(job[3]!, from + job[4]!);
    if (job[5]! >= 0) args[job[5]!]! += chunk * job[6]!;
    if (job[7]! >= 0) args[job[7]!]! += thread * job[8]!;
    (functions[names[job[1]!]!] as (...numbers: number[]) => void)(...args);
    Atomics.add(control, 1, 1);
    Atomics.notify(control, 1);
  }
}
