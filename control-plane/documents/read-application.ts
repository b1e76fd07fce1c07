/** An application's document: an application and its environments, which usage scopes speak of. */
import { duplicates } from '../domain/inputs.ts';
import { ApplicationDocument } from './schemas.ts';
import { type Checked, checker } from './validate.ts';

const check = checker(ApplicationDocument, 'application');

export interface ApplicationSource {
  readonly id: string;
  readonly name: string;
  readonly environments: readonly {
    readonly id: string;
    readonly name: string;
    readonly production: boolean;
  }[];
}

/** Reads what stands below the key `application`. */
export function readApplication(data: unknown): Checked<ApplicationSource> {
  const checked = check(data);
  if (!checked.ok) return checked;
  const { identifier, name, environments = [] } = checked.value;
  const twice = duplicates(environments.map(environment => environment.identifier));
  if (twice.length > 0)
    return { ok: false, problems: twice.map(id => `application.environments: duplicate "${id}"`) };
  return {
    ok: true,
    value: {
      id: identifier,
      name,
      environments: environments.map(environment => ({
        id: environment.identifier,
        name: environment.name,
        production: environment.type === 'Production',
      })),
    },
  };
}
