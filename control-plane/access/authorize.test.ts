import assert from 'node:assert/strict';
import test from 'node:test';
import { accessDenied, RequestError } from '../domain/errors.ts';
import { actions, allows, type Caller, type Grant } from '../domain/permissions.ts';
import { authorize, authorizeFound, visible } from './authorize.ts';

const callerWith = (...grants: Grant[]): Caller => ({ keyId: '1', name: 'ci', grants, source: '::1' });
const notFound = () => new RequestError('RESOURCE_NOT_FOUND', 'there is no x');
const target = { scope: 'org/payments/demo', secret: 'org/payments/demo/x' } as const;

test('who may not see something gets the same answer as if it were not there, whatever is asked', () => {
  const blind = [
    callerWith(),
    callerWith({ role: 'admin', scope: 'org/other' }),
    callerWith({ role: 'admin', scope: 'org/payments/demo2' }),
    callerWith({ role: 'fetcher', scope: 'org/payments', secret: 'org/payments/demo/y' }),
  ];
  for (const caller of blind) {
    assert.equal(visible(caller, target), false);
    for (const action of actions)
      assert.throws(() => authorizeFound(caller, action, target, notFound), notFound());
  }
});

test('who may see something is told that the right for more is missing', () => {
  const viewer = callerWith({ role: 'viewer', scope: 'org/payments' });
  assert.equal(visible(viewer, target), true);
  for (const action of actions.filter(action => action !== 'view'))
    assert.throws(() => authorizeFound(viewer, action, target, notFound), accessDenied());
});

test('a right that is there lets pass, and the answer about a scope depends on the rights alone', () => {
  for (const role of ['viewer', 'editor', 'admin', 'fetcher'] as const) {
    const caller = callerWith({ role, scope: 'org/payments' });
    for (const action of actions) {
      if (allows(caller.grants, action, target)) {
        authorize(caller, action, target);
        authorizeFound(caller, action, target, notFound);
      } else assert.throws(() => authorize(caller, action, target), accessDenied());
    }
  }
});
