/** One server-sent event. */
export interface ServerEvent {
  /** The last id that was sent, with this event or before; empty where there was none. */
  readonly id: string;
  readonly data: string;
}

/**
 * The events of a `text/event-stream`, as the HTML standard reads it. `EventSource` would do the
 * same, but tells a page neither why a request was refused nor when to stop asking again.
 */
export async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let text = '';
  let id = '';
  let data: string[] = [];
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const lines = text.split(/\r\n|\n|\r(?!$)/);
      text = lines.pop()!;
      for (const line of lines) {
        if (line === '') {
          if (data.length > 0) yield { id, data: data.join('\n') };
          data = [];
          continue;
        }
        const [, field, value = ''] = line.match(/^([^:]*)(?:: ?(.*))?$/)!;
        if (field === 'data') data.push(value);
        else if (field === 'id') id = value;
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
