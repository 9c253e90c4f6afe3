import { describe, expect, it, jest } from '@jest/globals';
import { Actor, Command, LiveActor, SchemaError } from 'omniscient-nest';
import { Given } from 'omniscient-nest/testing';
import { z } from 'zod';
import { User } from '../../support/users.js';

@Actor({ schemas: { paid: z.object({ cents: z.number().int(), by: z.string().default('cash') }) } })
class Till extends LiveActor<object, { paid: { cents: number; by?: string } }> {
  initialState() {
    return {};
  }
  @Command({ args: [z.number().positive()] }) pay(cents: number): void {
    this.fire('paid', { cents });
  }
}

describe('Given, When, Then', () => {
  it('takes given events of any time, and upcasts them', async () => {
    await Given('users of three times', [
      { name: 'signed_up', data: { username: 'Anna A' } },
      { name: 'signed_up', data: { name: 'Berta B', email: null } },
      { name: 'joined', data: { name: 'Clara C' } },
    ])
      .When(User, 'signUp', 'Dora', 'D')
      .Then([{ name: 'signed_up', data: { first: 'Dora', last: 'D', email: null } }])
      .AndState({
        users: [
          { first: 'Anna', last: 'A', email: null },
          { first: 'Berta', last: 'B', email: null },
          { first: 'Clara', last: 'C', email: '{string}' },
          { first: 'Dora', last: 'D', email: null },
        ],
      });
  });

  it('looks at schemas as in the application', async () => {
    await Given()
      .When(Till, 'pay', 5)
      .Then([{ name: 'paid', data: { cents: 5, by: 'cash' } }])
      .When(Till, 'pay', -1)
      .ThenThrows({ code: 'SCHEMA_MISMATCH', path: 'args[0]' })
      .When(Till, 'pay', 0.5)
      .ThenThrows(SchemaError)
      .Then([]);
  });

  it('does not warn of events whose class the test has not come to yet', async () => {
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => {});
    await Given([{ name: 'signed_up', data: { username: 'Anna A' } }]).When(Till, 'pay', 5);
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });
});
