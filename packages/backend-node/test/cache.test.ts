import { expect, test } from 'vitest';
import { cacheFolder, nativePaths } from '../src/cache.js';

test('the cache folder is CHAINRULE_CACHE, else the platform’s own', () => {
  const home = '/home/ada';
  expect(cacheFolder({ CHAINRULE_CACHE: '/big/disk' }, 'linux', home)).toBe('/big/disk');
  expect(cacheFolder({ XDG_CACHE_HOME: '/xdg' }, 'linux', home)).toBe('/xdg/chainrule');
  expect(cacheFolder({}, 'linux', home)).toBe('/home/ada/.cache/chainrule');
  expect(cacheFolder({}, 'darwin', home)).toBe('/home/ada/Library/Caches/chainrule');
  expect(cacheFolder({ LOCALAPPDATA: '/local' }, 'win32', home)).toBe('/local/chainrule/Cache');
});

test('a library of the user’s own has a binding of its own', () => {
  const pinned = nativePaths({ CHAINRULE_CACHE: '/c' });
  const own = nativePaths({ CHAINRULE_CACHE: '/c', CHAINRULE_LIBTENSORFLOW: '/opt/tf' });
  const other = nativePaths({ CHAINRULE_CACHE: '/c', CHAINRULE_LIBTENSORFLOW: '/opt/tf3' });
  expect(own.library).toBe('/opt/tf');
  expect(new Set([pinned, own, other].map((paths) => paths.binding)).size).toBe(3);
  expect(own.kernels).toBe(pinned.kernels);
});
