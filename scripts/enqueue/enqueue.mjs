#!/usr/bin/env node
// enqueue.mjs TO TEXT - push one SMS.  npm install redis
import { createClient } from 'redis';

const [to, text] = process.argv.slice(2);
const job = { to, text, enqueued_at: Date.now() };
const server = createClient({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379/0' });
await server.connect();
await server.lPush('bellhop:{sms}', JSON.stringify(job));
await server.quit();
