import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scriptEnvironment } from './environment.ts';

const allowed = {
  PATH: '/bin',
  HOME: '/home/x',
  LANG: 'C.UTF-8',
  LC_ALL: 'C',
  LC_TIME: 'C',
  TZ: 'UTC',
  TMPDIR: '/tmp',
  USER: 'x',
  LOGNAME: 'x',
  SHELL: '/bin/sh',
  HTTP_PROXY: 'http://proxy',
  HTTPS_PROXY: 'http://proxy',
  NO_PROXY: 'localhost',
  ALL_PROXY: 'http://proxy',
  http_proxy: 'http://proxy',
  https_proxy: 'http://proxy',
  no_proxy: 'localhost',
  all_proxy: 'http://proxy',
  SSL_CERT_FILE: '/ca',
  SSL_CERT_DIR: '/cas',
  CURL_CA_BUNDLE: '/ca',
  GIT_SSL_CAINFO: '/ca',
  REQUESTS_CA_BUNDLE: '/ca',
  NODE_EXTRA_CA_CERTS: '/ca',
};

const refused = {
  LEGATE_TOKEN: 't',
  DELEGATE_TOKEN: 't',
  TOKEN: 't',
  LEGATE_URL: 'u',
  AWS_SECRET_ACCESS_KEY: 's',
  BASH_ENV: '/tmp/x',
  ENV: '/tmp/x',
  SHELLOPTS: 'xtrace',
  BASHOPTS: 'x',
  IFS: 'x',
  CDPATH: '/',
  LD_PRELOAD: '/x.so',
  NODE_OPTIONS: '--inspect',
  'BASH_FUNC_printf%%': '() { :; }',
  PROXY_PASSWORD: 'p',
  path: '/x',
};

test('scripts see what is on the list, and nothing else', () => {
  assert.deepEqual(scriptEnvironment({ ...allowed, ...refused }, []), allowed);
});

test('scripts see what the operator lists besides', () => {
  const own = { PATH: '/bin', KUBECONFIG: '/k', VAULT_ADDR: '', OTHER: 'x' };
  assert.deepEqual(scriptEnvironment(own, ['KUBECONFIG', 'VAULT_ADDR', 'ABSENT']), {
    PATH: '/bin',
    KUBECONFIG: '/k',
    VAULT_ADDR: '',
  });
});

test('what is not set stays unset', () => {
  assert.deepEqual(scriptEnvironment({}, []), {});
});
