import { setTimeout as sleep } from 'node:timers/promises';

import express from 'express';

import { greeting, version } from './greeting.js';
import { identity } from './identity.js';

const LONGEST_MS = 30_000;

export const app = express();

app.disable('x-powered-by');
app.use(express.json());

app.get('/health', (_request, response) => {
  response.json({ status: 'ok', ...identity, pid: process.pid, uptime: process.uptime() });
});

app.get('/', (_request, response) => {
  response.json({ greeting: greeting(), version, ...identity });
});

app.get('/slow', async (request, response) => {
  const ms = Math.min(Math.max(Number(request.query.ms) || 0, 0), LONGEST_MS);
  await sleep(ms);
  response.json({ waited: ms, ...identity });
});

app.post('/echo', (request, response) => {
  response.json({ echo: request.body ?? null, ...identity });
});
