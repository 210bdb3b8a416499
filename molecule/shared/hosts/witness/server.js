// A backend that tells what reaches it: headers, WebSockets, streams. It depends on nothing.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const { PORT, BLUEGREEN_RELEASE: release, BLUEGREEN_SLOT: slot } = process.env;
const streams = new Set();

const say = (response, body) => {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ release, slot, pid: process.pid, ...body }));
};

const routes = {
  '/health': (_request, response) => say(response, { status: 'ok' }),
  '/headers': (request, response) => say(response, { headers: request.headers }),
  // One event at once, the next ones when somebody asks for them: who buffers waits for ever.
  '/events': (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write('data: 1\n\n');
    streams.add(response);
    response.on('close', () => streams.delete(response));
  },
  '/next': (_request, response) => {
    for (const stream of streams) stream.end('data: 2\n\n');
    say(response, {});
  },
  '/broken': (request) => request.socket.destroy(),
  '/unavailable': (_request, response) => {
    response.writeHead(502, { 'Content-Type': 'text/plain' });
    response.end('my own words');
  },
  '/log': (request, response) => {
    console.log(`line ${new URL(request.url, 'http://witness').searchParams.get('n')}`);
    say(response, {});
  },
};

const server = createServer((request, response) => {
  const route = routes[new URL(request.url, 'http://witness').pathname];
  if (route) route(request, response);
  else response.writeHead(404).end();
});

// Sends every frame back as it came, its mask taken off.
server.on('upgrade', (request, socket) => {
  const key = request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
  const accept = createHash('sha1').update(key).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on('data', (frame) => {
    const mask = frame.subarray(2, 6);
    const payload = frame.subarray(6).map((byte, index) => byte ^ mask[index % 4]);
    socket.write(Buffer.concat([Buffer.from([0x81, payload.length]), payload]));
  });
  // Half closed is not closed: a server that says nothing more to who has gone keeps the connection for ever.
  socket.on('end', () => socket.end());
  socket.on('error', () => socket.destroy());
});

process.on('SIGINT', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
server.listen(/^\d+$/.test(PORT) ? { port: Number(PORT), host: '127.0.0.1' } : { path: PORT });
