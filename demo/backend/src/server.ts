import { createServer } from 'node:http';

import { app } from './app.js';
import { identity } from './identity.js';
import { closeGracefully } from './shutdown.js';

const { PORT = '3000', HOST = '127.0.0.1' } = process.env;

// PORT is a number, or the path of a unix socket.
const address = /^\d+$/.test(PORT) ? { port: Number(PORT), host: HOST } : { path: PORT };

const server = createServer(app);
closeGracefully(server);
server.listen(address, () => {
  console.log(`release ${identity.release} (slot ${identity.slot}) listens on ${PORT}`);
});
