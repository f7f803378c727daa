#!/usr/bin/env node
import { main } from '../dist/main.js';

// `chainrule catalog | head` closes the pipe early, which is no failure.
process.stdout.on('error', (error) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

process.exitCode = await main(process.argv.slice(2));
