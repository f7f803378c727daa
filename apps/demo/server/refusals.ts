import { problem } from './schemas.js';

const refusal = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: problem } },
});

/** Refusals as the OpenAPI description lists them. */
export const refusals = {
  400: refusal('The request is not as described; `detail` says what is wrong.'),
  404: refusal('There is no such thing.'),
  409: refusal('The run is over.'),
  413: refusal('The body is too large.'),
  415: refusal('The body is of another type.'),
  422: refusal('The picture can not be decoded, or has too many pixels.'),
  429: refusal('As many runs as may be are under way; `Retry-After` says when to come again.'),
  503: refusal(
    'What is asked is missing (`detail` says what to do) or overloaded (`Retry-After`).',
  ),
};
