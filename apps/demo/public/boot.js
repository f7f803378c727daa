// Before the first paint: the theme and the language of the last visit, so that nothing flashes.
// A file of its own, because a content security policy refuses inline scripts.
(() => {
  const stored = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const root = document.documentElement;
  const theme = stored('chainrule.theme');
  if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
  const language = stored('chainrule.language') ?? navigator.language;
  root.lang = language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
})();
