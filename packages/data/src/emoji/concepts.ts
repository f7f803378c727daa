import { z } from 'zod';
import { conceptId, type IconSet } from './icon-set.js';

/** What an emoji means, whoever draws it. */
export interface ConceptRow {
  /** Its code points in hexadecimal without variation selectors: `1f468-200d-2695`. */
  readonly id: string;
  readonly character: string;
  /** In English. */
  readonly name: string;
  /** Such as `animals-nature`. */
  readonly group: string;
  /** Such as `animal-bird`. */
  readonly subgroup: string;
  /** Whether the four main sets give the drawing the same name: the gallery of retrieval. */
  readonly agreed: boolean;
  /** What each set of icons calls its drawing; absent where it has none. */
  readonly icons: IconNames;
}

/** The sets that must all draw a concept. Their icons are found by code point. */
const MAIN = ['twemoji', 'noto', 'openmoji', 'fluent-flat'] as const;
/** Sets without code points. Their icons are found by name. */
const BY_NAME = ['noto-v1', 'emojione'] as const;

type IconArtist = (typeof MAIN)[number] | (typeof BY_NAME)[number];
export const ICON_ARTISTS: readonly IconArtist[] = [...MAIN, ...BY_NAME];
export type IconSets = { readonly [A in IconArtist]: IconSet };
type IconNames = { [A in IconArtist]?: string };

const wordsSchema = z.array(
  z.object({
    hexcode: z.string(),
    label: z.string(),
    emoji: z.string(),
    order: z.number().optional(),
    group: z.int().optional(),
    subgroup: z.int().optional(),
  }),
);
const groupsSchema = z.object({
  groups: z.record(z.string(), z.string()),
  subgroups: z.record(z.string(), z.string()),
});

/**
 * The concepts that all of {@link MAIN} draw, in Unicode's order, without skin tones.
 *
 * @param words `en/data.json` of emojibase.
 * @param groupNames `meta/groups.json` of emojibase.
 */
export function findConcepts(words: unknown, groupNames: unknown, sets: IconSets): ConceptRow[] {
  const { groups, subgroups } = groupsSchema.parse(groupNames);
  const drawn = wordsSchema
    .parse(words)
    .filter(({ group, hexcode }) => {
      const id = conceptId(hexcode);
      return group !== undefined && MAIN.every((artist) => sets[artist].chars.has(id));
    })
    .sort((a, b) => a.order! - b.order!);
  const rows = drawn.map(({ hexcode, label, emoji, group, subgroup }) => {
    const id = conceptId(hexcode);
    const names = MAIN.map((artist) => sets[artist].chars.get(id)!);
    const icons: IconNames = {};
    MAIN.forEach((artist, i) => {
      icons[artist] = names[i]!;
    });
    return {
      id,
      character: emoji,
      name: label,
      group: groups[String(group)]!,
      subgroup: subgroups[String(subgroup)]!,
      agreed: new Set(names).size === 1,
      icons,
    };
  });
  for (const artist of BY_NAME) findByName(rows, artist, sets);
  return rows;
}

/**
 * Finds a set's icons by the names that the main sets have for a concept: first icons of those very
 * names, then aliases, then icons by the main sets' own aliases, which are older names. An icon that
 * several concepts could mean goes to the first by that order, so no drawing has two meanings.
 */
function findByName(
  rows: readonly ConceptRow[],
  artist: (typeof BY_NAME)[number],
  sets: IconSets,
): void {
  const set = sets[artist];
  const older = new Map<string, string[]>();
  for (const main of MAIN) {
    for (const [alias, { parent, hFlip }] of Object.entries(sets[main].aliases)) {
      const key = `${main}/${parent}`;
      if (!hFlip) older.set(key, [...(older.get(key) ?? []), alias]);
    }
  }
  const taken = new Set<string>();
  type Row = (typeof rows)[number];
  const current = ({ name, icons }: Row) => [...MAIN.map((main) => icons[main]!), slug(name)];
  const former = ({ icons }: Row) =>
    MAIN.flatMap((main) => older.get(`${main}/${icons[main]}`) ?? []);
  const own = (name: string) => (set.icons[name] ? name : undefined);
  const any = (name: string) => own(name) ?? set.aliases[name]?.parent;
  const passes = [
    { names: current, find: own },
    { names: current, find: any },
    { names: former, find: any },
  ];
  for (const { names, find } of passes) {
    for (const row of rows) {
      if (row.icons[artist] !== undefined) continue;
      const icon = names(row)
        .map(find)
        .find((found) => found !== undefined && !taken.has(found));
      if (icon === undefined) continue;
      taken.add(icon);
      row.icons[artist] = icon;
    }
  }
}

/** `piñata` → `pinata`, `man: blond hair` → `man-blond-hair`. */
function slug(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/[^\x20-\x7e]/g, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
