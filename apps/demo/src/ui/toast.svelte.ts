interface Message {
  readonly id: number;
  readonly text: string;
}

const shown = $state<Message[]>([]);
let last = 0;

/** What is shown now; reactive. */
export const messages = (): readonly Message[] => shown;

/** Says something briefly: "Copied". What must be acted on belongs into the room itself. */
export function toast(text: string, milliseconds = 4000): void {
  last += 1;
  const id = last;
  shown.push({ id, text });
  setTimeout(() => {
    const index = shown.findIndex((message) => message.id === id);
    if (index >= 0) shown.splice(index, 1);
  }, milliseconds);
}
