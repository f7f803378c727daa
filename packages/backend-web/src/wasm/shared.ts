const IMPORTS = 2;
/** Shared, with a maximum: at least 0 and at most 65,536 pages (4 GiB). */
const SHARED_LIMITS = [0x03, 0x00, 0x80, 0x80, 0x04];

/**
 * A module that imports a memory and nothing else, changed so that it takes a shared one: the
 * two kinds differ in the declared limits only.
 */
export function withSharedMemory(module: Uint8Array): Uint8Array<ArrayBuffer> {
  let at = 8;
  for (;;) {
    const id = module[at]!;
    const [size, start] = unsigned(module, at + 1);
    const end = start + size;
    if (id === IMPORTS) {
      // The import is the section's last; its limits are a flag and a minimum of one byte each.
      const body = [...module.subarray(start, end - 2), ...SHARED_LIMITS];
      return Uint8Array.from([
        ...module.subarray(0, at),
        IMPORTS,
        body.length,
        ...body,
        ...module.subarray(end),
      ]);
    }
    at = end;
  }
}

/** A LEB128 number and where it ends. */
function unsigned(bytes: Uint8Array, at: number): [value: number, end: number] {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return [value, at];
  }
}
