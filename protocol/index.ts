export * from './clock.ts';
export * from './close-codes.ts';
export * from './codec.ts';
export * from './failure.ts';
export * from './limits.ts';
export * from './liveness.ts';
export * from './messages.ts';
export * from './sealing.ts';
