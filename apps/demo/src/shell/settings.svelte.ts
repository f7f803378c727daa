export type Theme = 'auto' | 'light' | 'dark';
export type Language = 'en' | 'zh';

const root = document.documentElement;

/** What the reader chose; kept from visit to visit. `public/boot.js` reads it before the first paint. */
export const settings = $state<{ theme: Theme; language: Language }>({
  theme: (root.dataset.theme as Theme | undefined) ?? 'auto',
  language: root.lang === 'zh' ? 'zh' : 'en',
});

const preference = matchMedia('(prefers-color-scheme: dark)');
const system = $state({ dark: preference.matches });
preference.addEventListener('change', ({ matches }) => {
  system.dark = matches;
});

/** Whether the page is dark now; what draws on a canvas depends on it. */
export const isDark = () => (settings.theme === 'auto' ? system.dark : settings.theme === 'dark');

export function setTheme(theme: Theme): void {
  settings.theme = theme;
  if (theme === 'auto') delete root.dataset.theme;
  else root.dataset.theme = theme;
  store('chainrule.theme', theme);
}

export function setLanguage(language: Language): void {
  settings.language = language;
  root.lang = language;
  store('chainrule.language', language);
}

/** Private windows may refuse to store; the choice then lasts until the page is left. */
function store(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {}
}
