// What stories are told with: a shop's catalogue, customers on a clock, and time that passes.
import assert from 'node:assert/strict';
import { newClient } from './sandbox.mjs';

export const HOUR = 3_600;
export const DAY = 86_400;

// Seconds since 1970 of a UTC date.
export const at = (text) => Date.parse(text.includes('T') ? `${text}Z` : `${text}T00:00:00Z`) / 1000;
export const day = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);

// The error that a call must raise.
export async function refused(promise, status = 400) {
  try {
    await promise;
  } catch (error) {
    assert.equal(error.statusCode, status, error.message);
    return error;
  }
  throw new assert.AssertionError({ message: 'nothing was refused' });
}

export async function all(list) {
  return list.autoPagingToArray({ limit: 10_000 });
}

export class Shop {
  static async open(start = '2026-04-01') {
    const shop = new Shop();
    shop.stripe = newClient();
    shop.now = at(start);
    shop.clock = await shop.stripe.testHelpers.testClocks.create({ frozen_time: shop.now, name: 'story' });
    return shop;
  }

  async price(amount, recurring = { interval: 'month' }, more = {}) {
    const product = more.product ?? (await this.stripe.products.create({ name: 'Pro' })).id;
    return this.stripe.prices.create({
      currency: 'usd', unit_amount: amount, ...(recurring && { recurring }), ...more, product });
  }

  async customer(card = 'pm_card_visa', more = {}) {
    const customer = await this.stripe.customers.create({ test_clock: this.clock.id, email: 'jenny@example.com', ...more });
    if (card) await this.giveCard(customer.id, card);
    return customer;
  }

  async giveCard(customer, card) {
    const attached = await this.stripe.paymentMethods.attach(card, { customer });
    await this.stripe.customers.update(customer, { invoice_settings: { default_payment_method: attached.id } });
    return attached;
  }

  async to(moment) {
    this.now = typeof moment === 'string' ? at(moment) : moment;
    let clock = await this.stripe.testHelpers.testClocks.advance(this.clock.id, { frozen_time: this.now });
    for (let tries = 0; clock.status !== 'ready'; tries += 1) {
      assert.ok(tries < 100 && clock.status === 'advancing', `the clock is ${clock.status}`);
      clock = await this.stripe.testHelpers.testClocks.retrieve(this.clock.id);
    }
  }

  later(seconds) {
    return this.to(this.now + seconds);
  }

  // Oldest first.
  async invoices(filters = {}) {
    return (await all(this.stripe.invoices.list({ limit: 100, ...filters }))).reverse();
  }

  async events(type) {
    return (await all(this.stripe.events.list({ limit: 100, ...(type && { type }) }))).reverse();
  }
}
