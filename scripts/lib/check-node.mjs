// Imported first, and written for engines far older than the one it asks for: everything newer is
// behind a dynamic import that runs only after this check.
var wanted = [20, 19];
var found = process.versions.node.split('.').map(Number);

if (found[0] < wanted[0] || (found[0] === wanted[0] && found[1] < wanted[1])) {
  console.error(
    'Chainrule needs Node ' +
      wanted.join('.') +
      ' or later; this is ' +
      process.version +
      ' (' +
      process.execPath +
      ').\n' +
      "Install a current Node, for example with `npx --yes n lts`, `nvm install 22` or your system's packages.",
  );
  process.exit(1);
}
