/** This program's version. A test holds it to package.json's; reading that file would not survive bundling. */
export const serverVersion = '0.1.0';
