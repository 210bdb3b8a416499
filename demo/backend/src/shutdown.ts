import type { Server, ServerResponse } from 'node:http';

/** After this long, requests that are still running are given up. */
const PATIENCE_MS = 10_000;

/**
 * On SIGINT or SIGTERM: accept nothing new, finish what is in flight, tell keep-alive clients to go, and exit.
 * A second signal changes nothing: PM2 may send two.
 */
export function closeGracefully(server: Server): void {
  const inFlight = new Set<ServerResponse>();
  let closing = false;

  const sayGoodbye = (response: ServerResponse): void => {
    if (!response.headersSent) response.setHeader('Connection', 'close');
  };

  server.prependListener('request', (_request, response) => {
    inFlight.add(response);
    response.once('close', () => inFlight.delete(response));
    if (closing) sayGoodbye(response);
  });

  const close = (): void => {
    if (closing) return;
    closing = true;
    inFlight.forEach(sayGoodbye);
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setTimeout(() => process.exit(1), PATIENCE_MS).unref();
  };

  process.on('SIGINT', close);
  process.on('SIGTERM', close);
}
