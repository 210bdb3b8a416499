import { readFileSync } from 'node:fs';

/** Which release answers, and from which slot: whoever asks can tell one deploy from the next. */
export const identity = {
  release: process.env.BLUEGREEN_RELEASE ?? revision(),
  slot: process.env.BLUEGREEN_SLOT ?? 'none',
};

function revision(): string {
  try {
    return readFileSync(new URL('../REVISION', import.meta.url), 'utf8').trim();
  } catch {
    return 'development';
  }
}
