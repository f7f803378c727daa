import { ChainruleError, key, split } from '@chainrule/tensor';
import { type Dataset, dataset, type Example } from '../../dataset.js';
import { resizePixels } from '../../decode.js';
import type { ImageSource } from '../../image.js';
import { draws } from '../../synthetic/draws.js';
import { checkNames, type EmojiArtist } from '../artists.js';
import type { Emoji } from '../emoji.js';
import { chooseObjects, type VqaObject } from './objects.js';
import { vqaPainter } from './paint.js';
import { askAbout, type EmojiQuestionKind, vqaAnswers } from './questions.js';
import { drawVqaScene, type VqaScene } from './scene.js';

/** One question about one scene. */
export interface EmojiVqaExample extends Example {
  readonly inputs: { readonly image: ImageSource; readonly text: string };
  readonly label: string;
  readonly kind: EmojiQuestionKind;
  readonly scene: VqaScene;
}

export interface EmojiVqa {
  readonly train: Dataset<EmojiVqaExample>;
  /** Other scenes, by the artists of training. */
  readonly validation: Dataset<EmojiVqaExample>;
  /** Other scenes, by the artists held out. */
  readonly test: Dataset<EmojiVqaExample>;
  /** 0 … 4, the categories, the objects' names: the answers in the order of their ids. */
  readonly classes: readonly string[];
  readonly objects: readonly VqaObject[];
}

export interface EmojiVqaOptions {
  /** Default 0. The n-th scene of a part depends on the seed and n alone. */
  readonly seed?: number;
  /** Scenes of each part, about 3.6 questions each; default 3,000, 500 and 750. */
  readonly scenes?: { readonly train: number; readonly validation: number; readonly test: number };
  /** Height and width of a scene in pixels, even. Default 96. */
  readonly size?: number;
  /** Default: `fluent-flat` and `fluent-3d`, as far as they were loaded. */
  readonly heldOut?: readonly EmojiArtist[];
  /** Objects in each of the 8 categories; default 5. */
  readonly objectsPerCategory?: number;
}

/**
 * Visual question answering on generated scenes of one to four emoji in the corners of a picture:
 * what is at the top left? what kind of thing is it? how many things (animals, foods …) are there?
 * what is to the left of the sheep? Answers are a closed set of 53: numbers, 8 categories, 40 objects.
 *
 * Within each form of question all answers are equally likely, so a model that reads the question
 * alone stays at chance (1/40, 1/8, 1/4 or 1/3, 1/39). The test's artists drew nothing in training.
 *
 * Scenes are painted when they are read, in a fraction of a millisecond.
 *
 * @throws ChainruleError `DATA_OPTIONS` for a size, number or artist that can not be.
 * @example
 * const { train, test, classes } = emojiVqa(await emoji(), { seed: 1 });
 * train.examples[0]; // { inputs: { image, text: 'what is at the top left?' }, label: 'sheep', … }
 */
export function emojiVqa(data: Emoji, options: EmojiVqaOptions = {}): EmojiVqa {
  const { seed = 0, size = 96, objectsPerCategory = 5 } = options;
  const scenes = options.scenes ?? { train: 3000, validation: 500, test: 750 };
  const heldOut = options.heldOut ?? data.artists.filter((artist) => artist.startsWith('fluent-'));
  if (options.heldOut !== undefined) checkNames('heldOut', heldOut, data.artists);
  const trained = data.artists.filter((artist) => !heldOut.includes(artist));
  if (heldOut.length === 0 || trained.length === 0) {
    throw fail(
      `of the artists ${data.artists.join(', ')} some must be held out and some not; load others, or name them in heldOut`,
    );
  }
  if (!Number.isInteger(size / 2) || size < 32 || size > 2 * data.size) {
    throw fail(
      `size must be an even integer of 32 … ${2 * data.size} (twice the size of a drawing), got ${size}`,
    );
  }
  if (!Number.isInteger(objectsPerCategory) || objectsPerCategory < 2) {
    throw fail(`objectsPerCategory must be an integer of at least 2, got ${objectsPerCategory}`);
  }
  const objects = chooseObjects(data, data.artists, objectsPerCategory);
  const classes = vqaAnswers(objects);
  const paint = vqaPainter(data, size);

  const part = (name: keyof typeof scenes, artists: readonly EmojiArtist[]) => {
    if (!Number.isInteger(scenes[name]) || scenes[name] < 1) {
      throw fail(`scenes.${name} must be a positive integer, got ${scenes[name]}`);
    }
    const source = split(split(key(seed), 'emojiVqa'), name);
    const examples: EmojiVqaExample[] = [];
    for (let i = 0; i < scenes[name]; i++) {
      const random = draws(split(source, i));
      const scene = drawVqaScene(i, objects, artists, random);
      const image = sceneImage(`emojiVqa/${seed}/${size}/${name}/${i}`, scene, size, paint);
      for (const { kind, text, answer } of askAbout(scene, random)) {
        examples.push({ inputs: { image, text }, label: answer, kind, scene });
      }
    }
    return dataset({ name: `emoji VQA ${name}`, examples, classes });
  };
  return {
    train: part('train', trained),
    validation: part('validation', trained),
    test: part('test', heldOut),
    classes,
    objects,
  };
}

function sceneImage(
  id: string,
  scene: VqaScene,
  side: number,
  paint: (scene: VqaScene) => Promise<Uint8Array>,
): ImageSource {
  return {
    id,
    async read(wanted) {
      const pixels = await paint(scene);
      const { height, width, channels } = wanted;
      if (height === side && width === side && channels === 3) return pixels;
      return resizePixels(pixels, { height: side, width: side, channels: 3 }, wanted);
    },
  };
}

function fail(message: string): ChainruleError {
  return new ChainruleError('DATA_OPTIONS', `data.emojiVqa: ${message}`);
}
