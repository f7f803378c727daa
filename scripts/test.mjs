// `npm test`: sets everything up that is not set up yet, then runs every check and every test.
import './lib/check-node.mjs';

import('./lib/test.mjs').catch((error) => {
  console.error(error.message);
  console.log('\n0 passed, 1 failed');
  process.exit(1);
});
