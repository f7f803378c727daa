// `npm start`: sets everything up that is not set up yet, then hands over to the chainrule command.
import './lib/check-node.mjs';

import('./lib/start.mjs').catch((error) => {
  console.error(error.message);
  process.exit(1);
});
