/** What this version of the backend says of itself. */
export const version = '1.0.0';

export const greeting = (): string => `${process.env.GREETING ?? 'Hello'} from the first release`;
