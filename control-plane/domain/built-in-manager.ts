/** The built-in secret manager: where the credentials that scripts need are kept, encrypted. */

/** Its identifier in existing files, in every scope. */
export const builtInManager = 'harnessSecretManager';

/** What messages call it. */
export const builtInManagerName = 'Legate built-in secret manager';

const aliases = new RegExp(`^((account|org)\\.)?${builtInManager}$`);

/** Is this the built-in secret manager, by the name that existing files have for it, or by none? */
export const isBuiltInManager = (reference: string) => reference === '' || aliases.test(reference);

/** The owner of a secret's value among the encrypted values. */
export const valueOwner = (secret: { readonly uuid: string }) => `secret/${secret.uuid}`;
