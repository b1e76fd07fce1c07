/** What went wrong with a connection, in words that say what to do. */

type NetworkError = Error & {
  readonly code?: string;
  /** One for each address of a name. */
  readonly errors?: readonly Error[];
  /** The certificate that is for another name. */
  readonly cert?: { readonly subjectaltname?: string };
  readonly host?: string;
};

const unknownCa =
  "the server's certificate is not from a CA that this delegate trusts: put the CA's certificate into LEGATE_CA_FILE or LEGATE_CA_DIR";
const wantsCertificate =
  'the server asks for a client certificate: set LEGATE_CLIENT_CERT and LEGATE_CLIENT_KEY';
const otherCertificate =
  'use one that the server takes in LEGATE_CLIENT_CERT and LEGATE_CLIENT_KEY, or add its CA to those that the server takes';

const words: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownCa,
  UNABLE_TO_GET_ISSUER_CERT: unknownCa,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownCa,
  SELF_SIGNED_CERT_IN_CHAIN: unknownCa,
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownCa,
  CERT_UNTRUSTED: unknownCa,
  CERT_SIGNATURE_FAILURE: unknownCa,
  INVALID_CA: unknownCa,
  CERT_HAS_EXPIRED:
    "the server's certificate, or one of its CAs, has expired: renew it there; or this machine's clock is wrong",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet: one of the two clocks is wrong",
  CERT_REVOKED: "the server's certificate was revoked",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: wantsCertificate,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: `the server does not know the CA of the client certificate: ${otherCertificate}`,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: `the server says that the client certificate has expired: ${otherCertificate}`,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: `the server says that the client certificate was revoked: ${otherCertificate}`,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: `the server does not take the client certificate: ${otherCertificate}`,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: `the server does not take the client certificate: ${otherCertificate}`,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE:
    'the two sides have no version or cipher of TLS in common, or the server asks for a client certificate (LEGATE_CLIENT_CERT)',
  ERR_SSL_WRONG_VERSION_NUMBER:
    'what answers there does not speak TLS: is it http instead of https in LEGATE_URL, or another port?',
  ERR_SSL_PACKET_LENGTH_TOO_LONG:
    'what answers there does not speak TLS: is it http instead of https in LEGATE_URL, or another port?',
};

/** While a handshake is being written, OpenSSL's reason stands only in the text. */
function codeIn({ code = '', message }: NetworkError): string {
  const reason = code === 'EPROTO' ? /SSL routines:[^:]*:([^:]+):/.exec(message)?.[1] : undefined;
  return reason === undefined ? code : `ERR_SSL_${reason.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_')}`;
}

/** In words, with the code of what is known by one. */
export function problemOf(error: NetworkError): string {
  const code = codeIn(error);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = error.cert?.subjectaltname?.replaceAll(/(DNS|IP Address):/g, '').slice(0, 300);
    return `the server's certificate is for ${names || 'nobody'}, not for ${error.host ?? 'this name'}: is LEGATE_URL right? (${code})`;
  }
  const known = words[code];
  if (known !== undefined) return `${known} (${code})`;
  // A host name with several addresses fails with one error for each of them.
  const messages = error.errors?.map(inner => inner.message) ?? [];
  return error.message || messages.join('; ') || code || error.name;
}
