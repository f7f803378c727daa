// `npm start`, `npm run ask`, `pnpm catalog`: sets up what is not set up yet, then hands over to the
// chainrule command of that name.
import './lib/check-node.mjs';

import('./lib/start.mjs').catch((error) => {
  console.error(error.message);
  process.exit(1);
});
