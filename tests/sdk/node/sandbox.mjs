// Points the official Node SDK at a running sandbox (STRIPE_SANDBOX_URL).
import { randomUUID } from 'node:crypto';
import Stripe from 'stripe';

export const url = process.env.STRIPE_SANDBOX_URL ?? 'http://127.0.0.1:12111';

// A client with an account of its own: every secret key is one.
export function newClient(options = {}) {
  const { hostname, port } = new URL(url);
  return new Stripe(`sk_test_${randomUUID().replaceAll('-', '')}`, {
    host: hostname, port: Number(port), protocol: 'http', maxNetworkRetries: 0, ...options,
  });
}
