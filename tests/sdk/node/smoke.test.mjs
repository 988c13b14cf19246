import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newClient } from './sandbox.mjs';

test('a customer is made and found', async () => {
  const stripe = newClient();
  const made = await stripe.customers.create({ email: 'jenny@example.com' });
  assert.equal((await stripe.customers.retrieve(made.id)).email, 'jenny@example.com');
});
