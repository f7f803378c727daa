type Name = 'image' | 'text' | 'fusion' | 'head';
type Tone = 'image' | 'text' | 'fused' | 'gradient';
type Point = readonly [number, number];

export interface Plan {
  readonly width: number;
  readonly height: number;
  readonly picture: Point;
  readonly question: Point;
  readonly answer: Point;
  readonly nodes: readonly {
    readonly name: Name;
    readonly tone: Tone;
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  }[];
  readonly edges: readonly {
    readonly from: string;
    readonly to: Name | 'answer';
    readonly tone: Tone;
    readonly d: string;
    /** Where the label stands. */
    readonly x: number;
    readonly y: number;
  }[];
}

const box = { width: 168, height: 86 };

/** From left to right where there is room, else from top to bottom. */
export const layout = (form: 'wide' | 'tall'): Plan => plans[form];

const plans: { readonly wide: Plan; readonly tall: Plan } = {
  wide: {
    width: 1080,
    height: 316,
    picture: [10, 36],
    question: [38, 222],
    answer: [988, 128],
    nodes: [
      { name: 'image', tone: 'image', x: 216, y: 25, ...box },
      { name: 'text', tone: 'text', x: 216, y: 199, ...box },
      { name: 'fusion', tone: 'fused', x: 484, y: 105, ...box },
      { name: 'head', tone: 'fused', x: 752, y: 105, width: 142, height: 86 },
    ],
    edges: [
      { from: 'picture', to: 'image', tone: 'image', d: 'M74 68H216', x: 145, y: 58 },
      { from: 'question', to: 'text', tone: 'text', d: 'M136 242H216', x: 176, y: 232 },
      {
        from: 'image',
        to: 'fusion',
        tone: 'image',
        d: 'M384 68C450 68 424 136 484 136',
        x: 456,
        y: 74,
      },
      {
        from: 'text',
        to: 'fusion',
        tone: 'text',
        d: 'M384 242C450 242 424 162 484 162',
        x: 456,
        y: 244,
      },
      { from: 'fusion', to: 'head', tone: 'fused', d: 'M652 148H752', x: 702, y: 138 },
      { from: 'head', to: 'answer', tone: 'fused', d: 'M894 148H988', x: 941, y: 138 },
    ],
  },
  tall: {
    width: 380,
    height: 620,
    picture: [63, 6],
    question: [253, 24],
    answer: [148, 552],
    nodes: [
      { name: 'image', tone: 'image', x: 6, y: 136, width: 178, height: 86 },
      { name: 'text', tone: 'text', x: 196, y: 136, width: 178, height: 86 },
      { name: 'fusion', tone: 'fused', x: 101, y: 280, width: 178, height: 86 },
      { name: 'head', tone: 'fused', x: 101, y: 416, width: 178, height: 86 },
    ],
    edges: [
      { from: 'picture', to: 'image', tone: 'image', d: 'M95 94V136', x: 95, y: 119 },
      { from: 'question', to: 'text', tone: 'text', d: 'M285 88V136', x: 285, y: 119 },
      {
        from: 'image',
        to: 'fusion',
        tone: 'image',
        d: 'M95 222C95 254 160 246 160 280',
        x: 72,
        y: 256,
      },
      {
        from: 'text',
        to: 'fusion',
        tone: 'text',
        d: 'M285 222C285 254 220 246 220 280',
        x: 308,
        y: 256,
      },
      { from: 'fusion', to: 'head', tone: 'fused', d: 'M190 366V416', x: 190, y: 396 },
      { from: 'head', to: 'answer', tone: 'fused', d: 'M190 502V552', x: 190, y: 532 },
    ],
  },
};
