/** Usage scopes: which consumers may use an entity. Pure. */
import type { UsageScope } from './entities.ts';

/** On whose behalf somebody asks for a value. */
export interface UsageConsumer {
  readonly application: string;
  readonly environment: string;
  /** Is the environment one for production? */
  readonly production: boolean;
}

/**
 * May a consumer use an entity of this scope? One entry has to match in both of its sides. Without a consumer only
 * what nothing restricts may be used; FirstGen's entities that are scoped to the account belong to that.
 */
export function permits(scope: UsageScope, consumer: UsageConsumer | undefined): boolean {
  if (scope.length === 0) return true;
  if (!consumer) return false;
  return scope.some(({ application, environment }) => {
    if ('appId' in application && application.appId !== consumer.application) return false;
    if ('envId' in environment) return environment.envId === consumer.environment;
    return consumer.production === (environment.filterType === 'PRODUCTION_ENVIRONMENTS');
  });
}
