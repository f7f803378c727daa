/**
 * Protocol Buffers' wire format, as much of it as a GraphDef needs. Each function gives the bytes
 * of one field; a message is the concatenation of its fields.
 *
 * See https://protobuf.dev/programming-guides/encoding.
 */
export type Field = Uint8Array;

const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;

export function message(...fields: readonly Field[]): Uint8Array {
  return Buffer.concat(fields);
}

export function bytesField(number: number, bytes: Uint8Array): Field {
  return Buffer.concat([varint((number << 3) | BYTES), varint(bytes.length), bytes]);
}

export function stringField(number: number, text: string): Field {
  return bytesField(number, Buffer.from(text));
}

/** Of int32, int64, bool and enums; negative numbers take ten bytes, as the format says. */
export function intField(number: number, value: number): Field {
  return Buffer.concat([varint((number << 3) | VARINT), varint(value)]);
}

export function floatField(number: number, value: number): Field {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([varint((number << 3) | FIXED32), bytes]);
}

function varint(value: number): Uint8Array {
  if (value >= 0 && value < 0x80) return Uint8Array.of(value);
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
