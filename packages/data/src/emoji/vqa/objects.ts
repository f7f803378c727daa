import { ChainruleError, key, permutation, split } from '@chainrule/tensor';
import type { EmojiArtist } from '../artists.js';
import type { Emoji, EmojiConcept } from '../emoji.js';
import { emojiFamily } from '../near-duplicate.js';

/** What scenes are made of and asked about. */
export interface VqaObject {
  readonly concept: EmojiConcept;
  /** In English, as in questions and answers. */
  readonly name: string;
  readonly category: VqaCategory;
}

export type VqaCategory = keyof typeof CATEGORIES;

/** Everyday categories: the plural, the subgroups that belong to it, and names in them that do not. */
export const CATEGORIES = {
  face: { plural: 'faces', subgroups: /^face-(?!costume)/, except: /^$/ },
  animal: { plural: 'animals', subgroups: /^animal-/, except: /paw|feather|shell|web|coral|nose/ },
  plant: { plural: 'plants', subgroups: /^plant-/, except: /nest|leaves|rosette|flower$/ },
  food: { plural: 'foods', subgroups: /^food-/, except: /^(salt|ice|butter)$|pot|candy/ },
  vehicle: {
    plural: 'vehicles',
    subgroups: /^transport-(ground|water|air)$/,
    except:
      /construct|fuel|light|stop|wheel$|track|way|anchor|buoy|seat|hook|parachute|arrival|departure/,
  },
  building: {
    plural: 'buildings',
    subgroups: /^place-building$/,
    except: /wedding|brick|rock|wood|construction/,
  },
  clothing: {
    plural: 'pieces of clothing',
    subgroups: /^clothing$/,
    except: /lipstick|gem|ring|bags|beads|medal|comb|fan/,
  },
  instrument: { plural: 'instruments', subgroups: /^musical-instrument$/, except: /^$/ },
} as const;

export const CATEGORY_NAMES = Object.keys(CATEGORIES) as readonly VqaCategory[];

/**
 * The same number of objects of each category, which all the artists draw, with names of at most
 * three words, no two of one family. The choice does not depend on the seed of the questions, so that
 * the answers are the same set for all seeds.
 */
export function chooseObjects(
  data: Emoji,
  artists: readonly EmojiArtist[],
  perCategory: number,
): VqaObject[] {
  const source = split(key(0), 'emojiVqa objects');
  return CATEGORY_NAMES.flatMap((category) => {
    const { subgroups, except } = CATEGORIES[category];
    const candidates = data.concepts.filter(
      ({ id, name, subgroup, agreed }) =>
        agreed &&
        subgroups.test(subgroup) &&
        !except.test(name) &&
        /^[a-z-]+( [a-z-]+){0,2}$/.test(name) &&
        artists.every((artist) => data.drawing(artist, id) !== undefined),
    );
    const order = permutation(split(source, category), candidates.length);
    const seen = new Set<string>();
    const chosen: VqaObject[] = [];
    // First one of each subgroup, so that not all animals are mammals, then whatever else there is.
    for (const bySubgroup of [true, false]) {
      for (const place of order) {
        const concept = candidates[place]!;
        const family = emojiFamily(concept.id);
        const known = seen.has(family) || (bySubgroup && seen.has(concept.subgroup));
        if (chosen.length === perCategory || known) continue;
        seen.add(family).add(concept.subgroup);
        chosen.push({ concept, name: concept.name, category });
      }
    }
    if (chosen.length < perCategory) {
      throw new ChainruleError(
        'DATA_OPTIONS',
        `data.emojiVqa: objectsPerCategory must be at most ${chosen.length}, as there are no more of "${category}" that ${artists.join(', ')} all draw, got ${perCategory}`,
      );
    }
    return chosen;
  });
}
